//! The n-th request fails, for every n, until one run meets no failure any more: SQLite's way.

use guest_fs::planted::Planted;

use crate::Failure;
use crate::disk::{Disk, IoFault, Victim, poisoned};
use crate::op::Op;
use crate::player::{Outcome, mkfs};
use crate::session::{Session, Tally};

/// Pages of the drive.
const DISK_BLOCKS: u64 = 420;

/// What fails.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A request: which kind, how often, and whether a write lands all the same.
    Io(Victim, u64, bool),
    /// An allocation of memory, once.
    Memory,
}

/// Plays `setup`, remounts, and plays a workload again and again; each time the next request fails. An
/// operation that fails is tried once more. Gives how many runs met a failure.
///
/// # Errors
/// The first failure, with the number of the run.
pub fn until_clean(
    setup: &[Op],
    workload: &[Op],
    what: What,
    bug: Option<Planted>,
) -> Result<(u64, Tally), (u64, Failure)> {
    let pool = Disk::pool();
    let disk = Disk::new(poisoned(DISK_BLOCKS, 4096), &pool);
    mkfs(&disk).map_err(|failure| (0, failure))?;
    let empty = disk.media();
    drop(disk);
    let mut sum = Tally::default();
    let mut n = 0;
    loop {
        let at = |failure| (n, failure);
        let mut session = Session::new(empty.clone(), &pool, bug).map_err(at)?;
        let ready = setup.iter().try_for_each(|op| session.step(op).map(drop));
        ready.and_then(|()| session.remount()).map_err(at)?;
        let met = one(&mut session, workload, what, n);
        let was_met = met.map_err(|failure| at(failure.after(session.trail())))?;
        sum.add(&session.tally);
        if !was_met {
            return Ok((n, sum));
        }
        n += 1;
    }
}

fn one(session: &mut Session, workload: &[Op], what: What, n: u64) -> Result<bool, Failure> {
    match what {
        What::Io(victim, times, lands) => {
            let fault = IoFault { victim, skip: n, times, lands };
            session.disk().set_fault(Some(fault));
        }
        What::Memory => session.disk().set_pages_left(Some(n)),
    }
    let mut was_met = false;
    for op in workload {
        was_met |= session.disk().fired() > 0 || session.disk().was_out_of_pages();
        if matches!(session.step(op)?, Outcome::Error(_)) {
            was_met = true;
            session.step(op)?;
        }
    }
    was_met |= session.disk().fired() > 0 || session.disk().was_out_of_pages();
    session.disk().set_fault(None);
    session.cut(u64::MAX)?;
    session.remount()?;
    Ok(was_met)
}
