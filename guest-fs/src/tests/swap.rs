//! What swap gets: the swap mapping against the direct-I/O mapping.

use block::ram::RamDisk;
use hal::trace::Layer;
use iomap::{
    ActivateReason, BioPool, Context, Direction, Errno, FailureKind, Intent, IocbFlags, IomapOps,
    Kiocb, MapKind, SwapHost, Transfer, dio_rw, swap_rw, swapfile_activate,
};

use super::rig::{Fs, PAGE, Rig, fill_of};
use crate::events::{Event, SwapMapRefusal};
use crate::{FsKnobs, Ino, ShutdownKind};

const OUT: Context = Context::SwapOut;

/// A preallocated file of `pages` pages, active as swap.
fn active(rig: &Rig, fs: &Fs, pages: u64) -> Ino {
    let ino = fs.create("swapfile").unwrap();
    fs.fallocate(ino, 0, pages * PAGE).unwrap();
    fs.claim_swapfile(ino).unwrap();
    let extents = swapfile_activate(fs, ino).unwrap();
    assert_eq!(extents.iter().map(|extent| extent.nr_pages).sum::<u64>(), pages);
    rig.events();
    ino
}

fn swap_out(
    rig: &Rig,
    fs: &Fs,
    ino: Ino,
    first: u64,
    fill: &[u8],
) -> Result<u64, iomap::IoFailure> {
    let mut transfer = rig.transfer(first, fill);
    let mut pool = BioPool::new(2, 4);
    swap_rw(fs.swap_ops(), &*rig.disk, ino, &mut transfer, OUT, &mut pool)
}

fn swap_in(rig: &Rig, fs: &Fs, ino: Ino, first: u64, count: usize) -> Vec<u8> {
    let pages = rig.transfer(first, &vec![0xee; count]).pages;
    let mut transfer = Transfer { direction: Direction::Read, pos: first * PAGE, pages };
    let mut pool = BioPool::new(2, 4);
    swap_rw(fs.swap_ops(), &*rig.disk, ino, &mut transfer, Context::SwapIn, &mut pool).unwrap();
    transfer.pages.iter().map(fill_of).collect()
}

fn dio_swap_out(rig: &Rig, fs: &Fs, ino: Ino, fill: &[u8]) -> Result<u64, iomap::IoFailure> {
    let iocb = Kiocb { flags: IocbFlags::SWAP, context: OUT };
    dio_rw::<_, RamDisk>(fs.dio_ops(), &rig.disk, ino, &mut rig.transfer(0, fill), iocb)
}

/// Transactions, locks and allocations inside swap I/O.
fn broken_promises(rig: &Rig) -> Vec<Event> {
    let is_broken = |event: &Event| match *event {
        Event::TxnBegin { context, .. }
        | Event::InodeLock { context, .. }
        | Event::Alloc { context, .. }
        | Event::LogForce { context, .. } => context.is_swap_io(),
        _ => false,
    };
    rig.events().into_iter().filter(is_broken).collect()
}

#[test]
fn swap_over_an_unwritten_file_runs_no_transaction_and_leaves_it_unwritten() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = active(&rig, &fs, 32);
    let fill: Vec<u8> = (1..=20).collect();
    assert_eq!(swap_out(&rig, &fs, ino, 3, &fill), Ok(20 * PAGE));
    assert_eq!(swap_in(&rig, &fs, ino, 3, 20), fill);
    assert_eq!(broken_promises(&rig), []);
    assert!(fs.map(ino).unwrap().iter().all(|extent| extent.kind == MapKind::Unwritten));
}

#[test]
fn swap_through_the_dio_mapping_converts_in_swap_context() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = active(&rig, &fs, 32);
    assert_eq!(dio_swap_out(&rig, &fs, ino, &[1; 8]), Ok(8 * PAGE));
    let broken = broken_promises(&rig);
    assert!(broken.iter().any(|event| matches!(event, Event::TxnBegin { context: OUT, .. })));
    assert!(broken.iter().any(|event| matches!(event, Event::InodeLock { context: OUT, .. })));
    assert_eq!(rig.read(&fs, ino, 0, 8), Ok(vec![1; 8]), "a user sees what swap wrote");
    // Written now: no further transaction, but still the lock.
    assert_eq!(dio_swap_out(&rig, &fs, ino, &[2; 8]), Ok(8 * PAGE));
    let again = broken_promises(&rig);
    assert!(again.iter().all(|event| matches!(event, Event::InodeLock { .. })), "{again:?}");
}

