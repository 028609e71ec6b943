//! A program of this machine, with the libraries that it needs, for a guest that has none.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The shared libraries of a program and its loader, by the paths at which the program looks for them.
pub(super) fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "ldd {}: {}", program.display(), output.status);
    let found = of_ldd(&said).with_context(|| format!("a library is missing:\n{said}"))?;
    anyhow::ensure!(!found.is_empty(), "ldd names no library of {}", program.display());
    Ok(found)
}

/// What `ldd` says: `name => path (address)`, the loader without an arrow, and the kernel's own page, which is no file.
/// `None` if a library is not found.
fn of_ldd(said: &str) -> Option<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for line in said.lines() {
        let what = line.split_once("=>").map_or(line, |(_, path)| path).trim();
        if what.starts_with("not found") {
            return None;
        }
        let path = what.split_whitespace().next().unwrap_or_default();
        if path.starts_with('/') {
            paths.push(PathBuf::from(path));
        }
    }
    Some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_loader_are_files_and_the_kernels_page_is_not() {
        let said = "\tlinux-vdso.so.1 (0x00007ff)\n\tlibz.so.1 => /lib/x/libz.so.1 (0x0007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x0007f)\n";
        let paths = of_ldd(said).unwrap();
        assert_eq!(paths, ["/lib/x/libz.so.1", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from));
    }

    #[test]
    fn a_library_that_is_not_found_is_an_error() {
        assert_eq!(of_ldd("\tlibz.so.1 => not found\n"), None);
    }
}
