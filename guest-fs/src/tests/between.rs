//! A shutdown that comes between two requests of one deed, as from another processor.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

use block::Op;
use block::ram::{Hook, Hooked};
use iomap::Errno;

use super::rig::Rig;
use crate::{FileSystem, MountOptions, ShutdownKind};

/// Does something right before the disk's n-th write from now on.
struct Wire {
    left: Cell<u64>,
    action: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Hook for Wire {
    fn at_submit(&self, op: Op) {
        if matches!(op, Op::Write { .. }) && self.action.borrow().is_some() {
            match self.left.get() {
                0 => self.action.take().into_iter().for_each(|action| action()),
                left => self.left.set(left - 1),
            }
        }
    }
}

type Disk = Hooked<Wire>;

/// Directories far from each other, so that their blocks are no neighbours; all in the log, or none of them.
fn prepared(rig: &Rig, is_logged: bool) -> (Rc<Disk>, FileSystem<Disk>) {
    let (left, action) = (Cell::new(0), RefCell::new(None));
    let wire = Rc::new(Hooked { disk: Rc::clone(&rig.disk), hook: Wire { left, action } });
    let fs = FileSystem::mount(Rc::clone(&wire), MountOptions::default()).unwrap();
    for number in 0..12 {
        let dir = format!("d{number}");
        fs.mkdir(&dir).unwrap();
        let spacer = fs.create(format!("{dir}/spacer")).unwrap();
        fs.fallocate(spacer, 0, 5 * super::rig::PAGE).unwrap();
    }
    if is_logged {
        fs.sync().unwrap();
    }
    (wire, fs)
}

/// Does `deed`, with a shutdown before its n-th write, for every n. Gives how many writes the deed has.
#[track_caller]
fn shut_down_before_every_write(
    is_logged: bool,
    deed: impl Fn(&FileSystem<Disk>) -> Result<(), Errno>,
) -> u64 {
    for n in 0.. {
        let rig = Rig::new(600);
        let (wire, fs) = prepared(&rig, is_logged);
        let (other, disk) = (fs.clone(), Rc::clone(&rig.disk));
        let shutdown = move || {
            other.shutdown(ShutdownKind::NoLogFlush).unwrap();
            disk.take_requests();
        };
        wire.hook.left.set(n);
        *wire.hook.action.borrow_mut() = Some(Box::new(shutdown));
        let done = deed(&fs);
        if wire.hook.action.take().is_some() {
            assert_eq!(done, Ok(()), "no shutdown came");
            return n;
        }
        let requests = rig.disk.take_requests();
        let written = requests.iter().filter(|request| request.op != Op::Read).count();
        assert_eq!(written, 1, "write {n}: only the one under way: {requests:?}");
        fs.unmount().unwrap();
        drop(wire);
        rig.assert_recovers();
    }
    unreachable!("a deed ends")
}

#[test]
fn a_checkpoint_that_has_begun_sends_no_block_after_a_shutdown() {
    let checkpoint = |fs: &FileSystem<Disk>| fs.core.checkpoint(iomap::Context::User);
    assert!(shut_down_before_every_write(true, checkpoint) > 10);
}

#[test]
fn a_log_force_that_has_begun_sends_no_block_after_a_shutdown() {
    assert!(shut_down_before_every_write(false, |fs| fs.sync()) > 3);
}
