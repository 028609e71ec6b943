//! Two designs, builds or sets of knobs under the identical fault schedules.
//!
//! Pairs are found by a key that the caller makes of a unit: what is left of it without the thing that is
//! compared. Because every run is exact, a changed verdict is a difference and not noise; the p value
//! says how surprising it would be if the two were equally good over schedules like these.

use std::collections::BTreeMap;

use crate::statistics::paired_p_value;
use crate::{Outcome, Role, UnitId, VerdictLabel, VerdictWord};

/// A pair of units whose verdicts differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What the pair has in common.
    pub key: String,
    /// The first unit and its verdict.
    pub before: (UnitId, VerdictLabel),
    /// The second unit and its verdict.
    pub after: (UnitId, VerdictLabel),
}

/// What comparing two sets of results gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Pairs that were compared.
    pub pairs: u64,
    /// Pairs whose verdicts differ, by key.
    pub changes: Vec<Change>,
    /// Pairs that failed before and no longer do.
    pub better: u64,
    /// Pairs that fail now and did not before.
    pub worse: u64,
    /// Keys that only the first has.
    pub only_before: u64,
    /// Keys that only the second has.
    pub only_after: u64,
    /// Pairs left out because one of the two learned nothing: INFRA or NOT_EXERCISED.
    pub inconclusive: u64,
    /// See [`paired_p_value`].
    pub p_value: f64,
}

/// Compares the experiments of two sets of results; controls are not compared. A key that a set has
/// more than once counts with the first of its units, by name.
#[must_use]
pub fn compare(
    before: impl IntoIterator<Item = Outcome>,
    after: impl IntoIterator<Item = Outcome>,
    key: impl Fn(&Outcome) -> String,
) -> Comparison {
    let before = by_key(before, &key);
    let mut after = by_key(after, &key);
    let mut comparison = Comparison {
        pairs: 0,
        changes: Vec::new(),
        better: 0,
        worse: 0,
        only_before: 0,
        only_after: 0,
        inconclusive: 0,
        p_value: 1.0,
    };
    for (key, first) in before {
        match after.remove(&key) {
            Some(second) => comparison.add(key, first, second),
            None => comparison.only_before += 1,
        }
    }
    comparison.only_after = after.len() as u64;
    comparison.p_value = paired_p_value(comparison.better, comparison.worse);
    comparison
}

type Judged = (UnitId, VerdictLabel);

fn by_key(
    outcomes: impl IntoIterator<Item = Outcome>,
    key: &impl Fn(&Outcome) -> String,
) -> BTreeMap<String, Judged> {
    let mut found: BTreeMap<String, Judged> = BTreeMap::new();
    for outcome in outcomes.into_iter().filter(|outcome| outcome.role == Role::Experiment) {
        let judged = (outcome.id, outcome.verdict.clone());
        let kept = found.entry(key(&outcome)).or_insert_with(|| judged.clone());
        if judged.0 < kept.0 {
            *kept = judged;
        }
    }
    found
}

impl Comparison {
    fn add(&mut self, key: String, before: Judged, after: Judged) {
        let learned_nothing = |word| matches!(word, VerdictWord::Infra | VerdictWord::NotExercised);
        if learned_nothing(before.1.word) || learned_nothing(after.1.word) {
            self.inconclusive += 1;
            return;
        }
        self.pairs += 1;
        if before.1 == after.1 {
            return;
        }
        let is_failure = |word| matches!(word, VerdictWord::Fail | VerdictWord::Timeout);
        match (is_failure(before.1.word), is_failure(after.1.word)) {
            (true, false) => self.better += 1,
            (false, true) => self.worse += 1,
            _ => {}
        }
        self.changes.push(Change { key, before, after });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::testing::record;

    fn outcome(number: u32, verdict: &str) -> Outcome {
        let mut outcome = record(number).outcome;
        outcome.verdict = verdict.parse().expect("a verdict");
        outcome
    }

    fn trace_of_one(before: &[(u32, &str)], after: &[(u32, &str)]) -> Comparison {
        let list = |pairs: &[(u32, &str)]| -> Vec<Outcome> {
            pairs.iter().map(|(number, verdict)| outcome(*number, verdict)).collect()
        };
        compare(list(before), list(after), |outcome| outcome.unit.clone())
    }

    #[test]
    fn changes_are_counted_by_their_direction() {
        let before = [(1, "PASS"), (2, "PASS"), (3, "FAIL(a)"), (4, "FAIL(a)"), (5, "PASS")];
        let after = [(1, "PASS"), (2, "TIMEOUT"), (3, "PASS"), (4, "FAIL(b)"), (6, "PASS")];
        let found = trace_of_one(&before, &after);
        assert_eq!((found.pairs, found.changes.len()), (4, 3));
        assert_eq!((found.better, found.worse), (1, 1));
        assert_eq!((found.only_before, found.only_after), (1, 1));
    }

    #[test]
    fn a_pair_that_learned_nothing_is_no_evidence() {
        let found =
            trace_of_one(&[(1, "PASS"), (2, "INFRA")], &[(1, "NOT_EXERCISED"), (2, "PASS")]);
        assert_eq!((found.pairs, found.inconclusive, found.changes.len()), (0, 2, 0));
    }

    #[test]
    fn controls_are_not_compared() {
        let mut control = outcome(1, "EXPECTED_FAIL(a)");
        control.role = Role::Control;
        let found = compare([control.clone()], [control], |outcome| outcome.unit.clone());
        assert_eq!((found.pairs, found.only_before), (0, 0));
    }
}
