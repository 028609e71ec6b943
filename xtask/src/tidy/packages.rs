//! What cargo says about the packages of every workspace in the tree.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::tree::Tree;

/// A package, reduced to what the checks ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Package {
    /// Its name.
    pub(super) name: String,
    /// Its manifest, relative to the repository's root.
    pub(super) manifest: String,
    /// The first file of each of its targets, relative to the root.
    pub(super) roots: Vec<String>,
    /// What it depends on.
    pub(super) dependencies: Vec<Dependency>,
}

/// An edge of the crate graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Dependency {
    /// The package it leads to.
    pub(super) name: String,
    /// Only for tests, benches and examples.
    pub(super) is_dev: bool,
    /// Leads into this repository.
    pub(super) is_ours: bool,
    /// The features it switches on.
    pub(super) features: Vec<String>,
}

impl Package {
    /// The folder of the manifest; empty for the root.
    pub(super) fn folder(&self) -> &str {
        self.manifest.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Asks cargo, once for each manifest that opens a workspace.
pub(super) fn read(root: &Path, tree: &Tree) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for (path, text) in tree.with_extension("toml") {
        let is_manifest = path == "Cargo.toml" || path.ends_with("/Cargo.toml");
        if is_manifest && text.lines().any(|line| line.trim() == "[workspace]") {
            packages.extend(ask_cargo(root, path)?);
        }
    }
    Ok(packages)
}

fn ask_cargo(root: &Path, manifest: &str) -> Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version=1", "--offline", "--manifest-path"]);
    let output = command.arg(root.join(manifest)).output().context("cannot run cargo")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "cargo metadata of {manifest} failed: {complaint}");
    parse(&output.stdout, root)
}

/// The parts of `cargo metadata` that are used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    manifest_path: String,
    targets: Vec<RawTarget>,
    dependencies: Vec<RawDependency>,
}

#[derive(Deserialize)]
struct RawTarget {
    src_path: String,
}

#[derive(Deserialize)]
struct RawDependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
    features: Vec<String>,
}

fn parse(json: &[u8], root: &Path) -> Result<Vec<Package>> {
    let root = root.canonicalize().with_context(|| format!("no folder {}", root.display()))?;
    let relative = |path: &str| -> String {
        let path = Path::new(path);
        path.strip_prefix(&root).unwrap_or(path).display().to_string()
    };
    let metadata: Metadata =
        serde_json::from_slice(json).context("cargo metadata is not as expected")?;
    let package = |raw: RawPackage| Package {
        name: raw.name,
        manifest: relative(&raw.manifest_path),
        roots: raw.targets.iter().map(|target| relative(&target.src_path)).collect(),
        dependencies: raw.dependencies.into_iter().map(Dependency::from).collect(),
    };
    Ok(metadata.packages.into_iter().map(package).collect())
}

impl From<RawDependency> for Dependency {
    fn from(raw: RawDependency) -> Self {
        Self {
            name: raw.name,
            is_dev: raw.kind.as_deref() == Some("dev"),
            is_ours: raw.path.is_some(),
            features: raw.features,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_becomes_a_package() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"3\"\n");
        let package = "[package]\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        write(
            "a/Cargo.toml",
            &format!("{package}name = \"aa\"\n[dev-dependencies]\nbb = {{ path = \"../b\" }}\n"),
        );
        write("b/Cargo.toml", &format!("{package}name = \"bb\"\n"));
        write("a/src/lib.rs", "");
        write("b/src/lib.rs", "");

        let packages = ask_cargo(&folder.path().canonicalize().unwrap(), "Cargo.toml").unwrap();

        let a = packages.iter().find(|package| package.name == "aa").unwrap();
        assert_eq!((a.folder(), a.roots.as_slice()), ("a", &["a/src/lib.rs".to_owned()][..]));
        let [edge] = a.dependencies.as_slice() else { panic!("one edge: {a:?}") };
        assert!(edge.name == "bb" && edge.is_dev && edge.is_ours);
    }
}
