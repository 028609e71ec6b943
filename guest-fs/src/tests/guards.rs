//! What stands between a mistake and the disk: reservations, held blocks, the auditor, the pinned map.

use std::cell::RefCell;
use std::rc::Rc;

use iomap::{Context, Errno, Intent, IomapOps, MapKind, SwapHost};

use super::rig::{Fs, PAGE, Rig};
use crate::events::Event;
use crate::format::Structure;
use crate::meta::MetaWrite;
use crate::txn::Transaction;
use crate::{Auditor, Clock, Finding, ShutdownReason};

const USER: Context = Context::User;

#[test]
fn a_transaction_larger_than_its_reservation_shuts_down_and_changes_nothing() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let free = fs.statfs().unwrap().blocks_free;
    let mut txn = Transaction::begin(&fs.core, 1, USER).unwrap();
    txn.alloc(fs.root().0, None, 3).unwrap();
    assert_eq!(txn.commit(), Err(Errno::EUCLEAN));
    assert!(matches!(fs.shutdown_reason(), Some(ShutdownReason::Inconsistent(_))));
    fs.unmount().unwrap();
    rig.assert_clean();
    assert_eq!(rig.mount().statfs().unwrap().blocks_free, free);
}

#[test]
fn a_block_that_a_transaction_changed_is_held_against_others_until_it_ends() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let root = fs.root().0;
    let mut first = Transaction::begin(&fs.core, 4, USER).unwrap();
    first.edit(Structure::Inode, root, root).unwrap();
    let mut second = Transaction::begin(&fs.core, 4, USER).unwrap();
    let held = second.edit(Structure::Inode, root, root).map(drop).unwrap_err();
    assert_eq!(fs.core.errno(held), Errno::EDEADLK);
    assert!(
        rig.events().iter().any(|e| matches!(e, Event::BlockHeld { block, .. } if *block == root))
    );
    drop(first);
    second.edit(Structure::Inode, root, root).unwrap();
    second.commit().unwrap();
    assert!(fs.core.state().held_blocks.is_empty());
}

#[test]
fn a_freed_block_is_not_given_away_before_its_release_is_durable() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1]).unwrap();
    fs.sync().unwrap();
    let block = fs.map(ino).unwrap()[0].block;
    let root = fs.root().0;
    fs.unlink("a").unwrap();
    let next = || {
        let mut txn = Transaction::begin(&fs.core, 4, USER).unwrap();
        txn.alloc(root, Some(block), 1).unwrap().start
    };
    assert_ne!(next(), block);
    fs.sync().unwrap();
    assert_eq!(next(), block);
}

#[test]
fn a_checkpoint_flushes_between_the_places_and_the_tail() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    fs.create("a").unwrap();
    fs.sync().unwrap();
    rig.disk.take_requests();
    fs.unmount().unwrap();
    let requests = rig.disk.take_requests();
    let ops: Vec<_> = requests.iter().map(|request| request.op).collect();
    let (last, before) = ops.split_last().unwrap();
    assert_eq!(*last, block::Op::Write { fua: true });
    assert_eq!(before.last(), Some(&block::Op::Flush));
    let is_plain_write = |op: &block::Op| *op == block::Op::Write { fua: false };
    assert!(before.len() > 1 && before[..before.len() - 1].iter().all(is_plain_write));
}

#[derive(Default)]
struct Seen(RefCell<Vec<Event>>);

impl Auditor for Seen {
    fn saw(&self, event: &Event) {
        self.0.borrow_mut().push(*event);
    }
}

#[test]
fn the_auditor_sees_what_the_trace_sees() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let seen = Rc::new(Seen::default());
    rig.events();
    fs.set_auditor(Some(Rc::clone(&seen) as Rc<dyn Auditor>));
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1]).unwrap();
    fs.sync().unwrap();
    let events = rig.events();
    assert!(events.len() > 10);
    // Locks of the log and of blocks are for the auditor only.
    let is_traced = |event: &Event| {
        !matches!(event, Event::LogLock { .. } | Event::LogUnlock | Event::BlockHold { .. })
    };
    let seen: Vec<_> = seen.0.borrow().iter().copied().filter(is_traced).collect();
    assert_eq!(seen, events);
}

