//! Two designs, builds or sets of knobs under the identical fault schedules.
//!
//! Pairs are found by a key that the caller makes of a unit: what is left of it without the thing that is
//! compared. Because every run is exact, a changed verdict is a difference and not noise; the p value
//! says how surprising it would be if the two were equally good over schedules like these.

use std::collections::BTreeMap;

use crate::statistics::paired_p_value;
use crate::{Outcome, Role, UnitId, VerdictWord};

/// What is compared of two outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The verdicts: each unit against its own prediction. A failure is FAIL or TIMEOUT.
    #[default]
    Verdict,
    /// What the runs came to, whatever was predicted. A failure is anything but `ok`.
    CameTo,
}

/// What a run without any loss comes to.
const OK: &str = "ok";

impl By {
    fn judge(self, outcome: &Outcome) -> Judged {
        let word = outcome.verdict.word;
        let (text, is_failure) = match self {
            Self::Verdict => {
                let is_failure = matches!(word, VerdictWord::Fail | VerdictWord::Timeout);
                (outcome.verdict.to_string(), is_failure)
            }
            Self::CameTo => (outcome.came_to.clone(), outcome.came_to != OK),
        };
        let is_idle = matches!(word, VerdictWord::Infra | VerdictWord::NotExercised);
        Judged { id: outcome.id, text, is_failure, is_idle }
    }
}

/// A pair of units whose verdicts differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What the pair has in common.
    pub key: String,
    /// The first unit and what came out.
    pub before: (UnitId, String),
    /// The second unit and what came out.
    pub after: (UnitId, String),
}

/// What comparing two sets of results gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Pairs that were compared.
    pub pairs: u64,
    /// Pairs in which something else came out, by key.
    pub changes: Vec<Change>,
    /// Pairs whose first failed.
    pub failed_before: u64,
    /// Pairs whose second failed.
    pub failed_after: u64,
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
    by: By,
    key: impl Fn(&Outcome) -> String,
) -> Comparison {
    let before = by_key(before, by, &key);
    let mut after = by_key(after, by, &key);
    let mut comparison = Comparison {
        pairs: 0,
        changes: Vec::new(),
        failed_before: 0,
        failed_after: 0,
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

#[derive(Clone, Debug)]
struct Judged {
    id: UnitId,
    text: String,
    is_failure: bool,
    is_idle: bool,
}

fn by_key(
    outcomes: impl IntoIterator<Item = Outcome>,
    by: By,
    key: &impl Fn(&Outcome) -> String,
) -> BTreeMap<String, Judged> {
    let mut found: BTreeMap<String, Judged> = BTreeMap::new();
    for outcome in outcomes.into_iter().filter(|outcome| outcome.role == Role::Experiment) {
        let judged = by.judge(&outcome);
        let kept = found.entry(key(&outcome)).or_insert_with(|| judged.clone());
        if judged.id < kept.id {
            *kept = judged;
        }
    }
    found
}

impl Comparison {
    fn add(&mut self, key: String, before: Judged, after: Judged) {
        if before.is_idle || after.is_idle {
            self.inconclusive += 1;
            return;
        }
        self.pairs += 1;
        self.failed_before += u64::from(before.is_failure);
        self.failed_after += u64::from(after.is_failure);
        if before.text == after.text {
            return;
        }
        match (before.is_failure, after.is_failure) {
            (true, false) => self.better += 1,
            (false, true) => self.worse += 1,
            _ => {}
        }
        let (before, after) = ((before.id, before.text), (after.id, after.text));
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
        compare(list(before), list(after), By::Verdict, |outcome| outcome.unit.clone())
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
    fn what_runs_came_to_is_compared_whatever_was_predicted() {
        let came_to = |number, word: &str| {
            let mut outcome = outcome(number, "PASS");
            outcome.came_to = word.into();
            outcome
        };
        let (before, after) = (
            [came_to(1, "ok"), came_to(2, "lost 7")],
            [came_to(1, "lost 3"), came_to(2, "lost 7")],
        );
        let found = compare(before, after, By::CameTo, |outcome| outcome.unit.clone());
        assert_eq!(
            (found.pairs, found.worse, found.failed_before, found.failed_after),
            (2, 1, 1, 2)
        );
    }

    #[test]
    fn controls_are_not_compared() {
        let mut control = outcome(1, "EXPECTED_FAIL(a)");
        control.role = Role::Control;
        let found =
            compare([control.clone()], [control], By::Verdict, |outcome| outcome.unit.clone());
        assert_eq!((found.pairs, found.only_before), (0, 0));
    }
}
