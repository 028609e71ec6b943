//! Freezing, and the auditors.

use std::rc::Rc;

use iomap::{
    BioPool, Context, Errno, IocbFlags, Kiocb, SwapHost, dio_rw, swap_rw, swapfile_activate,
};

use super::{content, pattern};
use crate::audit::{Auditor, Deeds, LockClass, LockWatch, Never};
use crate::events::Event;
use crate::tests::rig::{Fs, PAGE, Rig};
use crate::{Ino, ShutdownKind};

const OUT: Context = Context::SwapOut;

fn swapfile(fs: &Fs) -> Ino {
    let ino = fs.create("swapfile").unwrap();
    fs.fallocate(ino, 0, 16 * PAGE).unwrap();
    fs.claim_swapfile(ino).unwrap();
    swapfile_activate(fs, ino).unwrap();
    ino
}

fn swap_out(rig: &Rig, fs: &Fs, ino: Ino) -> Result<u64, Errno> {
    let mut pool = BioPool::new(2, 4);
    let transfer = &mut rig.transfer(0, &[5; 4]);
    swap_rw(fs.swap_ops(), &*rig.disk, ino, transfer, OUT, &mut pool).map_err(|f| f.errno)
}

fn dio_out(rig: &Rig, fs: &Fs, ino: Ino, page: u64) -> Result<u64, Errno> {
    let iocb = Kiocb { flags: IocbFlags::SWAP, context: OUT };
    let transfer = &mut rig.transfer(page, &[6; 2]);
    dio_rw(fs.dio_ops(), &*rig.disk, ino, transfer, iocb).map_err(|f| f.errno)
}

#[test]
fn a_frozen_filesystem_is_read_and_swapped_to_but_nothing_changes() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let swap = swapfile(&fs);
    let ino = fs.create("a").unwrap();
    let data = pattern(1, 9000);
    fs.write(ino, 0, &data).unwrap();
    fs.freeze().unwrap();
    assert_eq!(fs.freeze(), Err(Errno::EBUSY));
    assert!(content(&fs, ino) == data);
    rig.disk.take_requests();
    assert_eq!(fs.write(ino, 0, b"x"), Err(Errno::EDEADLK));
    assert_eq!(rig.write(&fs, ino, 0, &[1]), Err(Errno::EDEADLK), "an overwrite is a write");
    assert_eq!(fs.create("b"), Err(Errno::EDEADLK));
    assert_eq!(fs.truncate(ino, 5), Err(Errno::EDEADLK));
    assert_eq!(swap_out(&rig, &fs, swap), Ok(4 * PAGE), "the swap mapping needs no transaction");
    rig.events();
    // Written by the device, then the conversion of unwritten blocks meets the freeze: Linux hangs there.
    assert_eq!(dio_out(&rig, &fs, swap, 8), Err(Errno::EDEADLK));
    let met = rig.events().into_iter().find(|event| matches!(event, Event::FrozenWait { .. }));
    assert_eq!(met, Some(Event::FrozenWait { context: OUT }));
    let (fs, errno) = fs.unmount().unwrap_err();
    assert_eq!(errno, Errno::EBUSY);
    fs.thaw().unwrap();
    assert_eq!(fs.thaw(), Err(Errno::EINVAL));
    assert_eq!(dio_out(&rig, &fs, swap, 8), Ok(2 * PAGE));
    fs.write(ino, 0, b"x").unwrap();
    fs.release_swapfile(swap);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn what_is_frozen_is_whole_on_the_device() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let data = pattern(1, 9000);
    fs.write(ino, 0, &data).unwrap();
    fs.freeze().unwrap();
    rig.assert_clean();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    assert!(content(&fs, fs.open("a").unwrap()) == data);
}

#[test]
fn a_frozen_filesystem_can_go_down_and_be_thawed() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    fs.freeze().unwrap();
    fs.shutdown(ShutdownKind::Default).unwrap();
    fs.thaw().unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn the_swap_mapping_does_nothing_that_reclaim_must_not_and_direct_io_does() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = swapfile(&fs);
    let never = Rc::new(Never::in_swap_io());
    fs.set_auditor(Some(Rc::clone(&never) as Rc<dyn Auditor>));
    for _ in 0..50 {
        swap_out(&rig, &fs, ino).unwrap();
    }
    assert_eq!(never.violations(), []);
    dio_out(&rig, &fs, ino, 8).unwrap();
    for deed in [Deeds::TXN, Deeds::INODE_LOCK, Deeds::BIO_ALLOC, Deeds::CHANGE, Deeds::HOLD] {
        assert!(never.count(OUT, deed) > 0, "{deed:?}");
        assert!(never.violations().iter().any(|v| v.deed == deed && v.context == OUT));
    }
    assert_eq!(never.count(OUT, Deeds::PAGE_ALLOC), 0);
}

