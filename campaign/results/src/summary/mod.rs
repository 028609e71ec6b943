//! What a campaign says as a whole: counts, the matrix, controls, distinct failures.
//!
//! Built from outcomes one at a time; memory grows with the matrix and with distinct failures, not with
//! units.

mod cell;
mod failure;

use std::collections::BTreeMap;

use crate::statistics::failure_rate_bound;
use crate::{Outcome, Role, UnitId, VerdictWord};

pub use cell::{Cell, CellKey};
pub use failure::DistinctFailure;

/// Controls that were run, and those that did not fail as they must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// How many have an outcome.
    pub run: u64,
    /// Those that did not fail by the oracle that must catch them.
    pub not_caught: Vec<UnitId>,
}

/// A campaign's results, added up.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Outcomes that were added.
    pub units: u64,
    /// How many have which verdict.
    pub verdicts: BTreeMap<VerdictWord, u64>,
    /// Outcomes whose verdict was a surprise.
    pub surprises: u64,
    /// The controls.
    pub controls: Controls,
    /// Scenario, path and fault against verdicts and fired faults.
    pub matrix: BTreeMap<CellKey, Cell>,
    /// Surprising failures by signature.
    pub failures: BTreeMap<String, DistinctFailure>,
    /// Units that learned nothing because a planned fault did not fire.
    pub not_exercised: u64,
    experiments: u64,
    failed_experiments: u64,
}

impl Summary {
    /// Adds an outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        self.units += 1;
        *self.verdicts.entry(outcome.verdict.word).or_default() += 1;
        self.surprises += u64::from(!outcome.is_expected());
        self.not_exercised += u64::from(outcome.verdict.word == VerdictWord::NotExercised);
        self.matrix.entry(CellKey::of(outcome)).or_default().add(outcome);
        match outcome.role {
            Role::Control => self.add_control(outcome),
            Role::Experiment => self.add_experiment(outcome),
        }
    }

    fn add_control(&mut self, outcome: &Outcome) {
        if outcome.is_infra() {
            return;
        }
        self.controls.run += 1;
        if !outcome.is_expected() {
            self.controls.not_caught.push(outcome.id);
        }
    }

    fn add_experiment(&mut self, outcome: &Outcome) {
        let word = outcome.verdict.word;
        if matches!(word, VerdictWord::Infra | VerdictWord::NotExercised) {
            return;
        }
        self.experiments += 1;
        if outcome.is_expected() {
            return;
        }
        self.failed_experiments += 1;
        let signature = failure::signature(outcome);
        match self.failures.get_mut(&signature) {
            Some(failure) => failure.add(outcome),
            None => {
                self.failures.insert(signature, DistinctFailure::new(outcome));
            }
        }
    }

    /// Whether the campaign may be believed: it had controls, and every one was caught.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.controls.run > 0 && self.controls.not_caught.is_empty()
    }

    /// With 95 % confidence no more than this part of units like these would fail; see
    /// [`failure_rate_bound`]. It is about units drawn as these were, not about the world.
    #[must_use]
    pub fn failure_rate_bound(&self) -> f64 {
        failure_rate_bound(self.failed_experiments, self.experiments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::testing::record;

    fn outcome(number: u32, role: Role, expected: &str, verdict: &str) -> Outcome {
        let mut outcome = record(number).outcome;
        outcome.unit = format!("scenario=shutdown path=dio seed={number}");
        outcome.role = role;
        outcome.expected = expected.parse().expect("a verdict");
        outcome.verdict = verdict.parse().expect("a verdict");
        outcome
    }

    fn summary(outcomes: &[Outcome]) -> Summary {
        let mut summary = Summary::default();
        outcomes.iter().for_each(|outcome| summary.add(outcome));
        summary
    }

    #[test]
    fn a_campaign_without_controls_or_with_one_that_passes_is_not_valid() {
        let experiment = outcome(1, Role::Experiment, "PASS", "PASS");
        let caught = outcome(2, Role::Control, "EXPECTED_FAIL(a)", "EXPECTED_FAIL(a)");
        let missed = outcome(3, Role::Control, "EXPECTED_FAIL(a)", "PASS");
        assert!(!summary(std::slice::from_ref(&experiment)).is_valid());
        assert!(summary(&[experiment.clone(), caught.clone()]).is_valid());
        let voided = summary(&[experiment, caught, missed.clone()]);
        assert!(!voided.is_valid());
        assert_eq!(voided.controls.not_caught, [missed.id]);
    }

    #[test]
    fn failures_with_one_cause_are_one_failure() {
        let mut first = outcome(1, Role::Experiment, "PASS", "FAIL(a)");
        first.detail = Some("page 3 of 128 is lost".into());
        let mut second = outcome(2, Role::Experiment, "PASS", "FAIL(a)");
        second.detail = Some("page 77 of 128 is lost".into());
        let other = outcome(3, Role::Experiment, "PASS", "FAIL(b)");
        let summary = summary(&[first, second, other]);
        let counts: Vec<u64> = summary.failures.values().map(|failure| failure.count).collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(summary.surprises, 3);
    }

    #[test]
    fn units_that_learned_nothing_are_no_evidence_for_a_low_failure_rate() {
        let passed = outcome(1, Role::Experiment, "PASS", "PASS");
        let idle: Vec<Outcome> =
            (2..50).map(|n| outcome(n, Role::Experiment, "PASS", "NOT_EXERCISED")).collect();
        let bound = summary(std::slice::from_ref(&passed)).failure_rate_bound();
        let mut all = idle;
        all.push(passed);
        let summary = summary(&all);
        assert!((summary.failure_rate_bound() - bound).abs() < 1e-12);
        assert_eq!(summary.not_exercised, 48);
    }
}
