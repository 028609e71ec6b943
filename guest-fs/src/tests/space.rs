//! Truncation, holes, sharing: what a file's blocks do.

use iomap::{Errno, MapFlags, MapKind, SwapHost};
use iomap::{Intent, IomapOps};

use super::rig::{Fs, PAGE, Rig};
use crate::events::{Event, SwapMapRefusal};
use crate::{AllocateMode, Ino};

fn mounted() -> (Rig, Fs, Ino) {
    let rig = Rig::new(1024);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    (rig, fs, ino)
}

fn closed(rig: &Rig, fs: Fs) {
    fs.unmount().unwrap();
    rig.assert_clean();
}

fn blocks_free(fs: &Fs) -> u64 {
    fs.statfs().unwrap().blocks_free
}

/// The bytes of a file, as direct reads give them.
fn bytes(rig: &Rig, fs: &Fs, ino: Ino) -> Vec<u8> {
    let size = fs.stat(ino).unwrap().size_bytes as usize;
    let mut transfer = rig.transfer(0, &vec![0xee; size.div_ceil(4096)]);
    if size > 0 {
        fs.dio_read(ino, &mut transfer).unwrap();
    }
    let mut all = Vec::new();
    for page in &transfer.pages {
        let mut content = [0; 4096];
        hal::DmaBuf::read(page, 0, &mut content);
        all.extend(content);
    }
    all.truncate(size);
    all
}

#[test]
fn what_is_cut_off_reads_as_zeros_when_the_file_grows_again() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[7; 4]).unwrap();
    fs.truncate(ino, 5000).unwrap();
    assert_eq!(fs.stat(ino).unwrap().blocks, 2);
    fs.truncate(ino, 4 * PAGE).unwrap();
    let content = bytes(&rig, &fs, ino);
    assert!(content[..5000].iter().all(|byte| *byte == 7));
    assert!(content[5000..].iter().all(|byte| *byte == 0));
    assert_eq!(fs.truncate(ino, 1 << 53), Err(Errno::EFBIG));
    fs.truncate(ino, 0).unwrap();
    assert_eq!(fs.stat(ino).unwrap().blocks, 0);
    closed(&rig, fs);
}

#[test]
fn a_long_truncation_is_many_transactions_and_gives_everything_back() {
    let rig = Rig::new(4096);
    let fs = rig.mount();
    let free = blocks_free(&fs);
    let (ino, other) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    for page in 0..900 {
        rig.write(&fs, ino, page, &[1]).unwrap();
        rig.write(&fs, other, page, &[2]).unwrap();
    }
    rig.events();
    fs.truncate(ino, 3 * PAGE).unwrap();
    let commits = rig.events().iter().filter(|e| matches!(e, Event::TxnCommit { .. })).count();
    assert!(commits >= 5, "{commits}");
    assert_eq!(fs.stat(ino).unwrap().blocks, 3);
    fs.unlink("a").unwrap();
    fs.unlink("b").unwrap();
    assert_eq!(blocks_free(&fs), free);
    closed(&rig, fs);
}

#[test]
fn a_punched_range_reads_as_zeros_and_has_no_blocks() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[7; 8]).unwrap();
    fs.fallocate_mode(ino, AllocateMode::Punch, PAGE + 100, 4 * PAGE).unwrap();
    let content = bytes(&rig, &fs, ino);
    let hole = 4096 + 100..5 * 4096 + 100;
    for (at, byte) in content.iter().enumerate() {
        assert_eq!(*byte, if hole.contains(&at) { 0 } else { 7 }, "byte {at}");
    }
    assert_eq!(fs.stat(ino).unwrap().blocks, 5);
    fs.fallocate_mode(ino, AllocateMode::Punch, 10, 20).unwrap();
    assert_eq!(bytes(&rig, &fs, ino)[..40].iter().filter(|byte| **byte == 0).count(), 20);
    assert_eq!(fs.stat(ino).unwrap().size_bytes, 8 * PAGE);
    fs.fallocate_mode(ino, AllocateMode::Punch, 7 * PAGE, 100 * PAGE).unwrap();
    assert_eq!(fs.stat(ino).unwrap().size_bytes, 8 * PAGE, "the size stays");
    assert_eq!(fs.fallocate_mode(ino, AllocateMode::Punch, 0, 0), Err(Errno::EINVAL));
    closed(&rig, fs);
}

