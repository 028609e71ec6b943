//! What users see when nothing goes wrong.

use iomap::{Errno, MapKind};

use super::rig::{PAGE, Rig};
use crate::events::Event;
use crate::{FileSystem, MkfsError, MkfsOptions};

#[test]
fn an_empty_filesystem_is_clean_and_mounts() {
    let rig = Rig::new(512);
    rig.assert_clean();
    let fs = rig.mount();
    assert_eq!(fs.names().unwrap(), Vec::<Vec<u8>>::new());
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn written_data_is_read_back_and_survives_a_remount() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    assert_eq!(rig.write(&fs, ino, 0, &[1, 2, 3]), Ok(3 * PAGE));
    assert_eq!(rig.write(&fs, ino, 10, &[7; 20]), Ok(20 * PAGE));
    let expected: Vec<u8> = [&[1, 2, 3][..], &[0; 7], &[7; 20]].concat();
    assert_eq!(rig.read(&fs, ino, 0, 100), Ok(expected.clone()));
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    let ino = fs.open("a").unwrap();
    assert_eq!(fs.stat(ino).unwrap().size_bytes, 30 * PAGE);
    assert_eq!(rig.read(&fs, ino, 0, 100), Ok(expected));
}

#[test]
fn preallocated_blocks_read_as_zeros_until_they_are_written() {
    let rig = Rig::new(512);
    (300..511).for_each(|block| rig.disk.poke(block, &[0xdd; 4096]));
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.fallocate(ino, 0, 8 * PAGE).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 8), Ok(vec![0; 8]));
    rig.events();
    assert_eq!(rig.write(&fs, ino, 2, &[5, 6]), Ok(2 * PAGE));
    let converts = rig.events().into_iter().filter(|e| matches!(e, Event::Convert { .. }));
    assert_eq!(converts.count(), 1);
    assert_eq!(rig.read(&fs, ino, 0, 8), Ok(vec![0, 0, 5, 6, 0, 0, 0, 0]));
    let kinds: Vec<_> = fs.map(ino).unwrap().iter().map(|e| (e.kind, e.length / PAGE)).collect();
    let unwritten = MapKind::Unwritten;
    assert_eq!(kinds, [(unwritten, 2), (MapKind::Mapped, 2), (unwritten, 4)]);
}

#[test]
fn an_overwrite_runs_no_transaction() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    fs.fsync(ino).unwrap();
    rig.events();
    rig.write(&fs, ino, 1, &[2; 2]).unwrap();
    assert!(!rig.events().iter().any(|event| matches!(event, Event::TxnBegin { .. })));
    assert!(!fs.stat(ino).unwrap().is_dirty);
}

#[test]
fn names_are_found_refused_and_removed() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let free = fs.statfs().unwrap().blocks_free;
    let ino = fs.create("a").unwrap();
    assert_eq!(fs.create("a"), Err(Errno::EEXIST));
    assert_eq!(fs.create("a/b"), Err(Errno::ENOTDIR));
    assert_eq!(fs.create("."), Err(Errno::EINVAL));
    assert_eq!(fs.create([b'x'; 256]), Err(Errno::ENAMETOOLONG));
    assert_eq!(fs.open("b"), Err(Errno::ENOENT));
    assert_eq!(fs.open("a"), Ok(ino));
    rig.write(&fs, ino, 0, &[1; 9]).unwrap();
    fs.unlink("a").unwrap();
    assert_eq!(fs.open("a"), Err(Errno::ENOENT));
    assert_eq!(fs.stat(ino), Err(Errno::ENOENT));
    assert_eq!(fs.statfs().unwrap().blocks_free, free);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_directory_of_many_blocks_finds_every_name() {
    let rig = Rig::new(2048);
    let fs = rig.mount();
    let name = |n: u32| format!("{n:0>200}");
    for n in 0..100 {
        fs.create(name(n)).unwrap();
    }
    for n in (0..100).step_by(3) {
        fs.unlink(name(n)).unwrap();
    }
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    for n in 0..100 {
        assert_eq!(fs.open(name(n)).is_ok(), n % 3 != 0, "{n}");
    }
}

#[test]
fn a_full_filesystem_says_so_and_freed_space_is_usable_again() {
    let rig = Rig::new(330);
    let fs = rig.mount();
    let first = fs.create("a").unwrap();
    let free = fs.statfs().unwrap().blocks_free;
    rig.write(&fs, first, 0, &vec![1; free as usize]).unwrap();
    assert_eq!(rig.write(&fs, first, free, &[1]), Err(Errno::ENOSPC));
    assert_eq!(fs.create("b"), Err(Errno::ENOSPC));
    fs.unlink("a").unwrap();
    let second = fs.create("b").unwrap();
    rig.write(&fs, second, 0, &vec![2; free as usize]).unwrap();
    assert_eq!(rig.read(&fs, second, 0, 2), Ok(vec![2, 2]));
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_fragmented_file_spills_into_leaves_and_comes_back() {
    let rig = Rig::new(4096);
    let fs = rig.mount();
    let (odd, even) = (fs.create("odd").unwrap(), fs.create("even").unwrap());
    for page in 0..600 {
        rig.write(&fs, odd, page, &[1]).unwrap();
        rig.write(&fs, even, page, &[page as u8]).unwrap();
    }
    assert!(fs.map(even).unwrap().len() > 168 * 2);
    fs.unlink("odd").unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    let even = fs.open("even").unwrap();
    for page in 0..600 {
        assert_eq!(rig.read(&fs, even, page, 1), Ok(vec![page as u8]));
    }
    fs.unlink("even").unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_device_that_is_too_small_is_refused() {
    let rig = Rig::raw(269);
    let made = FileSystem::mkfs(&*rig.disk, &MkfsOptions::default());
    assert_eq!(made, Err(MkfsError::TooSmall { blocks: 269 }));
    rig.try_mount().unwrap_err();
}
