//! What a ledger keeps of a judged run.

use results::{
    ErrorSeen, HostPart, Outcome, Record, Role as RoleWord, UnitId, VerdictLabel, VerdictWord,
};

use crate::oracle::layer_name;
use crate::run::UnitResult;
use crate::{Role, Unit};

impl Unit {
    /// Its name: the hash of its text.
    #[must_use]
    pub fn id(&self) -> UnitId {
        UnitId::of(&self.text())
    }

    /// The verdict that is no surprise, as a ledger writes it.
    #[must_use]
    pub fn expected_label(&self) -> VerdictLabel {
        match self.role {
            Role::Experiment => VerdictLabel::plain(VerdictWord::Pass),
            Role::Control { must_fail } => {
                let oracle = Some(must_fail.name().to_owned());
                VerdictLabel { word: VerdictWord::ExpectedFail, oracle }
            }
        }
    }

    /// Why it is run, as a ledger writes it.
    #[must_use]
    pub const fn role_word(&self) -> RoleWord {
        match self.role {
            Role::Experiment => RoleWord::Experiment,
            Role::Control { .. } => RoleWord::Control,
        }
    }
}

/// The record of a run. Its outcome depends on the unit alone; how it was run is beside it.
///
/// # Panics
/// If a verdict has no word in a ledger, which is a mistake of ours.
#[must_use]
pub fn record(result: &UnitResult, attempt: u32) -> Record {
    let errors = result.facts.errors.iter().map(|error| ErrorSeen {
        operation: error.operation.to_owned(),
        errno: error.errno.name().to_owned(),
        learned_by: layer_name(error.learned_by).to_owned(),
        count: error.count,
    });
    let unit = result.unit.text();
    let outcome = Outcome {
        id: UnitId::of(&unit),
        unit,
        role: result.unit.role_word(),
        expected: result.unit.expected_label(),
        verdict: result.verdict.label().parse().expect("a verdict's label is a ledger's word"),
        came_to: result.outcome().to_string(),
        signature: (!result.is_expected()).then(|| cause(result)),
        detail: result.verdict.detail().map(str::to_owned),
        faults: result.faults.clone(),
        errors: errors.collect(),
        trace_hash: result.trace_hash.to_string(),
        events: result.events as u64,
        virtual_ns: result.virtual_ns,
    };
    let wall_us = u64::try_from(result.wall.as_micros()).unwrap_or(u64::MAX);
    let host = HostPart { engine: result.engine.name().to_owned(), attempt, wall_us };
    Record { outcome, host }
}

/// What tells a surprise from others: where, and with which causes. The same text on every engine.
fn cause(result: &UnitResult) -> String {
    let (scenario, path) = (&result.unit.scenario, result.unit.spec.path);
    format!("{scenario} {path} {}", crate::signature(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Finding, Oracle};
    use crate::{Verdict, scenario};

    #[test]
    fn every_verdict_has_a_word_in_a_ledger() {
        let finding = |oracle| Finding { oracle, detail: String::new() };
        let mut verdicts = vec![
            Verdict::Pass,
            Verdict::NotExercised(String::new()),
            Verdict::Timeout,
            Verdict::Infra(String::new()),
        ];
        for oracle in Oracle::ALL {
            verdicts.push(Verdict::Fail(finding(*oracle)));
            verdicts.push(Verdict::ExpectedFail(finding(*oracle)));
        }
        for verdict in verdicts {
            let label: VerdictLabel = verdict.label().parse().expect("a word");
            assert_eq!(label.to_string(), verdict.label());
        }
    }

    #[test]
    fn what_is_expected_reads_the_same_here_and_in_a_ledger() {
        for unit in scenario::ALL.iter().flat_map(|definition| definition.units()) {
            assert_eq!(unit.expected_label().to_string(), unit.expected());
        }
    }
}