struct Ticks(RefCell<u64>);

impl Clock for Ticks {
    fn now_ns(&self) -> u64 {
        *self.0.borrow_mut() += 1;
        *self.0.borrow()
    }
}

#[test]
fn times_come_from_the_clock_and_stay_after_a_remount() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    fs.set_clock(Rc::new(Ticks(RefCell::new(1000))));
    let ino = fs.create("a").unwrap();
    let made = fs.stat(ino).unwrap().times;
    assert!(made.btime_ns > 1000 && made.btime_ns == made.mtime_ns);
    rig.write(&fs, ino, 0, &[1]).unwrap();
    let written = fs.stat(ino).unwrap().times;
    assert!(written.mtime_ns > made.mtime_ns && written.btime_ns == made.btime_ns);
    fs.link("a", "b").unwrap();
    let linked = fs.stat(ino).unwrap().times;
    assert!(linked.ctime_ns > written.ctime_ns && linked.mtime_ns == written.mtime_ns);
    fs.unmount().unwrap();
    let fs = rig.mount();
    assert_eq!(fs.stat(fs.open("a").unwrap()).unwrap().times, linked);
}

#[test]
fn the_map_of_an_active_swap_file_is_read_without_the_device() {
    let rig = Rig::new(2048);
    let fs = rig.mount();
    let (ino, other) = (fs.create("swapfile").unwrap(), fs.create("b").unwrap());
    for page in 0..300 {
        rig.write(&fs, ino, page, &[1]).unwrap();
        rig.write(&fs, other, page, &[2]).unwrap();
    }
    fs.unmount().unwrap();
    let fs = rig.mount();
    let ino = fs.open("swapfile").unwrap();
    let ask = |fs: &Fs, page: u64| {
        let map = fs.swap_ops().iomap_begin(ino, page * PAGE, PAGE, Intent::SWAP, Context::SwapIn);
        map.map(|map| map.kind)
    };
    assert_eq!(ask(&fs, 299), Err(Errno::EIO), "not in memory: nothing is read for swap");
    fs.claim_swapfile(ino).unwrap();
    rig.disk.take_requests();
    for page in 0..300 {
        assert_eq!(ask(&fs, page), Ok(MapKind::Mapped));
    }
    assert_eq!(rig.disk.take_requests(), []);
}

#[test]
fn damaged_summaries_are_found_and_repaired() {
    let rig = Rig::new(1024);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 9]).unwrap();
    fs.mkdir("d").unwrap();
    let layout = fs.core.layout;
    fs.unmount().unwrap();
    let damage = |block: u64, at: usize, flip: u8| {
        let mut image: crate::format::Image = Box::new(rig.disk.peek(block).try_into().unwrap());
        image[at] ^= flip;
        crate::format::seal(&mut image, 0);
        rig.disk.poke(block, &image[..]);
    };
    damage(1, 64 + 60, 2);
    // The longest run, less by some hundreds.
    damage(layout.table_start, 69, rig.disk.peek(layout.table_start)[69]);
    damage(ino.0, 52, 4);
    damage(ino.0, 72, 1);
    damage(layout.root, 64, 1);
    let report = Fs::fsck(&*rig.disk).unwrap();
    let has = |is_kind: fn(&Finding) -> bool| report.findings.iter().any(is_kind);
    assert!(has(|f| matches!(f, Finding::Leaked { .. })), "{:?}", report.findings);
    assert!(has(|f| matches!(f, Finding::BadGroup { .. })));
    assert!(has(|f| matches!(f, Finding::BadNlink { .. })));
    assert!(has(|f| matches!(f, Finding::BadBlocks { .. })));
    assert!(has(|f| matches!(f, Finding::BadSize { .. })));
    let repaired = Fs::repair(&*rig.disk).unwrap();
    assert_eq!(repaired.findings, report.findings);
    rig.assert_clean();
    let fs = rig.mount();
    assert_eq!(rig.read(&fs, fs.open("a").unwrap(), 0, 20), Ok(vec![1; 9]));
}
