//! `swaplab image` on a block device of this machine: a loop device, where one can be had.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{expect, swaplab};

/// A loop device over a file; gone when dropped.
struct Loop(String);

impl Loop {
    /// `None`, and a word why, where there is none for us.
    fn over(file: &Path) -> Option<Self> {
        let output = Command::new("losetup").args(["--show", "--find"]).arg(file).output();
        match output {
            Ok(output) if output.status.success() => {
                Some(Self(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
            }
            Ok(output) => {
                eprintln!("skipped: losetup: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: losetup: {error}");
                None
            }
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let done = Command::new("losetup").args(["--detach", &self.0]).status();
        assert!(done.is_ok_and(|status| status.success()), "{} stays", self.0);
    }
}

#[test]
fn a_filesystem_is_made_filled_read_checked_and_repaired_on_a_block_device() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("disk.img");
    fs::File::create(&file).and_then(|file| file.set_len(32 << 20)).expect("a file");
    let Some(device) = Loop::over(&file) else { return };
    let device = device.0.as_str();
    assert!(expect(2, &["image", "mkfs", device, "--size", "16M"]).contains("leave --size out"));
    assert!(
        expect(0, &["image", "mkfs", device, "--label", "lab"]).contains("32.0 MiB, 8192 blocks")
    );
    assert!(expect(2, &["image", "mkfs", device]).contains("--force"));

    let content: Vec<u8> = (0..1_000_001_u32).map(|n| (n * 7 % 251) as u8).collect();
    let source = folder.path().join("source");
    fs::write(&source, &content).expect("a file");
    expect(0, &["image", "put", device, &source.display().to_string(), "/a"]);
    assert!(expect(0, &["image", "ls", device]).contains("1000001 a"));
    assert!(swaplab(&["image", "cat", device, "/a"]).stdout == content, "it comes back");
    assert!(expect(0, &["image", "fsck", device]).contains("clean, 1 files"));
    assert!(expect(0, &["image", "dump", device]).contains("8192"));
    // The last block is a copy of the superblock. What repairs it reaches the file behind the device.
    let mut bytes = fs::read(&file).expect("the file");
    let good = bytes.clone();
    let copy = bytes.len() - 4096;
    assert!(bytes[copy..].starts_with(b"SlSb"), "the copy is there");
    bytes[copy..].fill(0);
    fs::write(device, &bytes).expect("the device");
    assert!(expect(1, &["image", "fsck", device]).contains("superblock"));
    expect(0, &["image", "fsck", "--repair", device]);
    expect(0, &["image", "fsck", device]);
    expect(0, &["image", "fsck", &file.display().to_string()]);
    assert!(fs::read(&file).expect("the file") == good, "it is what it was");
}
