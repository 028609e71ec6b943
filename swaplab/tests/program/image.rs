//! `swaplab image`: what people do with images, and what they are told.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::run::{self, has_machine, swaplab};

/// As [`run::expect`]; and no line is longer than a screen is wide, but for the text of an error.
#[track_caller]
fn expect(code: i32, args: &[&str]) -> String {
    let text = run::expect(code, args);
    for line in text.lines() {
        assert!(line.len() <= 160 || code == 2, "{line}");
    }
    text
}

struct Image {
    _folder: tempfile::TempDir,
    path: String,
}

impl Image {
    fn none() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk.img").display().to_string();
        Self { _folder: folder, path }
    }

    fn made() -> Self {
        let image = Self::none();
        expect(0, &["image", "mkfs", &image.path, "--size", "16M", "--label", "lab"]);
        image
    }

    fn beside(&self, name: &str, content: &[u8]) -> String {
        let path = Path::new(&self.path).with_file_name(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("the image")
    }
}

#[test]
fn a_file_that_was_put_is_listed_and_comes_back_byte_for_byte() {
    let image = Image::made();
    let content: Vec<u8> = (0..1_000_001_u32).map(|n| (n * 7 % 251) as u8).collect();
    let source = image.beside("source", &content);
    expect(0, &["image", "put", &image.path, &source, "/first"]);
    expect(0, &["image", "put", &image.path, &source, "/second"]);
    let list = expect(0, &["image", "ls", &image.path]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("1000001 first"), "{list}");
    let before = image.bytes();
    let output = swaplab(&["image", "cat", &image.path, "second"]);
    assert!(output.stdout == content, "it comes back");
    assert!(expect(0, &["image", "fsck", &image.path]).contains("clean, 2 files"));
    expect(0, &["image", "dump", &image.path, "--inodes"]);
    assert!(image.bytes() == before, "looking writes nothing");
    // What is put again is replaced, and shorter.
    let source = image.beside("source", b"short");
    expect(0, &["image", "put", &image.path, &source, "/first"]);
    assert_eq!(swaplab(&["image", "cat", &image.path, "/first"]).stdout, b"short");
}

#[test]
fn a_dump_names_every_structure() {
    let image = Image::made();
    let source = image.beside("source", &[1; 10_000]);
    expect(0, &["image", "put", &image.path, &source, "/file"]);
    let text = expect(0, &["image", "dump", &image.path]);
    for word in ["superblock", "label            lab", "groups", "journal", "tail", "orphans"] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    let text = expect(0, &["image", "dump", &image.path, "--path", "/file"]);
    assert!(text.contains("size 10000") && text.contains("pages 0+3 at block"), "{text}");
    let text = expect(2, &["image", "dump", &image.path, "--path", "/nothing"]);
    assert!(text.contains("no such file") && text.contains("image ls"), "{text}");
}

#[test]
fn a_damage_is_found_and_what_needs_no_guess_is_repaired() {
    let image = Image::made();
    let mut bytes = image.bytes();
    let last = bytes.len() - 4096;
    bytes[last + 100] ^= 1;
    fs::write(&image.path, &bytes).expect("the image");
    let text = expect(1, &["image", "fsck", &image.path]);
    assert!(text.contains("superblock") && text.contains("--repair"), "{text}");
    assert!(image.bytes() == bytes, "a check writes nothing");
    let text = expect(0, &["image", "fsck", "--repair", &image.path]);
    assert!(text.contains("1 blocks were repaired"), "{text}");
    expect(0, &["image", "fsck", &image.path]);
}

#[test]
fn what_is_foreign_is_refused_with_its_name_and_untouched() {
    let image = Image::none();
    let mut bytes = vec![0; 16 << 20];
    expect(2, &["image", "fsck", &image.path]);
    for (at, magic, name) in
        [(1080, &b"\x53\xef"[..], "ext4"), (0, b"XFSB", "XFS"), (510, b"\x55\xaa", "boot")]
    {
        bytes.fill(0);
        bytes[at..at + magic.len()].copy_from_slice(magic);
        fs::write(&image.path, &bytes).expect("the image");
        let text = expect(2, &["image", "mkfs", &image.path]);
        assert!(text.contains(name) && text.contains("--force"), "{text}");
        expect(2, &["image", "mkswap", &image.path]);
        let text = expect(2, &["image", "fsck", "--repair", &image.path]);
        assert!(text.contains("no filesystem to check"), "{text}");
        expect(2, &["image", "ls", &image.path]);
        assert!(image.bytes() == bytes, "untouched");
    }
    expect(0, &["image", "mkfs", &image.path, "--force"]);
    let text = expect(2, &["image", "mkfs", &image.path]);
    assert!(text.contains("a swaplab filesystem"), "{text}");
    fs::write(&image.path, b"too small").expect("the image");
    expect(2, &["image", "mkfs", "--force", &image.path]);
    expect(2, &["image", "mkfs", "/dev/null"]);
}

