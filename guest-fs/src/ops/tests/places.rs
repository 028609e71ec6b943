//! Where data is, and what moves it.

use iomap::{
    BioPool, Context, Direction, Errno, MapKind, SwapHost, Transfer, swap_rw, swapfile_activate,
};

use super::{content, pattern};
use crate::tests::rig::{Fs, PAGE, Rig, fill_of};
use crate::{AllocateMode, FiemapFlags, Ino};

fn swap(rig: &Rig, fs: &Fs, ino: Ino, direction: Direction, fill: &[u8]) -> Result<Vec<u8>, Errno> {
    let context = if direction == Direction::Write { Context::SwapOut } else { Context::SwapIn };
    let mut transfer = Transfer { direction, ..rig.transfer(0, fill) };
    let mut pool = BioPool::new(2, 4);
    swap_rw(fs.swap_ops(), &*rig.disk, ino, &mut transfer, context, &mut pool)
        .map_err(|failure| failure.errno)?;
    Ok(transfer.pages.iter().map(fill_of).collect())
}

#[test]
fn fiemap_and_seek_tell_holes_claims_unwritten_and_shared_blocks_apart() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let (ino, clone) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    fs.clone_range(ino, 0, clone, 0, 2 * PAGE).unwrap();
    fs.fallocate(ino, 6 * PAGE, 4 * PAGE).unwrap();
    fs.write(ino, 12 * PAGE, &[2; 5000]).unwrap();
    let map = fs.fiemap(ino, 0, 100, false).unwrap();
    let seen: Vec<_> = map.iter().map(|e| (e.pos / PAGE, e.length / PAGE, e.flags)).collect();
    let none = FiemapFlags::empty();
    let last = FiemapFlags::DELALLOC | FiemapFlags::LAST;
    assert_eq!(
        seen,
        [(0, 2, FiemapFlags::SHARED), (2, 2, none), (6, 4, FiemapFlags::UNWRITTEN), (12, 2, last)]
    );
    assert!(map[3].block.is_none());
    assert_eq!(fs.fiemap(ino, 7 * PAGE, 1, false).unwrap()[0].flags, FiemapFlags::UNWRITTEN);
    let end = 12 * PAGE + 5000;
    assert_eq!(fs.seek_hole(ino, 5), Ok(4 * PAGE));
    assert_eq!(fs.seek_data(ino, 4 * PAGE), Ok(12 * PAGE));
    assert_eq!(fs.seek_hole(ino, 12 * PAGE), Ok(end));
    assert_eq!(
        (fs.seek_data(ino, end), fs.seek_hole(ino, end)),
        (Err(Errno::ENXIO), Err(Errno::ENXIO))
    );
    fs.write(ino, 7 * PAGE + 9, b"x").unwrap();
    assert_eq!(fs.seek_data(ino, 4 * PAGE), Ok(7 * PAGE), "a dirty page over unwritten blocks");
    assert_eq!(fs.seek_hole(ino, 7 * PAGE), Ok(8 * PAGE));
    let map = fs.fiemap(ino, 0, 100, true).unwrap();
    assert!(!map.iter().any(|e| e.flags.contains(FiemapFlags::DELALLOC)));
}

#[test]
fn dedupe_shares_only_what_is_the_same_and_never_a_swap_file() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let data = pattern(1, 8 * 4096);
    fs.write(a, 0, &data).unwrap();
    fs.write(b, 0, &data).unwrap();
    fs.write(b, 5 * PAGE + 100, b"other").unwrap();
    assert_eq!(fs.dedupe_range(a, 0, b, 0, 8 * PAGE), Ok(false));
    assert_eq!(fs.dedupe_range(a, 0, b, 0, 4 * PAGE), Ok(true));
    assert_eq!(fs.dedupe_range(a, 6 * PAGE, b, 6 * PAGE, 2 * PAGE), Ok(true));
    assert_eq!(fs.dedupe_range(a, 0, b, 8 * PAGE, PAGE), Err(Errno::EINVAL), "beyond the end");
    assert_eq!(fs.dedupe_range(a, 1, b, 0, PAGE), Err(Errno::EINVAL));
    let shared = fs.fiemap(b, 0, 9, true).unwrap();
    let shared = shared.iter().filter(|e| e.flags.contains(FiemapFlags::SHARED));
    assert_eq!(shared.map(|e| e.length / PAGE).sum::<u64>(), 6);
    let mut expected = data.clone();
    expected[5 * 4096 + 100..][..5].copy_from_slice(b"other");
    assert!(content(&fs, a) == data && content(&fs, b) == expected);
    fs.claim_swapfile(a).unwrap();
    assert_eq!(fs.dedupe_range(a, 0, b, 0, PAGE), Err(Errno::ETXTBSY));
    assert_eq!(fs.dedupe_range(b, 0, a, 0, PAGE), Err(Errno::ETXTBSY));
    fs.release_swapfile(a);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn unsharing_gives_a_file_blocks_of_its_own() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let data = pattern(1, 8 * 4096);
    fs.write(a, 0, &data).unwrap();
    fs.clone_file(a, b).unwrap();
    fs.fallocate_mode(b, AllocateMode::Unshare, 2 * PAGE, 3 * PAGE).unwrap();
    let shared = |ino| {
        let map = fs.fiemap(ino, 0, 99, false).unwrap();
        map.iter().filter(|e| e.flags.contains(FiemapFlags::SHARED)).map(|e| e.length / PAGE).sum()
    };
    assert_eq!((shared(a), shared(b)), (5_u64, 5_u64));
    assert_eq!(swapfile_activate(&fs, b).unwrap_err().errno, Errno::EINVAL);
    fs.fallocate_mode(b, AllocateMode::Unshare, 0, 8 * PAGE).unwrap();
    assert_eq!((shared(a), shared(b)), (0, 0));
    assert!(swapfile_activate(&fs, b).is_ok(), "shared once is not shared now");
    assert!(content(&fs, a) == data && content(&fs, b) == data);
    fs.unmount().unwrap();
    rig.assert_clean();
}

