//! The n-th request fails, for every n: an error, never a panic, and never a lost promise.

use block::ram::{Fault, OpKind};
use block::{BlockError, DeviceStatus};

use super::rig::Rig;
use super::workload::{Promises, run};
use crate::ShutdownReason;

const ERROR: BlockError = BlockError::Io(DeviceStatus(0x4006));

fn every_nth(op: OpKind, times: u64) -> u64 {
    for n in 0.. {
        let rig = Rig::new(420);
        let fs = rig.mount();
        let mut promises = Promises::default();
        rig.disk.add_fault(Fault { op, blocks: None, skip: n, times, error: ERROR });
        let is_failed = run(&rig, &fs, &mut promises).is_err();
        if fs.unmount().is_err() {
            // The last checkpoint failed; the filesystem is down and the device is given up.
            assert!(is_failed || n > 0);
        }
        rig.disk.clear_faults();
        let fs = rig.mount();
        promises.check(&rig, &fs);
        fs.unmount().unwrap();
        rig.assert_clean();
        if !is_failed {
            return n;
        }
    }
    unreachable!()
}

#[test]
fn every_write_may_fail_once() {
    assert!(every_nth(OpKind::Write, 1) > 50);
}

#[test]
fn every_write_may_fail_for_ever() {
    assert!(every_nth(OpKind::Write, u64::MAX) > 50);
}

#[test]
fn every_flush_may_fail_once() {
    assert!(every_nth(OpKind::Flush, 1) > 10);
}

#[test]
fn every_request_of_mount_and_mkfs_may_fail() {
    for n in 0.. {
        let rig = Rig::new(420);
        rig.disk.add_fault(Fault::nth(OpKind::Any, n, ERROR));
        let mounted = rig.try_mount();
        let is_done = mounted.is_ok() && n > 3;
        drop(mounted);
        rig.disk.clear_faults();
        rig.assert_recovers();
        if is_done {
            break;
        }
    }
}

#[test]
fn a_log_write_error_shuts_the_filesystem_down_and_says_why() {
    let rig = Rig::new(420);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.disk.add_fault(Fault::on_blocks(OpKind::Write, 3..259, ERROR));
    assert_eq!(fs.fsync(ino), Err(iomap::Errno::EIO));
    let reason = fs.shutdown_reason().unwrap();
    assert!(matches!(reason, ShutdownReason::LogIo(error) if error.block == 3), "{reason}");
    assert_eq!(fs.open("a"), Err(iomap::Errno::EIO));
}

#[test]
fn a_metadata_write_error_shuts_the_filesystem_down() {
    let rig = Rig::new(420);
    let fs = rig.mount();
    fs.create("a").unwrap();
    rig.disk.add_fault(Fault::on_blocks(OpKind::Write, 259..420, ERROR));
    let (fs, errno) = fs.unmount().unwrap_err();
    assert_eq!(errno, iomap::Errno::EIO);
    assert!(matches!(fs.shutdown_reason(), Some(ShutdownReason::MetadataIo(_))));
    fs.unmount().unwrap();
    rig.disk.clear_faults();
    let fs = rig.mount();
    assert!(fs.open("a").is_ok(), "the log had it");
}
