//! A test's name says what is so; that it is a test is said by its attribute.

use super::rust::Source;
use super::{Context, Finding};

/// The word that says nothing.
const PREFIX: &str = "test_";

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in context.tree.rust() {
        let source = Source::new(text);
        for (name, line) in tests(&source) {
            if name.starts_with(PREFIX) {
                let what = format!("the test `{name}` begins with `{PREFIX}`");
                findings.push(Finding::new(path, line, what, "say what is so"));
            }
        }
    }
    findings
}

/// The functions after `#[test]`, in macros too.
pub(super) fn tests<'a>(source: &Source<'a>) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    let mut is_next = false;
    for window in source.code.windows(4) {
        let texts = [window[0].text, window[1].text, window[2].text, window[3].text];
        if texts == ["#", "[", "test", "]"] {
            is_next = true;
        } else if is_next && texts[0] == "fn" {
            found.push((texts[1], window[1].line));
            is_next = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_found_on_tests_only() {
        let source = "fn test_bed() {}\n#[test]\n#[should_panic]\nfn test_it() {}\n\
            proptest! { #[test] fn test_more(a in 0..3) {} #[test] fn it_holds(a in 0..3) {} }";
        let found = check(&Context::of(&[("a.rs", source)]));
        let lines: Vec<_> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [4, 5], "{found:?}");
    }
}
