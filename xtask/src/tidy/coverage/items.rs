//! The list of items.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Deserialize;

use super::row;
use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// Where it is.
pub(super) const FILE: &str = "docs/nvme-items.toml";

/// The list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Items {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    title: String,
    /// A paragraph about the group.
    #[serde(default)]
    about: String,
    item: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    what: String,
    /// Files or folders.
    #[serde(default)]
    code: Vec<String>,
    /// Names of tests, or of checks of the conformance test.
    #[serde(default)]
    tests: Vec<String>,
    /// Why it is not there.
    #[serde(default)]
    not: String,
}

impl Items {
    pub(super) fn read(tree: &Tree) -> Result<Self, Finding> {
        let text = tree.get(FILE).unwrap_or_default();
        toml::from_str(text).map_err(|error| Finding::new(FILE, 1, error.message(), "correct it"))
    }

    fn all(&self) -> impl Iterator<Item = &Item> {
        self.group.iter().flat_map(|group| &group.item)
    }

    /// Files and tests that are not there, and items that contradict themselves.
    pub(super) fn findings(&self, tree: &Tree, known: &BTreeSet<String>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut complain = |what: String, remedy: &str| {
            findings.push(Finding::new(FILE, 1, what, remedy));
        };
        for item in self.all() {
            for path in item.code.iter().filter(|path| !tree.has(path)) {
                complain(format!("{}: there is no {path}", item.what), "name what there is");
            }
            for test in item.tests.iter().filter(|test| !known.contains(*test)) {
                complain(format!("{}: there is no test {test}", item.what), "name one that is");
            }
            if !item.not.is_empty() && !item.tests.is_empty() {
                let what = format!("{} is both tested and left out", item.what);
                complain(what, "decide");
            }
        }
        findings
    }

    pub(super) fn render(&self, text: &mut String) {
        let tested = self.all().filter(|item| !item.tests.is_empty()).count();
        let left_out = self.all().filter(|item| !item.not.is_empty()).count();
        let open = self.all().filter(|item| item.tests.is_empty() && item.not.is_empty()).count();
        writeln!(
            text,
            "\n{} items: {tested} with named tests, {left_out} left out with a reason, {open} open.",
            self.all().count()
        )
        .expect("writing to a string");
        for group in &self.group {
            group.render(text);
        }
    }
}

impl Group {
    fn render(&self, text: &mut String) {
        write!(text, "\n## {}\n\n", self.title).expect("writing to a string");
        if !self.about.is_empty() {
            write!(text, "{}\n\n", self.about).expect("writing to a string");
        }
        row(text, &["item", "where", "tests"]);
        row(text, &["---", "---", "---"]);
        for item in &self.item {
            let tests = match (item.tests.is_empty(), item.not.is_empty()) {
                (false, _) => quoted(&item.tests),
                (true, false) => format!("not implemented: {}", item.not),
                (true, true) => "**open**".to_owned(),
            };
            row(text, &[&item.what, &quoted(&item.code), &tests]);
        }
    }
}

/// Names as code, one below the other.
fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join("<br>")
}