#[test]
fn after_a_shutdown_the_swap_mapping_goes_on_and_the_dio_mapping_does_not() {
    for kind in [ShutdownKind::Default, ShutdownKind::LogFlush, ShutdownKind::NoLogFlush] {
        let rig = Rig::new(512);
        let fs = rig.mount();
        let ino = active(&rig, &fs, 32);
        swap_out(&rig, &fs, ino, 0, &[7; 8]).unwrap();
        fs.shutdown(kind).unwrap();
        assert_eq!(swap_in(&rig, &fs, ino, 0, 8), [7; 8]);
        swap_out(&rig, &fs, ino, 4, &[8; 8]).unwrap();
        assert_eq!(swap_in(&rig, &fs, ino, 0, 12), [[7; 4], [8; 4], [8; 4]].concat());
        let failure = dio_swap_out(&rig, &fs, ino, &[1]).unwrap_err();
        assert_eq!(failure.errno, Errno::EIO);
        assert_eq!(failure.learned_by, Layer::Filesystem);
        assert_eq!(failure.kind, FailureKind::MapRefused);
        let (fs, errno) = fs.unmount().unwrap_err();
        assert_eq!(errno, Errno::EBUSY);
        assert_eq!(fs.open("swapfile"), Err(Errno::EIO), "swapoff by path cannot find it");
        fs.release_swapfile(ino);
        fs.unmount().unwrap();
        rig.assert_recovers();
    }
}

#[test]
fn a_shutdown_between_submission_and_completion_fails_a_write_that_the_device_did() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = active(&rig, &fs, 32);
    dio_swap_out(&rig, &fs, ino, &[1; 4]).unwrap();
    let ops = fs.dio_ops();
    let map = ops.iomap_begin(ino, 0, PAGE, Intent::WRITE | Intent::DIRECT, OUT).unwrap();
    fs.shutdown(ShutdownKind::NoLogFlush).unwrap();
    let end = iomap::DioOps::end_io(ops, ino, 0, PAGE, iomap::DioEnd::empty(), OUT);
    assert_eq!((map.kind, end), (MapKind::Mapped, Err(Errno::EIO)));
}