#[test]
fn zeroing_keeps_blocks_and_keep_size_keeps_the_size() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[7; 4]).unwrap();
    fs.fallocate_mode(ino, AllocateMode::Zero, PAGE, 2 * PAGE).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 9), Ok(vec![7, 0, 0, 7]));
    assert_eq!(fs.stat(ino).unwrap().blocks, 4);
    fs.fallocate_mode(ino, AllocateMode::KeepSize, 0, 10 * PAGE).unwrap();
    let stat = fs.stat(ino).unwrap();
    assert_eq!((stat.size_bytes, stat.blocks), (4 * PAGE, 10));
    fs.truncate(ino, 6 * PAGE).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 9), Ok(vec![7, 0, 0, 7, 0, 0]));
    closed(&rig, fs);
}

#[test]
fn an_append_goes_to_the_end() {
    let (rig, fs, ino) = mounted();
    for fill in 1..4 {
        let at = fs.dio_append(ino, &mut rig.transfer(77, &[fill, fill])).unwrap();
        assert_eq!(at, u64::from(fill - 1) * 2 * PAGE);
    }
    assert_eq!(rig.read(&fs, ino, 0, 9), Ok(vec![1, 1, 2, 2, 3, 3]));
    fs.truncate(ino, 100).unwrap();
    assert_eq!(fs.dio_append(ino, &mut rig.transfer(0, &[1])), Err(Errno::EINVAL));
    closed(&rig, fs);
}

#[test]
fn a_clone_shares_until_one_of_them_writes() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[1, 2, 3, 4, 5, 6]).unwrap();
    let clone = fs.create("clone").unwrap();
    let free = blocks_free(&fs);
    fs.clone_file(ino, clone).unwrap();
    assert_eq!(blocks_free(&fs), free, "a clone takes no blocks");
    assert_eq!(rig.read(&fs, clone, 0, 9), Ok(vec![1, 2, 3, 4, 5, 6]));
    rig.write(&fs, clone, 1, &[8, 9]).unwrap();
    assert_eq!(rig.read(&fs, clone, 0, 9), Ok(vec![1, 8, 9, 4, 5, 6]));
    assert_eq!(rig.read(&fs, ino, 0, 9), Ok(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(blocks_free(&fs), free - 2);
    // What is shared no more is overwritten in place.
    let before = fs.map(ino).unwrap();
    rig.write(&fs, ino, 1, &[7, 7]).unwrap();
    assert_eq!(fs.map(ino).unwrap(), before);
    assert_eq!(blocks_free(&fs), free - 2);
    fs.sync().unwrap();
    fs.unlink("a").unwrap();
    assert_eq!(rig.read(&fs, clone, 0, 9), Ok(vec![1, 8, 9, 4, 5, 6]));
    closed(&rig, fs);
}

#[test]
fn clones_of_clones_and_of_parts_agree_with_fsck() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[1; 20]).unwrap();
    fs.fallocate(ino, 20 * PAGE, 4 * PAGE).unwrap();
    let files: Vec<_> = (0..4).map(|n| fs.create(format!("c{n}")).unwrap()).collect();
    fs.clone_file(ino, files[0]).unwrap();
    fs.clone_range(ino, 4 * PAGE, files[1], 0, 10 * PAGE).unwrap();
    fs.clone_file(files[1], files[2]).unwrap();
    fs.clone_range(files[2], 0, files[2], 10 * PAGE, 5 * PAGE).unwrap();
    fs.clone_range(files[0], 8 * PAGE, files[3], 3 * PAGE, 4 * PAGE).unwrap();
    fs.sync().unwrap();
    rig.write(&fs, files[2], 3, &[3; 9]).unwrap();
    fs.truncate(files[1], 3 * PAGE + 5).unwrap();
    fs.fallocate_mode(files[0], AllocateMode::Punch, 7 * PAGE, 3 * PAGE).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 20), Ok(vec![1; 20]));
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    for name in fs.names().unwrap() {
        fs.unlink(name).unwrap();
        fs.sync().unwrap();
    }
    fs.unmount().unwrap();
    let report = Fs::fsck(&*rig.disk).unwrap();
    assert_eq!((report.findings, report.blocks_used), (vec![], 0));
}

#[test]
fn clone_ranges_that_make_no_sense_are_refused() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    let to = fs.create("b").unwrap();
    let einval = Err(Errno::EINVAL);
    assert_eq!(fs.clone_range(ino, 1, to, 0, PAGE), einval);
    assert_eq!(fs.clone_range(ino, 0, to, 1, PAGE), einval);
    assert_eq!(fs.clone_range(ino, 0, to, 0, 100), einval);
    assert_eq!(fs.clone_range(ino, 0, to, 0, 5 * PAGE), einval);
    assert_eq!(fs.clone_range(ino, 0, ino, PAGE, 2 * PAGE), einval);
    fs.clone_range(ino, 0, ino, 2 * PAGE, 2 * PAGE).unwrap();
    fs.truncate(ino, 3 * PAGE + 7).unwrap();
    fs.clone_file(ino, to).unwrap();
    assert_eq!(fs.stat(to).unwrap().size_bytes, 3 * PAGE + 7);
    closed(&rig, fs);
}

