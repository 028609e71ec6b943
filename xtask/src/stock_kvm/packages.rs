//! What the host is made of, and the Debian packages that have it.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The emulator.
pub(crate) const QEMU: &str = "qemu-system-x86_64";

/// The Debian packages that are needed and not there; empty when the host can be built.
#[must_use]
pub fn missing() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if find_tool(QEMU).is_none() {
        packages.push("qemu-system-x86");
    }
    if super::kernel::newest().is_err() {
        packages.push("linux-image-amd64");
    }
    if busybox().is_err() {
        packages.push("busybox-static");
    }
    packages
}

/// The sentence about missing packages, with the remedy.
#[derive(Debug)]
pub struct Missing<'a>(pub &'a [&'static str]);

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.join(" ");
        write!(f, "a stock KVM host needs Debian packages that are missing: {names}; ")?;
        write!(f, "install them with: apt-get install {names}")
    }
}

/// A busybox that runs without a dynamic loader: there is none in the initramfs.
pub(super) fn busybox() -> Result<PathBuf> {
    let path = find_tool("busybox").context("busybox is not installed")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(is_static_elf(&bytes), "{} is not a static program", path.display());
    Ok(path)
}

/// The path of a program: `PATH` first, then where an ordinary user's `PATH` does not lead.
pub(crate) fn find_tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    places.map(|place| place.join(name)).find(|file: &PathBuf| Path::is_file(file))
}

/// True for an ELF without a `PT_INTERP` program header.
///
/// Spec: SysV-ELF 5 "Program Header"
fn is_static_elf(bytes: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let field = |at: usize, width: usize| -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(width)?)?;
        Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let headers = || -> Option<Vec<u64>> {
        let (offset, size, count) = (field(32, 8)?, field(54, 2)?, field(56, 2)?);
        (0..count).map(|i| field(usize::try_from(offset + i * size).ok()?, 4)).collect()
    };
    bytes.starts_with(b"\x7fELF\x02\x01")
        && headers().is_some_and(|types| !types.contains(&u64::from(PT_INTERP)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit little-endian ELF header with program headers of these types.
    fn elf(types: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(types.len()).unwrap();
        for kind in types {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 52]);
        }
        bytes
    }

    #[test]
    fn an_interpreter_makes_an_elf_dynamic() {
        assert!(is_static_elf(&elf(&[1, 1])));
        assert!(!is_static_elf(&elf(&[1, 3])));
    }

    #[test]
    fn a_truncated_elf_is_not_static() {
        assert!(!is_static_elf(&elf(&[1, 1])[..100]));
        assert!(!is_static_elf(b"#!/bin/sh"));
    }

    #[test]
    fn the_remedy_names_every_package() {
        let text = Missing(&["qemu-system-x86", "busybox-static"]).to_string();
        assert!(text.ends_with("apt-get install qemu-system-x86 busybox-static"), "{text}");
    }
}
