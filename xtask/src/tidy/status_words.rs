//! The document that decides about errors knows every status that the controller gives.

use super::rust::Source;
use super::{Context, Finding};

/// Where statuses have their constants and their words.
const CODES: &str = "nvme-model/spec/src/status/codes.rs";
const DOCUMENT: &str = "docs/nvme-errors.md";
const MODEL: &str = "nvme-model/src/";

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let document = context.tree.get(DOCUMENT).unwrap_or_default();
    let missing: Vec<(&str, &str)> = context
        .tree
        .get(CODES)
        .into_iter()
        .flat_map(named)
        .filter(|(_, word)| !document.contains(&format!("`{word}`")))
        .collect();
    let mut findings = Vec::new();
    for (path, text) in context.tree.rust().filter(|(path, _)| is_model(path)) {
        let source = Source::new(text);
        for (constant, word) in &missing {
            if let Some(token) = source.find(&["status", ":", ":", constant]).next() {
                let what = format!("the status `{word}` is not in {DOCUMENT}");
                let remedy = "add the row that says when the controller gives it";
                findings.push(Finding::new(path, token.line, what, remedy));
            }
        }
    }
    findings
}

/// The controller itself: its tests name what never happens, too.
fn is_model(path: &str) -> bool {
    path.starts_with(MODEL) && !path.contains("tests")
}

/// The constants of the table, each with its word: lines like `NAME = 0, 0x02, "generic/name";`.
fn named(codes: &str) -> impl Iterator<Item = (&str, &str)> {
    codes.lines().filter_map(|line| {
        let (constant, rest) = line.trim().split_once(" = ")?;
        let word = rest.split('"').nth(1)?;
        let is_constant = constant.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase());
        (is_constant && constant != "SUCCESS").then_some((constant, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "    SUCCESS = 0, 0x00, \"generic/success\";\n    /// Doc.\n\
        \x20   GUARD_CHECK = 2, 0x82, \"media/guard-check\";\n";

    fn found(document: &str, path: &str) -> Vec<Finding> {
        let source = "//! Doc.\nfn f() -> StatusCode {\n    status::GUARD_CHECK\n}\n";
        check(&Context::of(&[(CODES, ROWS), (DOCUMENT, document), (path, source)]))
    }

    #[test]
    fn a_status_that_nobody_decided_about_is_found_where_it_is_given() {
        let findings = found("nothing", "nvme-model/src/data/a.rs");
        assert_eq!((findings.len(), findings[0].line), (1, 3), "{findings:?}");
        assert!(findings[0].what.contains("media/guard-check"));
    }

    #[test]
    fn a_status_with_its_word_or_in_a_test_is_silent() {
        assert_eq!(found("| wrong | Guard | `media/guard-check` |", "nvme-model/src/a.rs"), []);
        assert_eq!(found("nothing", "nvme-model/src/tests/a.rs"), []);
        assert_eq!(found("nothing", "vmm/src/a.rs"), []);
    }
}
