//! The host's kernel: the newest installed one that can mount 9p, and its modules in load order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// An installed kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The bootable image.
    pub(super) image: PathBuf,
    /// Where its modules are.
    folder: PathBuf,
}

/// The newest kernel with 9p. Cloud kernels have none: they cannot share a file system with QEMU.
pub(super) fn newest() -> Result<Kernel> {
    let mut found = Vec::new();
    for entry in Path::new("/boot").read_dir().context("cannot read /boot")? {
        let image = entry.context("cannot read /boot")?.path();
        let name = image.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(release) = name.strip_prefix("vmlinuz-") else {
            continue;
        };
        let folder = Path::new("/lib/modules").join(release);
        if folder.join("kernel/fs/9p").is_dir() {
            found.push((version_key(release), Kernel { image, folder }));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (_, kernel) = found.pop().context("no kernel with the 9p module in /boot")?;
    Ok(kernel)
}

impl Kernel {
    /// The files of `names` and of all they need, each after what it needs. A name that the kernel
    /// has built in needs no file.
    pub(super) fn modules(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let read = |name: &str| {
            let path = self.folder.join(name);
            std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))
        };
        let order = load_order(&read("modules.dep")?, &read("modules.builtin")?, names)?;
        Ok(order.into_iter().map(|path| self.folder.join(path)).collect())
    }
}

/// Sorts `6.1.0-9` before `6.1.0-56`: runs of digits compare as numbers.
fn version_key(release: &str) -> Vec<(u64, String)> {
    let mut key = Vec::new();
    for part in release.split(['.', '-', '+', '~']) {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        key.push((number.parse().unwrap_or(0), rest.to_owned()));
    }
    key
}

/// What `modules.dep` says, for `names`: paths relative to the modules' folder.
fn load_order(dep: &str, builtin: &str, names: &[&str]) -> Result<Vec<String>> {
    let needs: BTreeMap<String, (&str, Vec<&str>)> = dep
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(path, needs)| (module_name(path), (path, needs.split_whitespace().collect())))
        .collect();
    let built_in: Vec<String> = builtin.lines().map(module_name).collect();
    let mut order: Vec<String> = Vec::new();
    for name in names {
        let Some((path, needs)) = needs.get(*name) else {
            anyhow::ensure!(built_in.iter().any(|b| b == name), "the kernel has no module {name}");
            continue;
        };
        // A line lists everything the module needs, the deepest last.
        for file in needs.iter().rev().chain([path]) {
            if !order.iter().any(|o| o == file) {
                order.push((*file).to_owned());
            }
        }
    }
    Ok(order)
}

/// `kernel/fs/9p/9p.ko.xz` is the module `9p`; a dash in a file name is an underscore in a name.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_six_is_newer_than_nine() {
        assert!(version_key("6.1.0-56-amd64") > version_key("6.1.0-9-amd64"));
        assert!(version_key("6.12.1") > version_key("6.1.99"));
    }

    #[test]
    fn what_a_module_needs_is_loaded_before_it() {
        let dep = "a/leaf.ko:\na/mid.ko: a/leaf.ko\na/top-most.ko.xz: a/mid.ko a/leaf.ko\n";
        let order = load_order(dep, "", &["mid", "top_most"]).unwrap();
        assert_eq!(order, ["a/leaf.ko", "a/mid.ko", "a/top-most.ko.xz"]);
    }

    #[test]
    fn a_built_in_module_needs_no_file_and_an_unknown_one_is_an_error() {
        assert!(load_order("", "kernel/virtio.ko\n", &["virtio"]).unwrap().is_empty());
        let error = load_order("", "", &["kvm_amd"]).unwrap_err().to_string();
        assert!(error.contains("kvm_amd"), "{error}");
    }
}
