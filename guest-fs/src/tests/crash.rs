//! Power cuts, at every request, with every kind of loss in the cache.
//!
//! A cut after the n-th request is a device on which every later request fails: it changes nothing any
//! more. Then the cache loses what the policy says, and the machine comes back.

use block::BlockError;
use block::ram::{Fault, OpKind};

use super::rig::Rig;
use super::workload::{Promises, run};
use crate::FileSystem;

const BLOCKS: u64 = 420;

/// Which unflushed writes survive.
type Keep = fn(usize, u64) -> bool;

const POLICIES: [(&str, Keep); 5] = [
    ("none", |_, _| false),
    ("all", |_, _| true),
    ("odd", |index, _| index % 2 == 1),
    ("newest-block-numbers", |_, block| block > 280),
    ("scattered", |index, block| (index as u64 * 7 + block * 13) % 5 < 2),
];

fn cut_after(rig: &Rig, requests: u64) {
    let op = OpKind::Any;
    let error = BlockError::Gone;
    rig.disk.add_fault(Fault { op, blocks: None, skip: requests, times: u64::MAX, error });
}

/// Runs the workload with a cut. Returns the promises and whether the cut came before its end.
fn crashed(requests: u64, keep: Keep) -> (Rig, Promises, bool) {
    let rig = Rig::new(BLOCKS);
    let fs = rig.mount();
    let mut promises = Promises::default();
    cut_after(&rig, requests);
    let is_cut = run(&rig, &fs, &mut promises).is_err();
    rig.disk.crash(keep);
    (rig, promises, is_cut)
}

#[test]
fn a_cut_at_every_request_loses_nothing_that_was_fsynced() {
    for (policy, keep) in POLICIES {
        let mut requests = 0;
        loop {
            let (rig, promises, is_cut) = crashed(requests, keep);
            let _ = FileSystem::fsck(&*rig.disk).unwrap();
            let fs = rig.mount();
            promises.check(&rig, &fs);
            fs.unmount().unwrap();
            let report = FileSystem::fsck(&*rig.disk).unwrap();
            assert!(report.is_clean(), "{policy}, cut at {requests}: {:?}", report.findings);
            if !is_cut {
                break;
            }
            requests += 1;
        }
        assert!(requests > 120, "the workload has become too short: {requests} requests");
    }
}

#[test]
fn recovery_that_is_cut_at_every_request_recovers_the_next_time() {
    let mut cuts = 0;
    for requests in (0..).step_by(2) {
        let mut recovery = 0;
        loop {
            let (rig, promises, is_cut) = crashed(requests, |index, _| index % 2 == 0);
            cut_after(&rig, recovery);
            let first = rig.try_mount();
            let is_recovered = first.is_ok();
            drop(first);
            rig.disk.crash(|index, _| index % 2 == 1);
            let fs = rig.mount();
            promises.check(&rig, &fs);
            fs.unmount().unwrap();
            rig.assert_clean();
            if is_recovered {
                if !is_cut {
                    assert!(cuts > 500, "too few cuts: {cuts}");
                    return;
                }
                break;
            }
            // Most requests are reads, which change nothing: skip some.
            recovery += 1 + recovery / 16;
            cuts += 1;
        }
    }
}

#[test]
fn mkfs_that_is_cut_leaves_no_filesystem_or_a_whole_one() {
    let mut requests = 0;
    loop {
        let rig = Rig::new(BLOCKS);
        let old = rig.mount();
        old.create("old").unwrap();
        old.sync().unwrap();
        drop(old);
        cut_after(&rig, requests);
        // The same UUID: nothing but the order of writes keeps old and new apart.
        let made = FileSystem::mkfs(&*rig.disk, &crate::MkfsOptions::default());
        rig.disk.crash(|index, _| index % 2 == 0);
        if let Ok(fs) = rig.try_mount() {
            let names = fs.names().unwrap();
            // One superblock wiped and the other not yet: the old filesystem is still whole.
            assert!(names.is_empty() || requests < 2, "cut at {requests}: {names:?}");
            fs.unmount().unwrap();
        }
        if made.is_ok() {
            break;
        }
        requests += 1;
    }
    assert!(requests > 5);
}

#[test]
fn a_freed_inode_block_is_no_data_while_the_journal_could_bring_the_inode_back() {
    let rig = Rig::new(330);
    let fs = rig.mount();
    let ino = fs.create("data").unwrap();
    fs.create("victim").unwrap();
    let free = fs.statfs().unwrap().blocks_free;
    rig.write(&fs, ino, 0, &vec![1; free as usize]).unwrap();
    fs.fsync(ino).unwrap();
    fs.unlink("victim").unwrap();
    fs.sync().unwrap();
    // The only free block is the one that was the inode.
    rig.write(&fs, ino, free, &[2]).unwrap();
    fs.fsync(ino).unwrap();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    let ino = fs.open("data").unwrap();
    assert_eq!(rig.read(&fs, ino, free, 1), Ok(vec![2]));
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn an_overwrite_is_durable_after_fsync_although_no_metadata_changed() {
    let rig = Rig::new(BLOCKS);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    fs.fsync(ino).unwrap();
    rig.write(&fs, ino, 0, &[2; 4]).unwrap();
    fs.fsync(ino).unwrap();
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    let ino = fs.open("a").unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 4), Ok(vec![2; 4]));
}
