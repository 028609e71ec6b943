//! Runs many units on many workers, and keeps what they give.
//!
//! ```text
//! units -> workers (a thread and an engine each) -> records -> batches -> ledger
//! ```
//!
//! Which worker runs which unit, and when, is chance; no outcome depends on it. A surprising outcome is
//! run again before it is kept: if the second run differs, both are kept, and merging raises the
//! alarm. A worker whose machine failed is thrown away and built anew, and the unit tried again.
//!
//! What this does not do: it does not know what a unit is, prints nothing, and handles no signals. Whoever
//! wants it to stop sets a flag.

mod crew;
mod laboratory;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use results::ledger::Ledger;
use results::{FileError, PlannedUnit, Record};

use crate::engine::EngineError;
pub use laboratory::Laboratory;

/// Something that can run a unit, again and again, on its own thread.
pub trait Worker {
    /// Runs a unit and says what came out. What the guest does wrong is a verdict.
    ///
    /// # Errors
    /// [`EngineError`] when the host fails.
    fn run(&mut self, unit: &PlannedUnit, attempt: u32) -> Result<Record, EngineError>;
}

/// Builds workers, on the threads that they will live on.
pub trait Workshop: Sync {
    /// A new worker, with a machine of its own.
    ///
    /// # Errors
    /// [`EngineError`] when no machine can be built.
    fn worker(&self) -> Result<Box<dyn Worker>, EngineError>;
}

/// A unit that is to be run, and how often that was tried before.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The unit.
    pub unit: &'a PlannedUnit,
    /// Attempts that ended in INFRA.
    pub attempts: u32,
}

/// How a fleet works.
#[derive(Clone, Copy, Debug)]
pub struct Orders<'a> {
    /// Workers, at least 1.
    pub jobs: usize,
    /// A unit is tried so often before INFRA stays; at least 1.
    pub attempts_max: u32,
    /// No unit is started after this time.
    pub deadline: Option<Instant>,
    /// No unit is started once this is set.
    pub stop: &'a AtomicBool,
}

/// Hears of every record, in the order of the ledger.
pub trait Progress {
    /// A record was taken; it is in the ledger with its batch.
    fn record(&mut self, record: &Record);
}

impl Progress for () {
    fn record(&mut self, _record: &Record) {}
}

/// How far a fleet came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progressed {
    /// Units that have an outcome now, or INFRA for good.
    pub finished: u64,
    /// Units that were not started, or whose batch was lost.
    pub left: u64,
}

/// Why a fleet gave up. What was in the ledger before stays there.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// No machine can be built: the user can do something about it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Ledger(#[from] FileError),
}

/// A batch goes to the disk when it has so many records, or
const BATCH_RECORDS: usize = 256;
/// when its first record is so old.
const BATCH_AGE: Duration = Duration::from_millis(500);

/// Runs `tasks` and adds every record to `ledger`.
///
/// # Errors
/// [`FleetError`]. Units that are running are finished first, and their records kept if that is possible.
pub fn run(
    tasks: &[Task<'_>],
    orders: &Orders<'_>,
    workshop: &dyn Workshop,
    ledger: &mut Ledger,
    progress: &mut dyn Progress,
) -> Result<Progressed, FleetError> {
    let mut book = Book { ledger, progress, batch: Vec::new(), since: Instant::now(), finished: 0 };
    crew::work(tasks, orders, workshop, &mut |job: Job| book.take(job))?;
    book.flush()?;
    Ok(Progressed { finished: book.finished, left: tasks.len() as u64 - book.finished })
}

/// Every record of one unit.
#[derive(Debug)]
struct Job(Vec<Record>);

/// Batches on their way into the ledger.
struct Book<'a> {
    ledger: &'a mut Ledger,
    progress: &'a mut dyn Progress,
    batch: Vec<Record>,
    since: Instant,
    finished: u64,
}

impl fmt::Debug for Book<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("batch", &self.batch.len()).finish_non_exhaustive()
    }
}

impl Book<'_> {
    fn take(&mut self, job: Job) -> Result<(), FleetError> {
        if self.batch.is_empty() {
            self.since = Instant::now();
        }
        for record in &job.0 {
            self.progress.record(record);
        }
        self.batch.extend(job.0);
        self.finished += 1;
        if self.batch.len() >= BATCH_RECORDS || self.since.elapsed() >= BATCH_AGE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), FleetError> {
        if !self.batch.is_empty() {
            self.ledger.append(&self.batch)?;
            self.batch.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
