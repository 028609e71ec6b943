//! The rules of this repository that a compiler does not know, checked over the whole tree.
//!
//! Each module is one rule family with a function from the tree to its [`Finding`]s, and tests that
//! show it catches a violation. [`check`] runs them all; `cargo xtask tidy` prints what it returns and
//! `tests/tests/tidy` demands that it returns nothing.
//!
//! What this does not do: it never changes a file, and it judges no style that rustfmt or clippy
//! already judge.

mod architecture;
mod comments;
mod coverage;
mod determinism;
mod finding;
mod graph;
mod length;
mod lints;
mod machine_paths;
mod markdown;
mod orphans;
mod packages;
mod ratchet;
mod rust;
mod spec_keys;
mod status_words;
mod test_names;
mod tree;
mod unsafe_code;

use std::path::Path;

use anyhow::Result;

pub use finding::Finding;

use packages::Package;
use tree::Tree;

/// What every check looks at.
struct Context {
    /// The text files that are, or are about to be, under version control.
    tree: Tree,
    /// The packages of all workspaces in the tree.
    packages: Vec<Package>,
}

/// A rule family: its name, and the function that finds violations.
type Check = (&'static str, fn(&Context) -> Vec<Finding>);

/// All of them, cheapest to understand first.
const CHECKS: [Check; 14] = [
    ("crate graph", graph::check),
    ("architecture document", architecture::check),
    ("lint lists", lints::check),
    ("length", length::check),
    ("comments", comments::check),
    ("spec keys", spec_keys::check),
    ("determinism", determinism::check),
    ("orphan files", orphans::check),
    ("unsafe code", unsafe_code::check),
    ("machine paths", machine_paths::check),
    ("markdown", markdown::check),
    ("test names", test_names::check),
    ("nvme coverage", coverage::check),
    ("status words", status_words::check),
];

/// Checks the repository at `root`; the findings are sorted by place.
///
/// # Errors
/// When the tree cannot be read: no git, no cargo, a file that vanished.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let tree = Tree::read(root)?;
    let packages = packages::read(root, &tree)?;
    let context = Context { tree, packages };
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(&context)).collect();
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Writes `docs/nvme-coverage.md` anew.
///
/// # Errors
/// When the tree cannot be read, the list of items is wrong, or the file cannot be written.
pub fn write_coverage(root: &Path) -> Result<()> {
    let text = coverage::generate(&Tree::read(root)?);
    let text = text.map_err(|finding| anyhow::anyhow!("{finding}"))?;
    Ok(std::fs::write(root.join(coverage::DOCUMENT), text)?)
}

/// The names of the rule families, for a reader.
#[must_use]
pub fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
impl Context {
    /// A tree of these files and no packages.
    fn of(files: &[(&str, &str)]) -> Self {
        Self { tree: Tree::of(files), packages: Vec::new() }
    }
}