#[test]
fn an_unfinished_copy_on_write_is_freed_by_the_next_mount() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[1; 6]).unwrap();
    let clone = fs.create("clone").unwrap();
    fs.clone_file(ino, clone).unwrap();
    fs.sync().unwrap();
    let free = blocks_free(&fs);
    let intent = Intent::WRITE | Intent::DIRECT;
    let user = iomap::Context::User;
    let map = fs.dio_ops().iomap_begin(clone, PAGE, 3 * PAGE, intent, user).unwrap();
    assert!(map.flags.contains(MapFlags::SHARED));
    fs.sync().unwrap();
    assert_eq!(blocks_free(&fs), free - 3);
    drop(fs);
    rig.disk.crash(|_, _| false);
    assert_eq!(Fs::fsck(&*rig.disk).unwrap().staged, 1);
    let fs = rig.mount();
    assert_eq!(blocks_free(&fs), free);
    let clone = fs.open("clone").unwrap();
    assert_eq!(rig.read(&fs, clone, 0, 9), Ok(vec![1; 6]));
    closed(&rig, fs);
}

#[test]
fn an_active_swap_file_is_not_truncated_punched_cloned_or_renamed() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[1; 8]).unwrap();
    let other = fs.create("b").unwrap();
    fs.fsync(ino).unwrap();
    fs.claim_swapfile(ino).unwrap();
    let busy = Err(Errno::ETXTBSY);
    assert_eq!(fs.truncate(ino, 0), busy);
    assert_eq!(fs.truncate(ino, 90 * PAGE), busy);
    for mode in
        [AllocateMode::Allocate, AllocateMode::KeepSize, AllocateMode::Punch, AllocateMode::Zero]
    {
        assert_eq!(fs.fallocate_mode(ino, mode, 0, PAGE), busy);
    }
    assert_eq!(fs.clone_range(ino, 0, other, 0, PAGE), busy);
    assert_eq!(fs.clone_range(other, 0, ino, 0, 0), busy);
    assert_eq!(fs.dio_append(ino, &mut rig.transfer(0, &[1])), Err(Errno::ETXTBSY));
    let plain = crate::RenameFlags::empty();
    assert_eq!(fs.rename("a", "c", plain), Err(Errno::EPERM));
    assert_eq!(fs.rename("b", "a", plain), Err(Errno::EPERM));
    assert_eq!(fs.unlink("a"), Err(Errno::EPERM));
    fs.link("a", "allowed").unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 8), Ok(vec![1; 8]));
    fs.release_swapfile(ino);
    fs.rename("a", "c", plain).unwrap();
    closed(&rig, fs);
}

#[test]
fn shared_blocks_are_refused_by_activation_and_by_the_swap_mapping() {
    let (rig, fs, ino) = mounted();
    rig.write(&fs, ino, 0, &[1; 8]).unwrap();
    let clone = fs.create("clone").unwrap();
    fs.clone_range(ino, 4 * PAGE, clone, 0, 2 * PAGE).unwrap();
    fs.sync().unwrap();
    let refused = iomap::swapfile_activate(&fs, ino).unwrap_err();
    assert_eq!((refused.errno, refused.pos), (Errno::EINVAL, 4 * PAGE));
    assert_eq!(refused.reason, iomap::ActivateReason::Shared);
    fs.claim_swapfile(ino).unwrap();
    rig.events();
    let out = iomap::Context::SwapOut;
    let ask = |page: u64| fs.swap_ops().iomap_begin(ino, page * PAGE, PAGE, Intent::SWAP, out);
    assert_eq!(ask(5), Err(Errno::EIO));
    let is_refusal =
        |event: &Event| matches!(event, Event::SwapMapRefused { why: SwapMapRefusal::Shared, .. });
    assert!(rig.events().iter().any(is_refusal));
    assert_eq!(ask(0).map(|map| (map.kind, map.length)), Ok((MapKind::Mapped, 4 * PAGE)));
    fs.release_swapfile(ino);
    fs.unlink("clone").unwrap();
    assert!(iomap::swapfile_activate(&fs, ino).is_ok(), "accepted when the clone is gone");
    closed(&rig, fs);
}
