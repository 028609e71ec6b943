//! Testers with fixed bounds, so that it can be said how long a planted bug stays hidden.

use std::fmt;

use guest_fs::AllocateMode;
use guest_fs::planted::Planted;

use crate::crash::{Effort, Explorer};
use crate::disk::{Disk, Victim, poisoned};
use crate::errors::{What, until_clean};
use crate::op::Op;
use crate::player::{Outcome, mkfs};
use crate::random::{Plan, run};
use crate::session::Session;
use crate::{Failure, Oracle, ace};

/// A tester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tester {
    /// Power cuts in all sequences of one operation, on a drive that tears nothing below so many bytes. A unit is
    /// an image that is mounted.
    Cuts(u32),
    /// The n-th request fails once, in every operation: writes and flushes until it is durable, reads with dirty
    /// pages in memory. A unit is a run.
    Errors,
    /// Every operation, and then an unmount. A unit is an operation.
    Unmounts,
    /// Random histories of this many operations in a thousand that meet a fault. A unit is an operation.
    Histories(u64),
    /// A drive without a free block gives space back, although a map must grow for it. A unit is an operation.
    FullDrive,
    /// The log goes round several times before the power is cut. A unit is a synced change.
    LogLaps,
}

/// What a tester found.
#[derive(Clone, Debug)]
pub struct Catch {
    /// What was wrong, and who noticed.
    pub failure: Failure,
    /// After so many units.
    pub units: u64,
}

impl fmt::Display for Tester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cuts(4096) => f.write_str("power cuts"),
            Self::Cuts(bytes) => write!(f, "power cuts, pages torn at {bytes} bytes"),
            Self::Errors => f.write_str("failing requests"),
            Self::Unmounts => f.write_str("unmounts"),
            Self::Histories(0) => f.write_str("random histories without faults"),
            Self::Histories(_) => f.write_str("random histories"),
            Self::FullDrive => f.write_str("a full drive"),
            Self::LogLaps => f.write_str("laps of the log"),
        }
    }
}

impl Tester {
    /// Tests a filesystem with this bug, or without any, until something is found or the bounds are reached.
    #[must_use]
    pub fn hunt(self, bug: Option<Planted>) -> Option<Catch> {
        let mut units = 0;
        let found = match self {
            Self::Cuts(block_bytes) => by_cuts(bug, block_bytes, &mut units),
            Self::Errors => by_errors(bug, &mut units),
            Self::Unmounts => by_unmounts(bug, &mut units),
            Self::Histories(faults) => by_histories(bug, faults, &mut units),
            Self::FullDrive => by_a_full_drive(bug, &mut units),
            Self::LogLaps => by_laps(bug, &mut units),
        };
        found.err().map(|failure| Catch { failure, units })
    }
}

fn by_cuts(bug: Option<Planted>, block_bytes: u32, units: &mut u64) -> Result<(), Failure> {
    let effort = Effort { block_bytes, images_max: 16, recut_every: 8, seed: 1 };
    let mut explorer = Explorer::new(effort, bug)?;
    let setup = ace::setup();
    (0..ace::count(1)).filter_map(|index| ace::sequence(1, index)).try_for_each(|sequence| {
        let explored = explorer.explore(&setup, &sequence.ops, sequence.from);
        *units = explorer.space.images + explorer.space.recovery_images;
        explored
    })
}

fn by_errors(bug: Option<Planted>, units: &mut u64) -> Result<(), Failure> {
    for op in ace::operations() {
        let durable = [op.clone(), Op::Fsync(op.subject().to_owned())];
        let dirty = [ace::dirty_pages(), op];
        let rounds = [(&durable, Victim::Write), (&durable, Victim::Flush), (&dirty, Victim::Read)];
        for (workload, victim) in rounds {
            let done = until_clean(&ace::setup(), workload, What::Io(victim, 1, false), bug);
            *units += 1 + match &done {
                Ok((runs, _)) => *runs,
                Err((n, _)) => *n,
            };
            done.map_err(|(_, failure)| failure)?;
        }
    }
    Ok(())
}

fn by_unmounts(bug: Option<Planted>, units: &mut u64) -> Result<(), Failure> {
    for op in ace::operations() {
        *units += 1;
        let mut session = fresh(bug, 420)?;
        ace::setup().iter().try_for_each(|op| session.step(op).map(drop))?;
        session.remount()?;
        session.step(&op)?;
        session.remount().map_err(|failure| failure.at(op))?;
    }
    Ok(())
}

fn by_histories(bug: Option<Planted>, faults: u64, units: &mut u64) -> Result<(), Failure> {
    for seed in 1..24 {
        let (ops, disk_blocks) = (2_500, 345 + seed * 17);
        let (shutdowns, is_cached) = (0, seed % 3 > 0);
        let plan = Plan { seed, ops, disk_blocks, faults, shutdowns, is_cached };
        let done = run(&plan, bug);
        *units += done.as_ref().map_or_else(|(number, _)| number + 1, |_| ops);
        done.map_err(|(_, failure)| failure)?;
    }
    Ok(())
}

/// An empty filesystem on a drive of so many pages.
fn fresh(bug: Option<Planted>, disk_blocks: u64) -> Result<Session, Failure> {
    let pool = Disk::pool();
    let disk = Disk::new(poisoned(disk_blocks, 4096), &pool);
    mkfs(&disk)?;
    Session::new(disk.media(), &pool, bug)
}

fn by_a_full_drive(bug: Option<Planted>, units: &mut u64) -> Result<(), Failure> {
    /// Extents that fit an inode without another node.
    const EXTENTS: u64 = 139;
    let mut session = fresh(bug, 1000)?;
    session.step(&Op::Create("map".into()))?;
    for extent in 0..EXTENTS {
        session.step(&Op::Write("map".into(), 4 * extent, 3))?;
    }
    session.step(&Op::Create("rest".into()))?;
    while session.step(&Op::Append("rest".into(), 1))? == Outcome::AsExpected {}
    for extent in 0..EXTENTS {
        *units += 1;
        let op = Op::Allocate("map".into(), AllocateMode::Punch, 32 * extent + 8, 8);
        if session.step(&op)? != Outcome::AsExpected {
            return Err(Failure::new(Oracle::Answer, "no space to give space back"));
        }
    }
    session.remount()
}

fn by_laps(bug: Option<Planted>, units: &mut u64) -> Result<(), Failure> {
    for changes in (20..=240).step_by(20) {
        let mut session = fresh(bug, 420)?;
        for change in 0..changes {
            let name = format!("d{}", change % 8);
            let is_there = (change / 8) % 2 == 1;
            session.step(&if is_there { Op::Rmdir(name) } else { Op::Mkdir(name) })?;
            session.step(&Op::Sync)?;
            *units += 1;
        }
        session.cut(u64::MAX)?;
        session.remount()?;
    }
    Ok(())
}
