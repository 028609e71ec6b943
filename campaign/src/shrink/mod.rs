//! From a unit that fails to the smallest one that fails in the same way.
//!
//! First the faults: rules that are not needed go, the rest becomes a schedule (on the n-th command of a
//! class, this), and what of that is not needed goes. Then the workload: words of the script, pages.
//! A smaller unit counts only if it has the same [`signature`], and, while its workload shrinks, only if it does not fail
//! without its faults: else the smaller workload would be what fails.
//!
//! Bounded in runs and in time, and at any time there is a result. Without a deadline the result is the same
//! every time, on any engine.
//!
//! What this does not do: where a prediction is a number of pages the workload is left as it is, because the
//! prediction is for that workload.

mod ddmin;
mod point;
mod schedule;

use std::time::Instant;

use nvme_model::FaultPlan;

use crate::engine::{Engine, EngineError};
use crate::recipe::signature;
use crate::run::{UnitResult, run_unit_into};
use crate::trace::TraceLog;
use crate::{Prediction, Unit, Verdict};
use ddmin::ddmin;

pub use point::{Fork, PointOfNoReturn, point_of_no_return};
pub use schedule::{Firing, schedule};

/// How long a search may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Runs at the most.
    pub runs_max: u64,
    /// No run begins after this time.
    pub deadline: Option<Instant>,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// The unit does not fail.
    #[error("the unit gives {0}: only what fails can be shrunk")]
    NoFailure(String),
    /// The host failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The smallest unit that was found.
#[derive(Debug)]
pub struct Shrunk {
    /// It.
    pub unit: Unit,
    /// Its run.
    pub result: UnitResult,
    /// What it has in common with the unit that was shrunk.
    pub signature: String,
    /// Runs that this took.
    pub runs: u64,
    /// Whether the search came to its end: no single fault and no word can be left out.
    pub is_minimal: bool,
}

/// Makes `unit` smaller.
///
/// # Errors
/// [`ShrinkError`].
pub fn shrink(
    engine: &mut dyn Engine,
    unit: &Unit,
    limits: &Limits,
) -> Result<Shrunk, ShrinkError> {
    let mut search =
        Search { engine, limits: *limits, target: String::new(), runs: 0, best: unit.clone() };
    let first = search.run(unit).map_err(|stop| stop.error(unit))?;
    if !matches!(first.verdict, Verdict::Fail(_) | Verdict::ExpectedFail(_) | Verdict::Timeout) {
        return Err(ShrinkError::NoFailure(first.verdict.label()));
    }
    search.target = signature(&first);
    let is_minimal = match search.all(&first) {
        Ok(()) => true,
        Err(Stop::OutOfBudget) => false,
        Err(Stop::Engine(error)) => return Err(error.into()),
    };
    let Search { engine, target, runs, best, .. } = search;
    let result = run_unit_into(engine, &best, TraceLog::default())?;
    Ok(Shrunk { unit: best, result, signature: target, runs: runs + 1, is_minimal })
}

/// Why a search ends early.
enum Stop {
    OutOfBudget,
    Engine(EngineError),
}

impl Stop {
    fn error(self, unit: &Unit) -> ShrinkError {
        match self {
            Self::OutOfBudget => {
                ShrinkError::NoFailure(format!("nothing: no run of {} was allowed", unit.label))
            }
            Self::Engine(error) => error.into(),
        }
    }
}

struct Search<'a> {
    engine: &'a mut dyn Engine,
    limits: Limits,
    target: String,
    runs: u64,
    best: Unit,
}

impl Search<'_> {
    fn run(&mut self, unit: &Unit) -> Result<UnitResult, Stop> {
        let is_late = self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late || self.runs >= self.limits.runs_max {
            return Err(Stop::OutOfBudget);
        }
        self.runs += 1;
        run_unit_into(self.engine, unit, TraceLog::default()).map_err(Stop::Engine)
    }

    fn is_it(&mut self, unit: &Unit) -> Result<bool, Stop> {
        Ok(signature(&self.run(unit)?) == self.target)
    }

    fn all(&mut self, first: &UnitResult) -> Result<(), Stop> {
        let is_scheduled = self.schedule(first)?;
        if !is_scheduled {
            self.faults()?;
        }
        if !has_counted_prediction(&self.best) {
            self.words()?;
            self.pages()?;
        }
        Ok(())
    }

    /// The rules as a schedule, cut down; `false` if the schedule alone does not fail as the rules do.
    fn schedule(&mut self, first: &UnitResult) -> Result<bool, Stop> {
        let firings = schedule(&first.unit.faults, first.trace.entries());
        let rules = firings.into_iter().map(|firing| firing.rule).collect();
        let scheduled = with_rules(&self.best, rules);
        if scheduled.faults.rules.is_empty() || !self.is_it(&scheduled)? {
            return Ok(false);
        }
        self.best = scheduled;
        self.faults()?;
        Ok(true)
    }

    fn faults(&mut self) -> Result<(), Stop> {
        let mut rules = self.best.faults.rules.clone();
        let unit = self.best.clone();
        let end = ddmin(&mut rules, &mut |rules| self.is_it(&with_rules(&unit, rules.to_vec())));
        self.best = with_rules(&unit, rules);
        end
    }

    /// A smaller workload must fail by its faults.
    fn is_it_by_faults(&mut self, unit: &Unit) -> Result<bool, Stop> {
        if !self.is_it(unit)? {
            return Ok(false);
        }
        Ok(unit.faults.rules.is_empty() || !self.is_it(&with_rules(unit, Vec::new()))?)
    }

    fn words(&mut self) -> Result<(), Stop> {
        let mut words: Vec<String> =
            self.best.spec.script.words().iter().map(ToString::to_string).collect();
        let unit = self.best.clone();
        let end = ddmin(&mut words, &mut |words| match with_words(&unit, words) {
            Some(smaller) => self.is_it_by_faults(&smaller),
            None => Ok(false),
        });
        self.best = with_words(&unit, &words).unwrap_or(unit);
        end
    }

    fn pages(&mut self) -> Result<(), Stop> {
        for part in [2, 4, 8] {
            let mut smaller = self.best.clone();
            smaller.spec.pages -= smaller.spec.pages / part;
            smaller.spec.resident_pages =
                smaller.spec.resident_pages.min(smaller.spec.pages).max(1);
            while smaller.spec.pages < self.best.spec.pages && self.is_it_by_faults(&smaller)? {
                self.best = smaller.clone();
                smaller.spec.pages -= smaller.spec.pages / part;
            }
        }
        Ok(())
    }
}

/// The prediction, or a part of it, is a number that is right for this workload only.
const fn has_counted_prediction(unit: &Unit) -> bool {
    let is_counted = matches!(
        unit.prediction,
        Prediction::PagesLostAndTold(_) | Prediction::PagesSilentZeros(_)
    );
    is_counted || unit.lost_in_the_end.is_some() || unit.user_sees.is_some()
}

fn with_rules(unit: &Unit, rules: Vec<nvme_model::fault::Rule>) -> Unit {
    let faults = FaultPlan { seed: unit.faults.seed, rules };
    Unit { faults, ..unit.clone() }
}

/// `None` if the words are no script.
fn with_words(unit: &Unit, words: &[String]) -> Option<Unit> {
    let script = words.join(",").parse().ok()?;
    let mut unit = unit.clone();
    unit.spec.script = script;
    Some(unit)
}

#[cfg(test)]
mod tests;
