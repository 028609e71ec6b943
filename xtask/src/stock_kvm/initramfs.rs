//! The host's initramfs: a cpio archive in the kernel's `newc` form.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::program;

/// Folders that the init script mounts on.
const FOLDERS: [&str; 7] = ["bin", "dev", "proc", "sys", "host", "modules", "run"];

/// The archive: busybox, the modules numbered in load order, and the init script.
pub(super) fn build(busybox: &Path, modules: &[PathBuf], init: &str) -> Result<Vec<u8>> {
    build_with(busybox, modules, init, None)
}

/// The same with a program in `/bin`, and its libraries where it looks for them.
pub(super) fn build_with(
    busybox: &Path,
    modules: &[PathBuf],
    init: &str,
    program: Option<&Path>,
) -> Result<Vec<u8>> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut archive = Archive::default();
    for folder in FOLDERS {
        archive.add(folder, 0o040_755, &[])?;
    }
    archive.add("bin/busybox", 0o100_755, &read(busybox)?)?;
    archive.add("init", 0o100_755, init.as_bytes())?;
    if let Some(program) = program {
        let name = program.file_name().context("a program without a name")?.to_string_lossy();
        archive.add(&format!("bin/{name}"), 0o100_755, &read(program)?)?;
        let libraries = program::libraries(program)?;
        for folder in folders_of(&libraries) {
            archive.add(&folder, 0o040_755, &[])?;
        }
        for library in &libraries {
            archive.add(&below_root(library), 0o100_755, &read(library)?)?;
        }
    }
    for (index, module) in modules.iter().enumerate() {
        let name = module.file_name().context("a module without a name")?.to_string_lossy();
        archive.add(&format!("modules/{index:03}-{name}"), 0o100_644, &read(module)?)?;
    }
    archive.finish()
}

/// A path as the archive names it.
fn below_root(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches('/').to_owned()
}

/// Every folder on the way to these files, the outer one first, each once.
fn folders_of(files: &[PathBuf]) -> BTreeSet<String> {
    let folders = files.iter().flat_map(|file| file.ancestors().skip(1)).map(below_root);
    folders.filter(|folder| !folder.is_empty()).collect()
}

/// A `newc` archive that grows.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Adds a file or a folder. `mode` has the file type in its high bits, as in `st_mode`.
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        let size = u32::try_from(content.len()).context("a file of 4 GiB or more")?;
        let name_size = u32::try_from(name.len() + 1).context("a very long name")?;
        self.entries += 1;
        // Inode, mode, uid, gid, links, mtime, size, four device numbers, name size, no checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
        Ok(())
    }

    /// Names and contents begin at multiples of 4 bytes.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Result<Vec<u8>> {
        self.add("TRAILER!!!", 0, &[])?;
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_this_wire_form() {
        let mut archive = Archive::default();
        archive.add("ab", 0o100_644, b"xyz").unwrap();
        let expected = "070701\
            00000001000081a400000000000000000000000100000000000000030000000000000000\
            00000000000000000000000300000000ab\0\0xyz\0";
        // 110 bytes of header and 3 of name leave 3 bytes to the next multiple of 4.
        assert_eq!(archive.bytes.len(), 116 + 4);
        assert_eq!(
            String::from_utf8(archive.bytes).unwrap(),
            expected.replace("ab\0\0", "ab\0\0\0\0")
        );
    }

    #[test]
    fn the_folders_of_files_come_from_the_outer_to_the_inner() {
        let files = ["/lib/x/a.so", "/lib/x/b.so", "/lib64/ld.so"].map(PathBuf::from);
        assert_eq!(Vec::from_iter(folders_of(&files)), ["lib", "lib/x", "lib64"]);
    }

    #[test]
    fn the_archive_ends_with_its_trailer() {
        let bytes = Archive::default().finish().unwrap();
        assert!(bytes.len().is_multiple_of(4));
        assert!(bytes.windows(10).any(|window| window == b"TRAILER!!!"));
    }
}
