//! Plays a script: word by word, whatever the words before it gave.
//!
//! No word is skipped because an earlier one failed: what a step gives on a broken system is what a
//! scenario is about. Only a life that cannot begin (no filesystem, no file, no memory, no swap) ends
//! there; the errno is in the trace at the step that gave it.

mod active;
mod beside;
mod down;
mod end;
mod file;
mod memory;
mod net;
mod net_pressure;
mod pressure;
mod touch;
mod user;

use alloc::rc::Rc;

use block::BlockDevice;
use guest_fs::{FileSystem, Ino};
use hal::{Tracer, UserMemory};
use iomap::Errno;
use remote::{FileId, RemoteFs};
use swap_path::{AreaId, Mm, PathKind, TaskMm};
use tasks::Tasks;

use crate::events::Step;
use crate::spec::{Op, Stage, UnitSpec};
use crate::tripwire::Tripwire;
use crate::workload::Workload;
use file::CLONE;

/// Plays one stage; `remote` is the filesystem of a unit whose path is `net`.
pub(crate) fn play<D, U>(
    spec: &UnitSpec,
    device: Rc<D>,
    remote: Option<Rc<dyn RemoteFs<D::Page>>>,
    user: Rc<U>,
    tasks: Rc<Tasks>,
) where
    D: BlockDevice + 'static,
    U: UserMemory + 'static,
{
    let (live, after) = spec.script.lives();
    let words = if spec.stage == Stage::Live { live } else { after };
    let tracer = device.tracer().clone();
    let workload = Workload::new(spec.pages, spec.seed, tracer.clone());
    let device = Rc::new(Tripwire::new(device));
    let parts = Parts {
        fs: None,
        ino: None,
        mm: None,
        area: None,
        pressure: None,
        is_detached: false,
        remote_file: None,
        is_remote_mounted: false,
    };
    let mut play = Play { spec, device, remote, user, tasks, tracer, workload, parts };
    for op in words {
        if play.word(*op).is_err() {
            break;
        }
    }
    // An action that was never run holds the filesystem, which holds the device.
    play.device.disarm();
}

/// The memory of several tasks, which they share.
type Pressure<D, U> = Rc<TaskMm<U, Tripwire<D>>>;

/// What the words have made so far.
struct Parts<D: BlockDevice, U: UserMemory> {
    fs: Option<FileSystem<Tripwire<D>>>,
    /// The swap file.
    ino: Option<Ino>,
    mm: Option<Mm<U, Tripwire<D>>>,
    area: Option<AreaId>,
    /// No path leads to the filesystem any more.
    is_detached: bool,
    /// The swap file on the server.
    remote_file: Option<FileId>,
    is_remote_mounted: bool,
    /// The memory of several tasks.
    pressure: Option<Pressure<D, U>>,
}

struct Play<'a, D: BlockDevice, U: UserMemory> {
    spec: &'a UnitSpec,
    device: Rc<Tripwire<D>>,
    remote: Option<Rc<dyn RemoteFs<D::Page>>>,
    user: Rc<U>,
    tasks: Rc<Tasks>,
    tracer: Tracer,
    workload: Workload,
    parts: Parts<D, U>,
}

/// A word that stands before what it needs is a mistake of the script.
const OUT_OF_PLACE: Errno = Errno::EINVAL;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Plays one word.
    ///
    /// # Errors
    /// The errno of a step without which nothing can follow.
    fn word(&mut self, op: Op) -> Result<(), Errno> {
        if self.spec.path == PathKind::Net
            && let Some(result) = self.net_word(op)
        {
            return result;
        }
        match op {
            Op::Fs => self.filesystem()?,
            Op::Victim => self.victim()?,
            Op::File => self.swap_file()?,
            Op::Memory => self.address_space()?,
            Op::On => self.swap_on()?,
            Op::Recover => self.recover()?,
            Op::Fill => self.write_all(Step::Fill, 1)?,
            Op::Refill => self.write_all(Step::Refill, 2)?,
            Op::VerifyOld => self.verify_all(Step::VerifyOld)?,
            Op::VerifyNew => self.verify_all(Step::VerifyNew)?,
            Op::VerifyInMemory => self.verify_all(Step::VerifyInMemory)?,
            Op::PageOut => self.page_out()?,
            Op::ReclaimUnderLock => self.reclaim_under_lock()?,
            Op::Fork => self.fork()?,
            Op::Zeros => self.zeros()?,
            Op::TouchRandom => self.touch(op, Step::TouchRandom)?,
            Op::TouchShifting => self.touch(op, Step::TouchShifting)?,
            Op::TouchZipf => self.touch(op, Step::TouchZipf)?,
            Op::TouchWrites => self.touch(op, Step::TouchWrites)?,
            Op::TouchAreas => self.touch(op, Step::TouchAreas)?,
            Op::TouchBesideFile => self.touch_beside(op, Step::TouchBesideFile)?,
            Op::TouchBesideBuffered => self.touch_beside(op, Step::TouchBesideBuffered)?,
            Op::Relocate => self.relocate()?,
            Op::UnmountLazy => self.unmount_lazily()?,
            Op::DropFailedReads => self.drop_failed_reads()?,
            Op::UserIo => self.user_io()?,
            Op::UserRead => self.user_read(self.ino()?, Step::UserRead)?,
            Op::ReadClone => self.user_read(self.fs()?.open(CLONE)?, Step::ReadClone)?,
            Op::Nowait => self.nowait()?,
            Op::EatSpace => self.eat_space()?,
            Op::ModifyActive => self.modify_active()?,
            Op::PressureOn => self.pressure_on()?,
            Op::Pressure
            | Op::PressureReader
            | Op::PressureMetadata
            | Op::PressurePageOut
            | Op::PressureFrozen => self.pressure(op)?,
            Op::PressureSwapoff => self.pressure_swapoff()?,
            Op::LockAndAllocate => self.lock_and_allocate()?,
            Op::PressureOff => self.pressure_off()?,
            Op::Mark => self.mark(),
            Op::MarkUntilRead => self.mark_until_read(),
            Op::Shutdown
            | Op::ShutdownLogFlush
            | Op::ShutdownDefault
            | Op::WorkUntilDown
            | Op::OpenVictim => self.down(op)?,
            Op::Trip(trip) => self.arm(trip)?,
            Op::UnmountBusy => self.unmount(Step::UnmountBusy)?,
            Op::Unmount => self.unmount(Step::Unmount)?,
            Op::Off => self.swap_off()?,
            Op::OffArea => self.swap_off_by_area()?,
            Op::Find => self.find()?,
            Op::Fsck => self.fsck()?,
            Op::PowerCycle => {}
        }
        Ok(())
    }

    fn fs(&self) -> Result<FileSystem<Tripwire<D>>, Errno> {
        self.parts.fs.clone().ok_or(OUT_OF_PLACE)
    }

    fn ino(&self) -> Result<Ino, Errno> {
        self.parts.ino.ok_or(OUT_OF_PLACE)
    }
}
