//! Comments in plain ASCII, and nothing left undone in them.

use super::markdown::prose_lines;
use super::rust::Source;
use super::{Context, Finding};

/// Words that mark unfinished work.
const MARKS: [&str; 2] = ["TODO", "FIXME"];

/// Macros that stand for code nobody wrote.
const STUBS: [&str; 2] = ["todo", "unimplemented"];

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in context.tree.rust() {
        rust_findings(path, text, &mut findings);
    }
    for (path, text) in context.tree.with_extension("md") {
        marks(path, prose_lines(text), &mut findings);
    }
    for extension in ["toml", "ld", "S", "sh"] {
        for (path, text) in context.tree.with_extension(extension) {
            marks(path, text.lines().enumerate().map(|(i, line)| (i + 1, line)), &mut findings);
        }
    }
    findings
}

fn rust_findings(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let source = Source::new(text);
    for (line, comment) in source.comment_lines() {
        if let Some(odd) = comment.chars().find(|c| !c.is_ascii()) {
            let what = format!("the comment has the character {odd:?}");
            findings.push(Finding::new(path, line, what, "write it in ASCII"));
        }
    }
    marks(path, source.comment_lines(), findings);
    for stub in STUBS {
        for place in source.find(&[stub, "!"]) {
            let what = format!("`{stub}!` stands for code that is missing");
            findings.push(Finding::new(
                path,
                place.line,
                what,
                "write the code, or return an error",
            ));
        }
    }
}

fn marks<'a>(
    path: &str,
    lines: impl Iterator<Item = (usize, impl AsRef<str> + 'a)>,
    findings: &mut Vec<Finding>,
) {
    for (line, text) in lines {
        let mut words = text.as_ref().split(|c: char| !c.is_ascii_alphanumeric());
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            let what = format!("{mark} marks unfinished work");
            findings.push(Finding::new(path, line, what, "finish it, or say what is so and why"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let findings = check(&Context::of(&[(path, text)]));
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_typographic_dash_in_a_comment_is_found_but_not_in_a_string() {
        let findings = found("a.rs", "let a = \"\u{2013}\";\n/// one \u{2013} two\nfn f() {}\n");
        assert_eq!(findings, [(2, "the comment has the character '\u{2013}'".to_owned())]);
    }

    #[test]
    fn a_full_width_mark_does_not_hide_a_comment() {
        assert_eq!(found("a.rs", "//\u{ff01} looks like documentation\n").len(), 1);
    }

    #[test]
    fn unfinished_work_is_found_in_every_kind_of_file() {
        let mark = MARKS[0];
        assert_eq!(found("a.rs", &format!("fn f() {{ // {mark}: later\n todo!() }}\n")).len(), 2);
        assert_eq!(found("a.md", &format!("# A\n\n{mark} write this\n")).len(), 1);
        assert_eq!(found("a.toml", &format!("# {mark}\n")).len(), 1);
    }

    #[test]
    fn a_document_may_name_the_word_as_code() {
        assert_eq!(found("a.md", &format!("# A\n\nNo `{}` here.\n", MARKS[0])), []);
    }
}