#[test]
fn buffered_io_keeps_deeds_where_they_belong() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let rules = Never::new()
        .forbid(Context::User, Deeds::TXN | Deeds::ALLOC | Deeds::LOG_FORCE)
        .forbid(Context::Completion, Deeds::ALLOC | Deeds::PAGE_ALLOC)
        .forbid(Context::Writeback, Deeds::PAGE_ALLOC | Deeds::LOG_FORCE);
    let never = Rc::new(rules);
    let ino = fs.create("a").unwrap();
    fs.sync().unwrap();
    fs.set_auditor(Some(Rc::clone(&never) as Rc<dyn Auditor>));
    fs.write(ino, 0, &pattern(1, 50_000)).unwrap();
    fs.core.flush(ino.0, 0..u64::MAX).unwrap();
    assert_eq!(never.violations(), []);
    assert!(never.count(Context::Writeback, Deeds::ALLOC) > 0);
    assert!(never.count(Context::Completion, Deeds::TXN) > 0);
    fs.fsync(ino).unwrap();
    assert_eq!(never.violations()[0].deed, Deeds::LOG_FORCE, "the user's fsync forces the log");
}

#[test]
fn direct_io_makes_no_page_and_an_overwrite_needs_no_transaction() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let never = Rc::new(Never::in_direct_io());
    fs.set_auditor(Some(Rc::clone(&never) as Rc<dyn Auditor>));
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    assert_eq!(never.violations(), []);
    assert!(never.count(Context::Dio, Deeds::ALLOC) > 0, "a hole is filled at submission");
    assert!(never.count(Context::Completion, Deeds::CHANGE) > 0, "and converted at completion");
    assert_eq!(never.count(Context::User, Deeds::all()), 0);
    fs.fsync(ino).unwrap();

    let strict = Deeds::TXN | Deeds::ALLOC | Deeds::CHANGE | Deeds::LOG_FORCE | Deeds::HOLD;
    let overwrite = Never::in_direct_io().forbid(Context::Dio, strict);
    let never = Rc::new(overwrite.forbid(Context::Completion, Deeds::all()));
    fs.set_auditor(Some(Rc::clone(&never) as Rc<dyn Auditor>));
    rig.write(&fs, ino, 0, &[2; 4]).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 4), Ok(vec![2; 4]));
    assert_eq!(never.violations(), []);
    for deed in [Deeds::IO_LOCK, Deeds::INODE_LOCK, Deeds::BIO_ALLOC] {
        assert!(never.count(Context::Dio, deed) > 0, "{deed:?}");
    }
    // The page cache on behalf of direct I/O is what the rule is for.
    fs.core.buffered(|b| b.read(ino, 0, &mut [0; 10], Kiocb::DIRECT)).unwrap();
    assert_eq!(never.violations()[0].deed, Deeds::PAGE_ALLOC);
}

#[test]
fn an_io_lock_in_swap_out_is_an_inversion_and_the_swap_mapping_has_none() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let (swap, ino) = (swapfile(&fs), fs.create("a").unwrap());
    let watch = Rc::new(LockWatch::new());
    fs.set_auditor(Some(Rc::clone(&watch) as Rc<dyn Auditor>));
    fs.write(ino, 0, &pattern(1, 50_000)).unwrap();
    fs.fsync(ino).unwrap();
    fs.dio_read(ino, &mut rig.transfer(0, &[0; 4])).unwrap();
    swap_out(&rig, &fs, swap).unwrap();
    assert!(watch.has_seen(LockClass::IoLock, LockClass::Reclaim), "pages under the I/O lock");
    assert!(watch.has_seen(LockClass::LogSpace, LockClass::InodeLock));
    assert_eq!(watch.inversions(), []);
    // The path dio-locked: the lock is wanted by somebody who reclaims.
    fs.lock_io(swap, OUT).unwrap();
    fs.unlock_io(swap, OUT);
    assert_eq!(watch.inversions(), [(LockClass::Reclaim, LockClass::IoLock)]);
}
