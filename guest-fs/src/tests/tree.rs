//! Directories, links, rename, symbolic links.

use iomap::Errno;

use super::rig::{Fs, PAGE, Rig};
use crate::{FileKind, RenameFlags};

const PLAIN: RenameFlags = RenameFlags::empty();

fn mounted() -> (Rig, Fs) {
    let rig = Rig::new(1024);
    let fs = rig.mount();
    (rig, fs)
}

fn closed(rig: &Rig, fs: Fs) {
    fs.unmount().unwrap();
    rig.assert_clean();
}

fn nlink(fs: &Fs, path: &str) -> u32 {
    fs.stat(fs.open_nofollow(path).unwrap()).unwrap().nlink
}

#[test]
fn directories_hold_directories() {
    let (rig, fs) = mounted();
    fs.mkdir("a").unwrap();
    fs.mkdir("a/b").unwrap();
    fs.mkdir("/a/b/c/").unwrap();
    let ino = fs.create("a/b/c/file").unwrap();
    assert_eq!(fs.open("/a/./b/../b/c/file"), Ok(ino));
    assert_eq!(fs.open(".."), Ok(fs.root()), "the root is its own parent");
    assert_eq!((nlink(&fs, "."), nlink(&fs, "a"), nlink(&fs, "a/b/c")), (3, 3, 2));
    assert_eq!(fs.mkdir("a"), Err(Errno::EEXIST));
    assert_eq!(fs.mkdir("x/y"), Err(Errno::ENOENT));
    assert_eq!(fs.mkdir("a/b/c/file/x"), Err(Errno::ENOTDIR));
    assert_eq!(fs.rmdir("a/b"), Err(Errno::ENOTEMPTY));
    assert_eq!(fs.rmdir("a/b/c/file"), Err(Errno::ENOTDIR));
    assert_eq!(fs.unlink("a/b"), Err(Errno::EISDIR));
    assert_eq!(fs.rmdir("/"), Err(Errno::EBUSY));
    assert_eq!(fs.stat(fs.open("a/b").unwrap()).unwrap().size_bytes, 1);
    fs.unlink("a/b/c/file").unwrap();
    for path in ["a/b/c", "a/b", "a"] {
        fs.rmdir(path).unwrap();
    }
    assert_eq!(nlink(&fs, "/"), 2);
    closed(&rig, fs);
}

#[test]
fn a_file_lives_until_its_last_name_goes() {
    let (rig, fs) = mounted();
    let free = fs.statfs().unwrap().blocks_free;
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 3]).unwrap();
    fs.mkdir("d").unwrap();
    fs.link("a", "d/b").unwrap();
    assert_eq!(nlink(&fs, "a"), 2);
    assert_eq!(fs.link("d", "e"), Err(Errno::EPERM));
    assert_eq!(fs.link("a", "d/b"), Err(Errno::EEXIST));
    fs.unlink("a").unwrap();
    assert_eq!(fs.open("d/b"), Ok(ino));
    assert_eq!(rig.read(&fs, ino, 0, 3), Ok(vec![1; 3]));
    fs.unlink("d/b").unwrap();
    assert_eq!(fs.stat(ino), Err(Errno::ENOENT));
    fs.rmdir("d").unwrap();
    assert_eq!(fs.statfs().unwrap().blocks_free, free);
    closed(&rig, fs);
}

#[test]
fn a_held_file_lives_without_a_name_and_goes_with_its_holder() {
    let (rig, fs) = mounted();
    let free = fs.statfs().unwrap().blocks_free;
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 3]).unwrap();
    fs.hold(ino).unwrap();
    fs.unlink("a").unwrap();
    assert_eq!(fs.stat(ino).unwrap().nlink, 0);
    rig.write(&fs, ino, 2, &[2; 3]).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 9), Ok(vec![1, 1, 2, 2, 2]));
    assert_eq!(fs.core.orphans(), 1);
    fs.release(ino).unwrap();
    assert_eq!((fs.core.orphans(), fs.statfs().unwrap().blocks_free), (0, free));
    assert_eq!(fs.release(ino), Err(Errno::ENOENT));
    closed(&rig, fs);
}

#[test]
fn a_mount_frees_what_was_held_when_the_power_went() {
    let (rig, fs) = mounted();
    let free = fs.statfs().unwrap().blocks_free;
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 30]).unwrap();
    fs.hold(ino).unwrap();
    fs.unlink("a").unwrap();
    fs.sync().unwrap();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let report = Fs::fsck(&*rig.disk).unwrap();
    assert_eq!(report.orphans, 1, "{:?}", report.findings);
    let fs = rig.mount();
    assert_eq!((fs.core.orphans(), fs.statfs().unwrap().blocks_free), (0, free));
    closed(&rig, fs);
}

