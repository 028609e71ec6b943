//! A shutdown that comes between two requests of one deed, as from another processor.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

use block::ram::RamDisk;
use block::{Bio, BlockDevice, Done, Geometry, Op, Rejected, Ticket};
use hal::testing::PoolDma;
use hal::{OutOfMemory, Tracer};
use iomap::Errno;

use super::rig::Rig;
use crate::{FileSystem, MountOptions, ShutdownKind};

/// A disk that does something right before its n-th write from now on.
struct Wire {
    disk: Rc<RamDisk>,
    left: Cell<u64>,
    action: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl BlockDevice for Wire {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.disk.alloc_page()
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        if matches!(bio.op, Op::Write { .. }) && self.action.borrow().is_some() {
            match self.left.get() {
                0 => self.action.take().into_iter().for_each(|action| action()),
                left => self.left.set(left - 1),
            }
        }
        self.disk.submit(bio)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        self.disk.try_take(ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        self.disk.wait(ticket)
    }

    fn tracer(&self) -> &Tracer {
        self.disk.tracer()
    }
}

/// Directories far from each other, so that their blocks are no neighbours; all in the log, or none of them.
fn prepared(rig: &Rig, is_logged: bool) -> (Rc<Wire>, FileSystem<Wire>) {
    let (left, action) = (Cell::new(0), RefCell::new(None));
    let wire = Rc::new(Wire { disk: Rc::clone(&rig.disk), left, action });
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
    deed: impl Fn(&FileSystem<Wire>) -> Result<(), Errno>,
) -> u64 {
    for n in 0.. {
        let rig = Rig::new(600);
        let (wire, fs) = prepared(&rig, is_logged);
        let (other, disk) = (fs.clone(), Rc::clone(&rig.disk));
        let shutdown = move || {
            other.shutdown(ShutdownKind::NoLogFlush).unwrap();
            disk.take_requests();
        };
        wire.left.set(n);
        *wire.action.borrow_mut() = Some(Box::new(shutdown));
        let done = deed(&fs);
        if wire.action.take().is_some() {
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
    let checkpoint = |fs: &FileSystem<Wire>| fs.core.checkpoint(iomap::Context::User);
    assert!(shut_down_before_every_write(true, checkpoint) > 10);
}

#[test]
fn a_log_force_that_has_begun_sends_no_block_after_a_shutdown() {
    assert!(shut_down_before_every_write(false, |fs| fs.sync()) > 3);
}
