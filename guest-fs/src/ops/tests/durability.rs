//! What fsync promises, and what it tells of errors.

use std::cell::Cell;
use std::rc::Rc;

use block::ram::{Fault, OpKind};
use block::{BlockError, DeviceStatus};
use iomap::{Errno, IomapOps, SwapHost};

use super::{content, pattern};
use crate::events::Event;
use crate::tests::rig::{PAGE, Rig};
use crate::{Clock, OpenFlags, ShutdownKind};

const ERROR: BlockError = BlockError::Io(DeviceStatus(0x4006));

#[test]
fn what_was_fsynced_survives_a_power_cut_and_nothing_else_shows_old_blocks() {
    let rig = Rig::new(512);
    (264..511).for_each(|block| rig.disk.poke(block, &[0xdd; 4096]));
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let data = pattern(1, 20_001);
    fs.write(ino, 0, &data).unwrap();
    fs.fsync(ino).unwrap();
    fs.write(ino, 20_001, &pattern(2, 30_000)).unwrap();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    let file = content(&fs, fs.open("a").unwrap());
    assert!(file[..20_001] == data);
    assert_eq!(file.len(), 20_001);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_cut_at_every_request_of_writeback_shows_new_bytes_or_zeros_never_old_blocks() {
    let keeps: [fn(usize, u64) -> bool; 3] =
        [|_, _| false, |index, _| index % 2 == 1, |_, block| block.is_multiple_of(3)];
    let data = pattern(1, 200_000);
    for keep in keeps {
        let mut requests = 0;
        loop {
            let rig = Rig::new(420);
            (264..419).for_each(|block| rig.disk.poke(block, &[0xdd; 4096]));
            let fs = rig.mount();
            let ino = fs.create("a").unwrap();
            fs.write(ino, 0, &data[..30_000]).unwrap();
            fs.sync().unwrap();
            let error = BlockError::Gone;
            let op = OpKind::Any;
            rig.disk.add_fault(Fault { op, blocks: None, skip: requests, times: u64::MAX, error });
            let result = fs.write(ino, 20_000, &data[20_000..]).and_then(|_| fs.fsync(ino));
            drop(fs);
            rig.disk.crash(keep);
            let fs = rig.mount();
            let file = content(&fs, fs.open("a").unwrap());
            assert!(file[..20_000] == data[..20_000]);
            assert!(file.len() >= 30_000);
            for (at, byte) in file.iter().enumerate() {
                assert!(*byte == data[at] || *byte == 0, "cut at {requests}: byte {at} is {byte}");
            }
            assert!(result.is_err() || file == data);
            fs.unmount().unwrap();
            rig.assert_clean();
            if result.is_ok() {
                break;
            }
            requests += 1;
        }
        assert!(requests > 8, "{requests}");
    }
}

#[test]
fn an_error_of_writeback_is_told_once_to_each_open_file() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let first = fs.open_file(ino, OpenFlags::empty()).unwrap();
    let second = fs.open_file(ino, OpenFlags::empty()).unwrap();
    fs.write(ino, 0, &pattern(1, 8192)).unwrap();
    let blocks = 264..511;
    rig.disk.add_fault(Fault {
        op: OpKind::Write,
        blocks: Some(blocks),
        skip: 0,
        times: 1,
        error: ERROR,
    });
    assert_eq!(fs.fsync_file(&first), Err(Errno::EIO));
    assert_eq!(fs.fsync_file(&first), Ok(()));
    assert_eq!(fs.fsync_file(&second), Err(Errno::EIO));
    assert_eq!(fs.fsync_file(&second), Ok(()));
    let late = fs.open_file(ino, OpenFlags::empty()).unwrap();
    assert_eq!(fs.fsync_file(&late), Ok(()), "others were told before it was opened");
    assert_eq!(fs.shutdown_reason(), None, "an error of data is no shutdown");
    // As in Linux, the page is clean and its content still there; written again, it gets to the device.
    assert_eq!(content(&fs, ino), pattern(1, 8192));
    fs.write(ino, 0, &pattern(1, 8192)).unwrap();
    fs.fsync_file(&first).unwrap();
    assert_eq!(rig.read(&fs, ino, 2, 1), Ok(vec![]));
    [first, second, late].into_iter().for_each(|file| fs.close_file(file).unwrap());
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    assert_eq!(content(&fs, fs.open("a").unwrap()), pattern(1, 8192));
}

struct Ticking(Cell<u64>);

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + 10);
        self.0.get()
    }
}