#[test]
fn rename_moves_and_replaces_in_one_step() {
    let (rig, fs) = mounted();
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    rig.write(&fs, a, 0, &[1]).unwrap();
    rig.write(&fs, b, 0, &[2]).unwrap();
    fs.mkdir("d").unwrap();
    assert_eq!(fs.rename("a", "b", RenameFlags::NOREPLACE), Err(Errno::EEXIST));
    fs.rename("a", "d/a", RenameFlags::NOREPLACE).unwrap();
    fs.rename("d/a", "b", PLAIN).unwrap();
    assert_eq!((fs.open("a"), fs.open("d/a")), (Err(Errno::ENOENT), Err(Errno::ENOENT)));
    assert_eq!(fs.open("b"), Ok(a));
    assert_eq!(fs.stat(b), Err(Errno::ENOENT), "the replaced file is gone");
    fs.link("b", "c").unwrap();
    fs.rename("b", "c", PLAIN).unwrap();
    assert_eq!(nlink(&fs, "b"), 2, "two names of one file: nothing happens");
    assert_eq!(fs.rename("nothing", "x", PLAIN), Err(Errno::ENOENT));
    closed(&rig, fs);
}

#[test]
fn directories_move_but_never_below_themselves() {
    let (rig, fs) = mounted();
    for path in ["a", "a/b", "a/b/c", "x", "x/full"] {
        fs.mkdir(path).unwrap();
    }
    assert_eq!(fs.rename("a", "a/b/c/a", PLAIN), Err(Errno::EINVAL));
    assert_eq!(fs.rename("a", "a/b", PLAIN), Err(Errno::EINVAL));
    assert_eq!(fs.rename("a/b", "x", PLAIN), Err(Errno::ENOTEMPTY));
    fs.rename("a/b", "x/b", PLAIN).unwrap();
    assert_eq!(fs.open("x/b/.."), fs.open("x"));
    assert_eq!((nlink(&fs, "a"), nlink(&fs, "x")), (2, 4));
    fs.rename("x/b", "x/full", PLAIN).unwrap();
    assert_eq!(nlink(&fs, "x"), 3, "it replaced an empty directory");
    fs.create("file").unwrap();
    assert_eq!(fs.rename("file", "a", PLAIN), Err(Errno::EISDIR));
    assert_eq!(fs.rename("a", "file", PLAIN), Err(Errno::ENOTDIR));
    closed(&rig, fs);
}

#[test]
fn symbolic_links_are_followed_and_end() {
    let (rig, fs) = mounted();
    fs.mkdir("d").unwrap();
    let ino = fs.create("d/file").unwrap();
    fs.symlink("../d/file", "d/relative").unwrap();
    fs.symlink("/d", "absolute").unwrap();
    fs.symlink("loop", "loop").unwrap();
    assert_eq!(fs.open("d/relative"), Ok(ino));
    assert_eq!(fs.open("absolute/relative"), Ok(ino));
    assert_eq!(fs.open("loop"), Err(Errno::ELOOP));
    assert_eq!(fs.readlink("d/relative"), Ok(b"../d/file".to_vec()));
    assert_eq!(fs.readlink("d/file"), Err(Errno::EINVAL));
    let link = fs.open_nofollow("absolute").unwrap();
    assert_eq!(fs.stat(link).unwrap().kind, FileKind::Symlink);
    assert_eq!(rig.write(&fs, link, 0, &[1]), Err(Errno::EINVAL));
    assert_eq!(fs.symlink("", "x"), Err(Errno::ENOENT));
    assert_eq!(fs.symlink([b'x'; 3905], "x"), Err(Errno::ENAMETOOLONG));
    fs.symlink([b'x'; 3904], "x").unwrap();
    fs.unlink("absolute").unwrap();
    assert_eq!(fs.open("d/file"), Ok(ino));
    closed(&rig, fs);
}

#[test]
fn reading_a_directory_in_pieces_gives_every_entry_with_its_kind() {
    let (rig, fs) = mounted();
    let ino = fs.mkdir("d").unwrap();
    fs.create("d/file").unwrap();
    (0..300).for_each(|n| fs.link("d/file", format!("d/{n}")).unwrap());
    fs.mkdir("d/below").unwrap();
    let (mut cookie, mut names) = (0, Vec::new());
    loop {
        let entries = fs.read_dir(ino, cookie, 13).unwrap();
        let Some(last) = entries.last() else { break };
        cookie = last.cookie;
        for entry in entries {
            let is_directory = entry.name == b"below";
            assert_eq!(entry.kind == FileKind::Directory, is_directory);
            names.push(entry.name);
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 302);
    let file = fs.open("d/file").unwrap();
    assert_eq!(fs.read_dir(file, 0, 1), Err(Errno::ENOTDIR));
    closed(&rig, fs);
}

#[test]
fn a_block_that_is_an_inode_again_has_another_generation() {
    let (rig, fs) = mounted();
    let first = fs.create("a").unwrap();
    let generation = fs.stat(first).unwrap().generation;
    fs.unlink("a").unwrap();
    fs.sync().unwrap();
    let again = (0..600).find_map(|n| {
        let ino = fs.create(format!("{n}")).unwrap();
        (ino == first).then(|| fs.stat(ino).unwrap().generation)
    });
    assert!(again.unwrap() > generation);
    assert_eq!(PAGE, 4096);
    closed(&rig, fs);
}
