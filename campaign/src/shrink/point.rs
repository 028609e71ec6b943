//! The point of no return: at which event a failure became certain.
//!
//! The run is forked after each fault that fired: the same run again, exactly, up to that event, and with every
//! later fault withdrawn. Since a run is exact and nothing else is chosen from outside, a fork fails or it does
//! not; the first fault after which every fork fails is where it was sealed. A unit without faults is forked after
//! each word of its script that does harm.

use lab::events::{Event as LabEvent, Step};

use super::{ShrinkError, schedule, with_rules, with_words};
use crate::Unit;
use crate::engine::Engine;
use crate::recipe::signature;
use crate::run::{UnitResult, run_unit_into};
use crate::trace::{Entry, Source, TraceLog};

/// More forks than this are not made: of a long schedule, a part evenly spread.
const FORKS_MAX: usize = 48;

/// The run up to an event, with nothing bad afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The last event that both runs share, from 1; 0 if they share no harm.
    pub event: usize,
    /// What happened there.
    pub what: String,
    /// Whether the fork fails as the whole run does.
    pub is_failing: bool,
}

/// Every fork of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointOfNoReturn {
    /// The forks, in order; the first shares no harm with the run.
    pub forks: Vec<Fork>,
    /// Events of the whole run.
    pub events: usize,
}

impl PointOfNoReturn {
    /// The fork from which on all fail; `None` if even the last does not (what failed then is the rule and
    /// not what it did).
    #[must_use]
    pub fn sealed(&self) -> Option<&Fork> {
        let failing = self.forks.iter().rev().take_while(|fork| fork.is_failing).count();
        self.forks.get(self.forks.len() - failing)
    }
}

/// Forks the run of `unit`.
///
/// # Errors
/// [`ShrinkError::Engine`].
pub fn point_of_no_return(
    engine: &mut dyn Engine,
    unit: &Unit,
) -> Result<PointOfNoReturn, ShrinkError> {
    let whole = run_unit_into(engine, unit, TraceLog::default())?;
    let (target, events) = (signature(&whole), whole.events);
    let harms = harms(&whole);
    let mut forks = Vec::new();
    for count in counts(harms.len()) {
        let fork = without_later(unit, &harms, count);
        let result = run_unit_into(engine, &fork, TraceLog::default())?;
        let (event, what) = match count.checked_sub(1).and_then(|last| harms.get(last)) {
            Some(harm) => (harm.event, harm.what.clone()),
            None => (0, "nothing bad yet".to_owned()),
        };
        forks.push(Fork { event, what, is_failing: signature(&result) == target });
    }
    Ok(PointOfNoReturn { forks, events })
}

/// How many harms each fork keeps: none, all, and between them all or some.
fn counts(harms: usize) -> Vec<usize> {
    let mut counts: Vec<_> = if harms < FORKS_MAX {
        (0..=harms).collect()
    } else {
        (0..=FORKS_MAX).map(|part| part * harms / FORKS_MAX).collect()
    };
    counts.dedup();
    counts
}

struct Harm {
    event: usize,
    what: String,
}

fn harms(whole: &UnitResult) -> Vec<Harm> {
    let unit = &whole.unit;
    if unit.faults.rules.is_empty() {
        let mut begins =
            whole.trace.entries().iter().enumerate().filter(|(_, entry)| is_shutdown(entry));
        return unit
            .spec
            .script
            .words()
            .iter()
            .filter(|op| op.brings_down())
            .map(|op| Harm {
                event: begins.next().map_or(0, |(index, _)| index + 1),
                what: op.to_string(),
            })
            .collect();
    }
    let firings = schedule(&unit.faults, whole.trace.entries());
    firings
        .into_iter()
        .map(|firing| Harm { event: firing.event, what: firing.rule.to_string() })
        .collect()
}

fn without_later(unit: &Unit, harms: &[Harm], count: usize) -> Unit {
    if unit.faults.rules.is_empty() {
        let mut seen = 0;
        let words: Vec<String> = unit
            .spec
            .script
            .words()
            .iter()
            .filter(|op| {
                seen += usize::from(op.brings_down());
                !op.brings_down() || seen <= count
            })
            .map(ToString::to_string)
            .collect();
        return with_words(unit, &words).unwrap_or_else(|| unit.clone());
    }
    let rules = harms.iter().take(count).filter_map(|harm| harm.what.parse().ok()).collect();
    with_rules(unit, rules)
}

fn is_shutdown(entry: &Entry) -> bool {
    match &entry.source {
        Source::Guest(record) => {
            matches!(LabEvent::decode(record), Some(LabEvent::StepBegin { step: Step::Shutdown }))
        }
        Source::Controller(_) | Source::Server(_) => false,
    }
}
