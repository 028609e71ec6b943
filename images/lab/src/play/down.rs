//! Bringing a filesystem down, by a user or by what the drive does, at a moment of one's choice.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;

use block::{Bio, BlockDevice, Op as BlockOp};
use guest_fs::{FileSystem, ShutdownKind};
use hal::{Tracer, UserMemory};
use iomap::Errno;

use super::Play;
use super::file::VICTIM;
use crate::events::Step;
use crate::spec::{Down, Op, Trip};
use crate::steps::step;
use crate::tripwire::Tripwire;

/// Files that are made at most until a log or metadata write must have failed.
const WORK_MAX: u32 = 512;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Reads the last block of the drive, for fault rules to begin after it.
    pub(super) fn mark(&self) {
        let _ = step(&self.tracer, Step::Mark, || self.read_mark().map(|()| ((), 0)));
    }

    /// The same until it succeeds.
    pub(super) fn mark_until_read(&self) {
        let _ = step(&self.tracer, Step::Mark, || {
            let failures = core::iter::from_fn(|| self.read_mark().err()).count();
            Ok(((), failures as u64))
        });
    }

    fn read_mark(&self) -> Result<(), Errno> {
        let block = self.device.geometry().size_blocks.saturating_sub(1);
        let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
        let bio = Bio { op: BlockOp::Read, block, pages: alloc::vec![page] };
        self.device.execute(bio).result.map_err(Errno::from)
    }

    /// Brings the filesystem down, now.
    pub(super) fn down(&self, op: Op) -> Result<(), Errno> {
        bring_down(&self.fs()?, &self.tracer, op);
        Ok(())
    }

    /// The same, at an exact moment of an I/O to come.
    pub(super) fn arm(&self, trip: Trip) -> Result<(), Errno> {
        let (fs, tracer) = (self.fs()?, self.tracer.clone());
        let op = match trip.down {
            Down::NoLogFlush => Op::Shutdown,
            Down::LogFlush => Op::ShutdownLogFlush,
            Down::Default => Op::ShutdownDefault,
            Down::Work => Op::WorkUntilDown,
            Down::OpenVictim => Op::OpenVictim,
        };
        let device = Rc::clone(&self.device);
        device.arm(trip.phase, trip.nth, Box::new(move || bring_down(&fs, &tracer, op)));
        Ok(())
    }
}

fn bring_down<D: BlockDevice + 'static>(fs: &FileSystem<Tripwire<D>>, tracer: &Tracer, op: Op) {
    let _ = step(tracer, Step::Shutdown, || {
        let done = match op {
            Op::ShutdownLogFlush => fs.shutdown(ShutdownKind::LogFlush),
            Op::ShutdownDefault => fs.shutdown(ShutdownKind::Default),
            Op::WorkUntilDown => work_until_down(fs),
            // What it gives is in the trace: the inode is corrupt, or it is not.
            Op::OpenVictim => fs.open(VICTIM).map(drop).or(Ok(())),
            _ => fs.shutdown(ShutdownKind::NoLogFlush),
        };
        done?;
        // The errno of nobody: a filesystem that is still up was not brought down.
        fs.shutdown_reason().map(|_| ((), 0)).ok_or(Errno::EAGAIN)
    });
}

/// Ordinary work: each file is one transaction more, which the log and then the metadata's own place
/// must take.
fn work_until_down<D: BlockDevice + 'static>(fs: &FileSystem<Tripwire<D>>) -> Result<(), Errno> {
    for number in 0..WORK_MAX {
        let made = fs.create(format!("work-{number}")).and_then(|ino| fs.fsync(ino));
        if made.is_err() || fs.shutdown_reason().is_some() {
            break;
        }
    }
    Ok(())
}
