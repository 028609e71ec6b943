//! The places in the standards that the sources refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::row;
use crate::tidy::rust::Source;
use crate::tidy::test_names::tests;
use crate::tidy::tree::Tree;

/// The standards of NVM Express; others are not this document's business.
const KEYS: &str = "NVM";

/// What refers to a place.
#[derive(Default)]
struct Place {
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
    /// Tests in the files that refer to it, or in those files' own test modules.
    beside: usize,
}

/// Adds the table of places.
pub(super) fn render(text: &mut String, tree: &Tree) {
    let places = collect(tree);
    write!(
        text,
        "\n## By place in the standard\n\n\
         The {} places that a `Spec:` line names. \"Asked\" are conformance checks and test files that name\n\
         the same place; \"beside\" counts the tests in the same files and their test modules.\n\n",
        places.len()
    )
    .expect("writing to a string");
    row(text, &["place", "code", "asked by", "beside"]);
    row(text, &["---", "---", "---", "---"]);
    for (place, found) in &places {
        let beside = if found.beside == 0 { String::new() } else { found.beside.to_string() };
        row(text, &[place, &list(&found.code), &list(&found.tests), &beside]);
    }
}

fn collect(tree: &Tree) -> BTreeMap<String, Place> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for (path, source) in tree.rust() {
        let source = Source::new(source);
        for (_, comment) in source.comment_lines() {
            let Some(reference) = comment.strip_prefix("Spec:").map(str::trim) else { continue };
            if !reference.starts_with(KEYS) {
                continue;
            }
            let place = places.entry(reference.replace('|', "\\|")).or_default();
            if is_test(path) {
                place.tests.insert(path.to_owned());
            } else if place.code.insert(path.to_owned()) {
                place.beside += beside(tree, path, &source);
            }
        }
    }
    places
}

/// Whether a file asks and does not answer.
fn is_test(path: &str) -> bool {
    path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.starts_with("images/conformance/")
}

fn beside(tree: &Tree, path: &str, source: &Source<'_>) -> usize {
    let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let inner = tree.get(&format!("{module}/tests.rs"));
    tests(source).len() + inner.map_or(0, |text| tests(&Source::new(text)).len())
}

fn list(paths: &BTreeSet<String>) -> String {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    paths.join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_code_its_questions_and_its_tests() {
        let tree = Tree::of(&[
            ("m/src/a.rs", "// Spec: NVMe-Base-2.0c 5.1 \"Abort\"\n#[test]\nfn it_aborts() {}"),
            ("m/src/a/tests.rs", "#[test]\nfn it_aborts_twice() {}"),
            ("images/conformance/src/b.rs", "//! Spec: NVMe-Base-2.0c 5.1 \"Abort\"\n"),
            ("v/src/c.rs", "// Spec: VIRTIO-1.2 5.2 \"Block\"\n"),
        ]);
        let mut text = String::new();
        render(&mut text, &tree);
        let row =
            "| NVMe-Base-2.0c 5.1 \"Abort\" | `m/src/a.rs` | `images/conformance/src/b.rs` | 2 |";
        assert!(text.contains(row), "{text}");
        assert!(!text.contains("VIRTIO"));
    }
}