/// Two files whose blocks alternate.
fn in_pieces(rig: &Rig, fs: &Fs, pages: u64) -> Ino {
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    for page in 0..pages {
        rig.write(fs, a, page, &[page as u8 + 1]).unwrap();
        rig.write(fs, b, page, &[99]).unwrap();
    }
    fs.sync().unwrap();
    a
}

#[test]
fn defragmenting_brings_a_file_together_and_is_refused_for_a_swap_file() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = in_pieces(&rig, &fs, 20);
    assert_eq!(fs.map(ino).unwrap().len(), 20);
    assert_eq!(fs.defragment(ino), Ok(20));
    assert_eq!(fs.map(ino).unwrap().len(), 1);
    let expected: Vec<u8> = (1..=20).collect();
    assert_eq!(rig.read(&fs, ino, 0, 20), Ok(expected.clone()));
    assert_eq!(fs.defragment(ino), Ok(0));
    fs.claim_swapfile(ino).unwrap();
    assert_eq!(fs.defragment(ino), Err(Errno::ETXTBSY));
    fs.release_swapfile(ino);
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    assert_eq!(rig.read(&fs, fs.open("a").unwrap(), 0, 20), Ok(expected));
}

#[test]
fn a_swap_file_that_moves_is_right_by_its_mapping_and_wrong_by_its_old_extents() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = fs.create("swapfile").unwrap();
    fs.fallocate(ino, 0, 16 * PAGE).unwrap();
    fs.claim_swapfile(ino).unwrap();
    let old = swapfile_activate(&fs, ino).unwrap();
    let fill: Vec<u8> = (1..=16).collect();
    swap(&rig, &fs, ino, Direction::Write, &fill).unwrap();
    assert_eq!(fs.relocate(ino), Ok(16));
    assert_eq!(swap(&rig, &fs, ino, Direction::Read, &[0; 16]), Ok(fill));
    assert!(fs.map(ino).unwrap().iter().all(|e| e.kind == MapKind::Unwritten), "as it was");
    let new = swapfile_activate(&fs, ino).unwrap();
    let blocks = |extents: &[iomap::SwapExtent]| -> Vec<u64> {
        extents.iter().flat_map(|e| e.start_block..e.start_block + e.nr_pages).collect()
    };
    assert!(blocks(&old).iter().all(|block| !blocks(&new).contains(block)));
    // Somebody else gets the old blocks: what extents wrote there would be his.
    let txn = crate::txn::Transaction::begin(&fs.core, 4, Context::User);
    let run = txn.unwrap().alloc(fs.root().0, Some(old[0].start_block), 1).unwrap();
    assert_eq!(run.start, old[0].start_block);
    fs.release_swapfile(ino);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_move_that_is_cut_leaves_the_old_or_the_new_place() {
    use block::BlockError;
    use block::ram::{Fault, OpKind};
    let mut requests = 0;
    loop {
        let rig = Rig::new(600);
        let fs = rig.mount();
        let ino = in_pieces(&rig, &fs, 12);
        let error = BlockError::Gone;
        let op = OpKind::Any;
        rig.disk.add_fault(Fault { op, blocks: None, skip: requests, times: u64::MAX, error });
        let moved = fs.defragment(ino);
        drop(fs);
        rig.disk.crash(|index, _| index % 2 == 0);
        let fs = rig.mount();
        let file = rig.read(&fs, fs.open("a").unwrap(), 0, 12);
        assert_eq!(file, Ok((1..=12).collect()), "cut at {requests}");
        fs.unmount().unwrap();
        rig.assert_clean();
        if moved.is_ok() {
            break;
        }
        requests += 1;
    }
    assert!(requests > 10, "{requests}");
}
