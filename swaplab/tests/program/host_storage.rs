//! The drive's content in a file of this machine, and what becomes of a run when that file fails.

use std::fs::File;
use std::process::Command;

use crate::run::{expect, has_machine, name, said};

fn image(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("drive.img");
    File::create(&path).and_then(|file| file.set_len(64 << 20)).expect("an image");
    path
}

/// No file of the program may grow beyond a mebibyte: the image is a hole, and most of it cannot be written.
#[test]
fn a_run_whose_image_cannot_be_written_is_void_says_where_and_exits_3() {
    if !has_machine() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let image = image(&folder);
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, "sh", env!("CARGO_BIN_EXE_swaplab"), "boot", "--disk", name(&image)])
        .output()
        .expect("a shell");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("the storage of this machine failed") && said.contains(name(&image)),
        "{said}"
    );
}

#[test]
fn an_image_can_be_used_past_the_hosts_page_cache() {
    if !has_machine() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let image = image(&folder);
    let output = crate::run::swaplab(&["boot", "--disk", name(&image), "--direct"]);
    let said = said(&output);
    if said.contains("Invalid argument") {
        eprintln!("SKIPPED: this filesystem has no direct access");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        expect(0, &["image", "fsck", name(&image)]).contains(": clean, "),
        "what was written is there"
    );
}

#[test]
fn direct_access_is_for_images_and_for_raw_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let qcow2 = folder.path().join("drive.qcow2");
    std::fs::write(&qcow2, b"QFI\xfb\0\0\0\x03").expect("a file");
    let said = expect(2, &["boot", "--disk", name(&qcow2), "--direct"]);
    assert!(
        said.contains("a qcow2 image is read and written through the host's page cache"),
        "{said}"
    );
    assert!(expect(2, &["boot", "--direct"]).contains("--disk"), "it requires one");
}
