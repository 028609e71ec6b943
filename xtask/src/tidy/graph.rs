//! The crate graph: every edge between packages of this repository must be in the table.
//!
//! The table is data (`xtask/data/crate-graph.toml`). An edge that is missing there is a back arrow
//! until somebody has decided, in review, that it is not.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::packages::{Dependency, Package};
use super::rust::Source;
use super::tree::Tree;
use super::{Context, Finding};

const TABLE: &str = "xtask/data/crate-graph.toml";

/// Switches on what only tests may use.
const TESTING_FEATURE: &str = "testing";

/// The table: package to what it may depend on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "crate")]
    crates: BTreeMap<String, Allowed>,
}

/// A row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    /// Packages of this repository.
    normal: Vec<String>,
    /// Further ones for tests, benches and examples.
    #[serde(default)]
    dev: Vec<String>,
    /// Packages that it may build with their test doubles.
    #[serde(default)]
    doubles: Vec<String>,
    /// Runs in the guest: `no_std`, `forbid(unsafe_code)`, and only these outside packages.
    guest: Option<Guest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Guest {
    /// Outside packages that the guest may be built from.
    outside: Vec<String>,
}

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let text = context.tree.get(TABLE).unwrap_or_default();
    match toml::from_str::<Table>(text) {
        Ok(table) => compare(&table, &context.packages, &context.tree),
        Err(error) => vec![Finding::new(TABLE, 1, error.message(), "correct the table")],
    }
}

fn compare(table: &Table, packages: &[Package], tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(allowed) = table.crates.get(&package.name) else {
            let what = format!("the crate {} is not in {TABLE}", package.name);
            findings.push(Finding::new(
                &package.manifest,
                1,
                what,
                "add a row with what it may use",
            ));
            continue;
        };
        findings.extend(
            package.dependencies.iter().filter_map(|edge| edge_finding(package, edge, allowed)),
        );
        if allowed.guest.is_some() {
            findings.extend(guest_findings(package, tree));
        }
    }
    for name in table.crates.keys().filter(|name| !packages.iter().any(|p| p.name == **name)) {
        findings.push(Finding::new(
            TABLE,
            1,
            format!("there is no crate {name}"),
            "remove the row",
        ));
    }
    findings
}

fn edge_finding(package: &Package, edge: &Dependency, allowed: &Allowed) -> Option<Finding> {
    let Dependency { name, is_dev, is_ours, features } = edge;
    let from = &package.name;
    let complain =
        |what: String, remedy: &str| Some(Finding::new(&package.manifest, 1, what, remedy));
    if !is_ours {
        let guest = allowed.guest.as_ref().filter(|_| !is_dev)?;
        if guest.outside.contains(name) {
            return None;
        }
        let what = format!("the guest crate {from} uses {name} from outside");
        return complain(what, "do without it, or add it to the row with the reason");
    }
    let is_allowed = allowed.normal.contains(name) || (*is_dev && allowed.dev.contains(name));
    if !is_allowed {
        let kind = if *is_dev { "dev-dependency" } else { "dependency" };
        let what = format!("{kind} {from} -> {name} is not in {TABLE}");
        return complain(what, "turn the arrow round, or record the decision there");
    }
    let may_use_doubles = *is_dev || allowed.doubles.contains(name);
    if !may_use_doubles && features.iter().any(|feature| feature == TESTING_FEATURE) {
        let what = format!("{from} builds {name} with its feature `{TESTING_FEATURE}`");
        return complain(what, "test doubles belong into dev-dependencies");
    }
    None
}

/// The library of a guest crate says itself that it is `no_std` and safe.
fn guest_findings(package: &Package, tree: &Tree) -> Vec<Finding> {
    let root = format!("{}/src/lib.rs", package.folder());
    let source = Source::new(tree.get(&root).unwrap_or_default());
    let mut findings = Vec::new();
    if source.find(&["no_std"]).next().is_none() {
        findings.push(Finding::new(&root, 1, "a guest crate is `no_std`", "add the attribute"));
    }
    if source.find(&["forbid", "(", "unsafe_code", ")"]).next().is_none() {
        findings.push(Finding::new(
            &root,
            1,
            "a guest crate forbids unsafe code",
            "add the attribute",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE_TEXT: &str = "
        [crate.low]
        normal = []
        guest.outside = []
        [crate.high]
        normal = [\"low\"]
        dev = [\"tool\"]
    ";

    fn package(name: &str, edges: &[(&str, bool, bool)]) -> Package {
        let edge = |(name, is_dev, is_ours): &(&str, bool, bool)| Dependency {
            name: (*name).to_owned(),
            is_dev: *is_dev,
            is_ours: *is_ours,
            features: Vec::new(),
        };
        let dependencies = edges.iter().map(edge).collect();
        Package {
            name: name.to_owned(),
            manifest: format!("{name}/Cargo.toml"),
            dependencies,
            ..Package::default()
        }
    }

    fn findings(packages: &[Package]) -> Vec<String> {
        let good = "#![no_std]\n#![forbid(unsafe_code)]";
        let tree = Tree::of(&[("low/src/lib.rs", good)]);
        let table = toml::from_str(TABLE_TEXT).unwrap();
        compare(&table, packages, &tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn allowed_edges_are_silent() {
        let high =
            package("high", &[("low", false, true), ("tool", true, true), ("serde", false, false)]);
        assert_eq!(findings(&[package("low", &[]), high]), [""; 0]);
    }

    #[test]
    fn a_back_arrow_is_found() {
        let found = findings(&[package("low", &[("high", false, true)]), package("high", &[])]);
        assert!(found[0].contains("dependency low -> high"), "{found:?}");
    }

    #[test]
    fn a_dev_edge_is_not_a_normal_edge() {
        let found = findings(&[package("low", &[]), package("high", &[("tool", false, true)])]);
        assert!(found[0].contains("dependency high -> tool"), "{found:?}");
    }

    #[test]
    fn an_outside_crate_in_the_guest_is_found() {
        let found = findings(&[package("low", &[("rand", false, false)]), package("high", &[])]);
        assert!(found[0].contains("uses rand from outside"), "{found:?}");
    }

    #[test]
    fn doubles_for_tests_in_the_product_are_found() {
        let mut high = package("high", &[("low", false, true)]);
        high.dependencies[0].features.push("testing".to_owned());
        let found = findings(&[package("low", &[]), high]);
        assert!(found[0].contains("`testing`"), "{found:?}");
    }

    #[test]
    fn the_table_and_the_crates_are_the_same_set() {
        let found = findings(&[package("low", &[]), package("new", &[])]);
        assert!(found[0].contains("the crate new is not in"), "{found:?}");
        assert_eq!(found[1], "there is no crate high");
    }

    #[test]
    fn a_guest_crate_that_may_be_unsafe_is_found() {
        let tree = Tree::of(&[("low/src/lib.rs", "// no_std forbid(unsafe_code)")]);
        let table = toml::from_str(TABLE_TEXT).unwrap();
        let found = compare(&table, &[package("low", &[]), package("high", &[])], &tree);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