#[test]
fn fdatasync_does_not_force_the_log_for_times_alone() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    fs.set_clock(Rc::new(Ticking(Cell::new(5))));
    let ino = fs.create("a").unwrap();
    fs.write(ino, 0, &pattern(1, 8192)).unwrap();
    fs.fsync(ino).unwrap();
    let forces = || rig.events().iter().filter(|e| matches!(e, Event::LogForce { .. })).count();
    forces();
    let before = fs.stat(ino).unwrap().times.mtime_ns;
    fs.write(ino, 0, &pattern(2, 8192)).unwrap();
    assert!(fs.stat(ino).unwrap().times.mtime_ns > before);
    assert!(fs.stat(ino).unwrap().is_dirty);
    fs.fdatasync(ino).unwrap();
    assert_eq!(forces(), 0);
    let ask =
        || fs.swap_ops().iomap_begin(ino, 0, PAGE, iomap::Intent::SWAP, iomap::Context::SwapOut);
    assert!(ask().is_ok(), "times do not make a map dirty");
    fs.fsync(ino).unwrap();
    assert_eq!(forces(), 1);
    fs.write(ino, 8192, b"longer").unwrap();
    fs.fdatasync(ino).unwrap();
    assert_eq!(forces(), 1, "a size is needed to read the data");
}

#[test]
fn a_shutdown_keeps_dirty_pages_from_the_device_and_unmounts() {
    for kind in [ShutdownKind::Default, ShutdownKind::LogFlush, ShutdownKind::NoLogFlush] {
        let rig = Rig::new(512);
        let fs = rig.mount();
        let ino = fs.create("a").unwrap();
        fs.fsync(ino).unwrap();
        fs.write(ino, 0, &pattern(1, 8192)).unwrap();
        fs.shutdown(kind).unwrap();
        assert_eq!(fs.write(ino, 0, b"x"), Err(Errno::EIO));
        assert_eq!(fs.read(ino, 0, &mut [0; 9]), Err(Errno::EIO));
        assert_eq!(
            (fs.fsync(ino), fs.fdatasync(ino), fs.sync()),
            (Err(Errno::EIO), Err(Errno::EIO), Err(Errno::EIO))
        );
        rig.disk.take_requests();
        fs.unmount().unwrap();
        assert_eq!(rig.disk.take_requests(), []);
        let fs = rig.mount();
        let size = fs.stat(fs.open("a").unwrap()).unwrap().size_bytes;
        // Linux freezes the block device for the default kind, and that syncs.
        assert_eq!(size, if kind == ShutdownKind::Default { 8192 } else { 0 });
        fs.unmount().unwrap();
        rig.assert_clean();
    }
}

#[test]
fn every_write_of_writeback_may_fail_and_fsync_says_so() {
    let data = pattern(1, 200_000);
    for n in 0.. {
        let rig = Rig::new(420);
        let fs = rig.mount();
        let ino = fs.create("a").unwrap();
        fs.sync().unwrap();
        rig.disk.add_fault(Fault::nth(OpKind::Write, n, ERROR));
        fs.write(ino, 0, &data).unwrap();
        let result = fs.fsync(ino);
        rig.disk.clear_faults();
        let is_up = fs.shutdown_reason().is_none();
        let _ = fs.unmount();
        rig.assert_recovers();
        let fs = rig.mount();
        let file = content(&fs, fs.open("a").unwrap());
        assert!(result.is_err() || file == data, "{n}");
        if result.is_ok() {
            assert!(n > 8 && is_up, "{n}");
            break;
        }
    }
}

#[test]
fn an_unmount_and_a_freeze_flush_data_that_no_metadata_came_with() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1]).unwrap();
    fs.unmount().unwrap();
    let fs = rig.mount();
    let ino = fs.open("a").unwrap();
    rig.write(&fs, ino, 0, &[2]).unwrap();
    fs.unmount().unwrap();
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    let ino = fs.open("a").unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 1), Ok(vec![2]));
    rig.write(&fs, ino, 0, &[3]).unwrap();
    fs.freeze().unwrap();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    assert_eq!(rig.read(&fs, fs.open("a").unwrap(), 0, 1), Ok(vec![3]));
}

#[test]
fn a_truncation_that_fails_loses_no_dirty_page() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.write(ino, 0, &[1; 8192]).unwrap();
    fs.fsync(ino).unwrap();
    let _ = fs.reclaim_pages();
    fs.write(ino, 8192, &[2; 5000]).unwrap();
    // The block that is cut cannot be read, so what is left of it cannot be zeroed.
    let op = OpKind::Read;
    rig.disk.add_fault(Fault { op, blocks: None, skip: 0, times: 1, error: ERROR });
    assert_eq!(fs.truncate(ino, 1000), Err(Errno::EIO));
    let mut expected = vec![1; 8192];
    expected.extend([2; 5000]);
    assert_eq!(content(&fs, ino), expected);
    fs.fsync(ino).unwrap();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    assert_eq!(content(&fs, fs.open("a").unwrap()), expected);
}
