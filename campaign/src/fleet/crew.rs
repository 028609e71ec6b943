//! The threads: each takes the next unit, runs it until there is something to say, and reports.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use results::{HostPart, Outcome, PlannedUnit, Record, VerdictLabel, VerdictWord};

use super::{FleetError, Job, Orders, Task, Worker, Workshop};
use crate::engine::EngineError;

/// Gives every finished unit to `take`, on this thread, until all are done or somebody gives up.
pub(super) fn work(
    tasks: &[Task<'_>],
    orders: &Orders<'_>,
    workshop: &dyn Workshop,
    take: &mut dyn FnMut(Job) -> Result<(), FleetError>,
) -> Result<(), FleetError> {
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    let mut result = Ok(());
    thread::scope(|scope| {
        for _ in 0..orders.jobs.max(1) {
            let hand = Hand { tasks, orders, workshop, next: &next, has_failed: &has_failed };
            let sender = sender.clone();
            scope.spawn(move || hand.work(&sender));
        }
        drop(sender);
        for report in receiver {
            let taken = report.map_err(FleetError::from).and_then(&mut *take);
            if let Err(error) = taken {
                has_failed.store(true, Ordering::Relaxed);
                // The first failure is the cause; what follows are its consequences.
                if result.is_ok() {
                    result = Err(error);
                }
            }
        }
    });
    result
}

type Report = Result<Job, EngineError>;

struct Hand<'a> {
    tasks: &'a [Task<'a>],
    orders: &'a Orders<'a>,
    workshop: &'a dyn Workshop,
    next: &'a AtomicUsize,
    has_failed: &'a AtomicBool,
}

impl Hand<'_> {
    fn work(&self, sender: &Sender<Report>) {
        let mut worker = None;
        while let Some(task) = self.next_task() {
            let report = self.run(task, &mut worker);
            let is_end = report.is_err();
            // A receiver that is gone has failed, and said so.
            if sender.send(report).is_err() || is_end {
                return;
            }
        }
    }

    fn next_task(&self) -> Option<Task<'_>> {
        let is_late = self.orders.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let is_over = is_late
            || self.orders.stop.load(Ordering::Relaxed)
            || self.has_failed.load(Ordering::Relaxed);
        if is_over {
            return None;
        }
        self.tasks.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }

    /// Runs a unit until it has an outcome, and once more if that is a surprise.
    fn run(&self, task: Task<'_>, worker: &mut Option<Box<dyn Worker>>) -> Report {
        let mut attempt = task.attempts;
        loop {
            attempt += 1;
            let record = self.attempt(task.unit, attempt, worker)?;
            if !record.outcome.is_infra() {
                let mut records = vec![record];
                self.confirm(task.unit, attempt, worker, &mut records)?;
                return Ok(Job(records));
            }
            // Whatever happened to the machine, the next unit gets a new one.
            *worker = None;
            if attempt >= self.orders.attempts_max {
                return Ok(Job(vec![record]));
            }
        }
    }

    /// A finding must come out twice. If it does not, both are kept: a determinism alarm.
    fn confirm(
        &self,
        unit: &PlannedUnit,
        attempt: u32,
        worker: &mut Option<Box<dyn Worker>>,
        records: &mut Vec<Record>,
    ) -> Result<(), EngineError> {
        let is_surprise = records.iter().any(|record| !record.outcome.is_expected());
        if is_surprise {
            let again = self.attempt(unit, attempt, worker)?;
            if again.outcome.is_infra() {
                *worker = None;
            } else if records.iter().all(|record| record.outcome != again.outcome) {
                records.push(again);
            }
        }
        Ok(())
    }

    fn attempt(
        &self,
        unit: &PlannedUnit,
        attempt: u32,
        worker: &mut Option<Box<dyn Worker>>,
    ) -> Result<Record, EngineError> {
        let worker = match worker {
            Some(worker) => worker,
            None => worker.insert(self.workshop.worker()?),
        };
        // A bug of ours in one unit must not take the others with it.
        match catch_unwind(AssertUnwindSafe(|| worker.run(unit, attempt))) {
            Ok(Ok(record)) => Ok(record),
            Ok(Err(error @ EngineError::Environment(_))) => Err(error),
            Ok(Err(EngineError::Infrastructure(why))) => Ok(infra(unit, attempt, why)),
            Err(panic) => Ok(infra(unit, attempt, format!("panicked: {}", words(&*panic)))),
        }
    }
}

/// The record of a unit of which nothing is known.
fn infra(unit: &PlannedUnit, attempt: u32, why: String) -> Record {
    let outcome = Outcome {
        id: unit.id,
        unit: unit.unit.clone(),
        role: unit.role,
        expected: unit.expected.clone(),
        verdict: VerdictLabel::plain(VerdictWord::Infra),
        came_to: String::new(),
        signature: None,
        detail: Some(why),
        faults: Vec::new(),
        errors: Vec::new(),
        trace_hash: String::new(),
        events: 0,
        virtual_ns: 0,
    };
    Record { outcome, host: HostPart { engine: "-".to_owned(), attempt, wall_us: 0 } }
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