#[test]
fn the_control_knob_makes_the_swap_mapping_honour_shutdown() {
    let rig = Rig::new(512);
    let fs = rig.mount_with(FsKnobs { swap_map_honours_shutdown: true, ..FsKnobs::default() });
    let ino = active(&rig, &fs, 32);
    swap_out(&rig, &fs, ino, 0, &[7; 8]).unwrap();
    fs.shutdown(ShutdownKind::NoLogFlush).unwrap();
    let failure = swap_out(&rig, &fs, ino, 0, &[8]).unwrap_err();
    assert_eq!((failure.errno, failure.learned_by), (Errno::EIO, Layer::Filesystem));
    let refused = rig.events().into_iter().find_map(|event| match event {
        Event::SwapMapRefused { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(refused, Some(SwapMapRefusal::Shutdown));
}

#[test]
fn the_swap_mapping_refuses_holes_what_is_beyond_the_size_and_dirty_inodes() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.fallocate(ino, 0, 4 * PAGE).unwrap();
    fs.fallocate(ino, 8 * PAGE, 4 * PAGE).unwrap();
    let ask = |pos: u64| {
        rig.events();
        let answer = fs.swap_ops().iomap_begin(ino, pos * PAGE, PAGE, Intent::SWAP, OUT);
        let why = rig.events().into_iter().find_map(|event| match event {
            Event::SwapMapRefused { why, .. } => Some(why),
            _ => None,
        });
        (answer.map(|map| map.kind), why)
    };
    assert_eq!(ask(0), (Err(Errno::EIO), Some(SwapMapRefusal::Dirty)));
    fs.fsync(ino).unwrap();
    assert_eq!(ask(0), (Ok(MapKind::Unwritten), None));
    assert_eq!(ask(4), (Err(Errno::EIO), Some(SwapMapRefusal::Hole)));
    assert_eq!(ask(12), (Err(Errno::EIO), Some(SwapMapRefusal::BeyondSize)));
    rig.write(&fs, ino, 0, &[1]).unwrap();
    assert_eq!(ask(0), (Err(Errno::EIO), Some(SwapMapRefusal::Dirty)));
    fs.fsync(ino).unwrap();
    assert_eq!(ask(0), (Ok(MapKind::Mapped), None));
    let missing = fs.swap_ops().iomap_begin(Ino(400), 0, PAGE, Intent::SWAP, OUT);
    assert_eq!(missing, Err(Errno::ENOENT));
}

#[test]
fn activation_refuses_what_linux_refuses() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let sparse = fs.create("sparse").unwrap();
    fs.fallocate(sparse, 0, 4 * PAGE).unwrap();
    fs.fallocate(sparse, 8 * PAGE, PAGE).unwrap();
    let refused = swapfile_activate(&fs, sparse).unwrap_err();
    assert_eq!((refused.reason, refused.pos), (ActivateReason::Unallocated, 4 * PAGE));
    assert_eq!(refused.errno, Errno::EINVAL);
    assert!(refused.to_string().contains("file has unallocated extents"));
    let short = fs.create("short").unwrap();
    fs.fallocate(short, 0, PAGE - 1).unwrap();
    assert_eq!(swapfile_activate(&fs, short).unwrap_err().reason, ActivateReason::NoUsablePage);
    fs.fallocate(short, 0, PAGE + 3).unwrap();
    let extents = swapfile_activate(&fs, short).unwrap();
    assert_eq!((extents.len(), extents[0].nr_pages), (1, 1), "the tail is left out");
    fs.shutdown(ShutdownKind::NoLogFlush).unwrap();
    assert_eq!(swapfile_activate(&fs, short).unwrap_err().errno, Errno::EIO);
}

#[test]
fn the_extents_of_activation_are_where_swap_goes() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let (ino, other) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    for page in 0..6 {
        rig.write(&fs, ino, page, &[1]).unwrap();
        rig.write(&fs, other, page, &[2]).unwrap();
    }
    let extents = swapfile_activate(&fs, ino).unwrap();
    assert!(extents.len() > 1);
    let fill: Vec<u8> = (10..16).collect();
    swap_out(&rig, &fs, ino, 0, &fill).unwrap();
    for extent in extents {
        for page in 0..extent.nr_pages {
            let content = rig.disk.peek(extent.start_block + page);
            assert_eq!(content[0], fill[(extent.start_page + page) as usize]);
        }
    }
    assert_eq!(rig.read(&fs, other, 0, 6), Ok(vec![2; 6]));
}

#[test]
fn an_active_swap_file_cannot_be_changed() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = active(&rig, &fs, 8);
    assert_eq!(rig.write(&fs, ino, 0, &[1]), Err(Errno::ETXTBSY));
    assert_eq!(fs.fallocate(ino, 0, 64 * PAGE), Err(Errno::ETXTBSY));
    assert_eq!(fs.unlink("swapfile"), Err(Errno::EPERM));
    assert_eq!(fs.claim_swapfile(ino), Err(Errno::EBUSY));
    assert!(fs.stat(ino).unwrap().is_swapfile);
    fs.release_swapfile(ino);
    assert_eq!(rig.write(&fs, ino, 0, &[1]), Ok(PAGE));
    fs.unlink("swapfile").unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn nowait_gives_eagain_where_it_would_allocate_or_wait() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let iocb = Kiocb { flags: IocbFlags::NOWAIT, context: Context::User };
    let nowait = |first| {
        let failure = fs.dio_write_iocb(ino, &mut rig.transfer(first, &[1]), iocb);
        failure.map_err(|failure| failure.errno)
    };
    assert_eq!(nowait(0), Err(Errno::EAGAIN), "a hole");
    rig.write(&fs, ino, 0, &[1]).unwrap();
    assert_eq!(nowait(0), Ok(PAGE));
    let lock = fs.core.lock_inode(ino.0, Context::User, false).ok().unwrap();
    assert_eq!(nowait(0), Err(Errno::EAGAIN), "the lock is held");
    assert_eq!(rig.write(&fs, ino, 0, &[1]), Err(Errno::EDEADLK));
    let swap = fs.swap_ops().iomap_begin(ino, 0, PAGE, Intent::REPORT, OUT);
    assert!(swap.is_ok(), "the swap mapping takes no lock");
    drop(lock);
    assert_eq!(nowait(0), Ok(PAGE));
}
