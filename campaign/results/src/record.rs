//! What is kept of one run.

use serde::{Deserialize, Serialize};

use crate::{UnitId, VerdictLabel, VerdictWord};

/// Why a unit is in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To learn something.
    Experiment,
    /// To prove that the oracles can fail at all. A control that passes voids its campaign.
    Control,
}

/// How far one fault rule came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultCount {
    /// The rule, in its one-line form.
    pub rule: String,
    /// How often it was to fire, at the least.
    pub planned: u64,
    /// How many commands matched while it was armed.
    pub armed: u64,
    /// How often it fired.
    pub fired: u64,
    /// Where it fired: the first few times.
    pub fired_at: Vec<FiredAt>,
}

/// One time that a rule fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiredAt {
    /// The number of the event in the trace, from 1.
    pub event: u64,
    /// What the guest was doing: the step of its script; `-` before the first.
    pub phase: String,
}

/// One kind of error that a layer met, and who learned of it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSeen {
    /// What was tried.
    pub operation: String,
    /// What came back.
    pub errno: String,
    /// The layer.
    pub learned_by: String,
    /// How often.
    pub count: u64,
}

/// The part of a record that depends on the unit and the build, and on nothing else: the same on every
/// engine, host, day and attempt. The merge law is about these bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The unit's name.
    pub id: UnitId,
    /// The unit's canonical text.
    pub unit: String,
    /// Why it was run.
    pub role: Role,
    /// The verdict that is no surprise.
    pub expected: VerdictLabel,
    /// The verdict.
    pub verdict: VerdictLabel,
    /// What the run came to in one word, whatever was predicted: `ok`, `kept`, `lost 96`, ...; empty if
    /// nothing is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub came_to: String,
    /// What distinguishes this failure from others: the same text for the same cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The sentence behind the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Every rule of the unit's plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultCount>,
    /// Every error, by the layer that learned of it first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorSeen>,
    /// The hash over the event trace, in hexadecimal digits.
    pub trace_hash: String,
    /// How many events the trace has.
    pub events: u64,
    /// Virtual time of all lives together.
    pub virtual_ns: u64,
}

impl Outcome {
    /// Whether the verdict is the one that was expected.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.verdict == self.expected
    }

    /// Whether nothing was learned because the machine failed.
    #[must_use]
    pub fn is_infra(&self) -> bool {
        self.verdict.word == VerdictWord::Infra
    }
}

/// The part of a record that is different every time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostPart {
    /// The engine.
    pub engine: String,
    /// Which attempt this was, from 1; more only after INFRA.
    pub attempt: u32,
    /// Real time, in microseconds.
    pub wall_us: u64,
}

/// One line of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What came out.
    pub outcome: Outcome,
    /// How it came out.
    pub host: HostPart,
}