#[test]
fn a_size_that_no_file_of_the_host_can_have_is_refused_and_leaves_none() {
    let image = Image::none();
    expect(2, &["image", "mkfs", &image.path, "--size", "16777215T"]);
    assert!(!Path::new(&image.path).exists());
    for wrong in ["16iB", "16Mi", "iB", "0M", "1", "99999999999999T"] {
        expect(2, &["image", "mkfs", &image.path, "--size", wrong]);
    }
    expect(0, &["image", "mkfs", &image.path, "--size", "16MiB"]);
    assert_eq!(fs::metadata(&image.path).expect("the image").len(), 16 << 20);
}

#[test]
fn an_image_that_somebody_uses_is_refused() {
    use std::os::fd::AsFd;
    let image = Image::made();
    let held = fs::File::open(&image.path).expect("the image");
    let lock = |operation| rustix::fs::flock(held.as_fd(), operation).expect("a lock");
    lock(rustix::fs::FlockOperation::LockShared);
    expect(0, &["image", "fsck", &image.path]);
    let text = expect(2, &["image", "put", &image.path, &image.path, "/x"]);
    assert!(text.contains("in use by another process"), "{text}");
    lock(rustix::fs::FlockOperation::LockExclusive);
    expect(2, &["image", "ls", &image.path]);
}

#[test]
fn swap_space_is_what_util_linux_makes() {
    const UUID: &str = "0a1b2c3d-1111-4222-8333-444455556666";
    let image = Image::none();
    expect(0, &["image", "mkswap", &image.path, "--size", "1M", "--label", "lab", "--uuid", UUID]);
    let ours = image.bytes();
    assert_eq!(&ours[4086..4096], b"SWAPSPACE2");
    let theirs = image.beside("theirs", &vec![0; 1 << 20]);
    let made =
        Command::new("/usr/sbin/mkswap").args(["-q", "-L", "lab", "-U", UUID, &theirs]).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(fs::read(&theirs).expect("theirs") == ours, "byte for byte");
    } else {
        eprintln!("SKIPPED: no mkswap on this machine (Debian's package util-linux)");
    }
    let text = expect(2, &["image", "mkswap", &image.path]);
    assert!(text.contains("holds swap space"), "{text}");
    let small = image.beside("small", &[0; 5 * 4096]);
    assert!(expect(2, &["image", "mkswap", &small]).contains("at least 10"));
}

#[test]
fn a_swap_file_inside_a_filesystem_has_the_same_header() {
    const UUID: &str = "0a1b2c3d-1111-4222-8333-444455556666";
    let image = Image::made();
    let path = image.path.as_str();
    expect(0, &["image", "mkswap", path, "--path", "/swap", "--size", "1M", "--uuid", UUID]);
    let inside = swaplab(&["image", "cat", path, "/swap"]).stdout;
    let plain = Image::none();
    expect(0, &["image", "mkswap", &plain.path, "--size", "1M", "--uuid", UUID]);
    assert!(inside == plain.bytes(), "header, and zeros");
    expect(0, &["image", "fsck", path]);
    expect(2, &["image", "mkswap", path, "--path", "/none"]);
}

#[test]
fn an_image_made_here_mounts_in_the_guest_and_what_the_guest_leaves_is_clean_here() {
    if !has_machine() {
        return;
    }
    // Made here, or by the guest.
    for is_made_here in [true, false] {
        let image = if is_made_here { Image::made() } else { Image::none() };
        if !is_made_here {
            let mut file = fs::File::create(&image.path).expect("an image");
            file.write_all(&vec![0; 32 << 20]).expect("an image");
        }
        let output = swaplab(&["boot", "--disk", &image.path]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = expect(0, &["image", "fsck", &image.path]);
        assert!(text.contains("clean"), "{text}");
        expect(0, &["image", "fsck", "--repair", &image.path]);
        let list = expect(0, &["image", "ls", &image.path]);
        assert!(list.contains("file"), "the guest made a file: {list}");
    }
}
