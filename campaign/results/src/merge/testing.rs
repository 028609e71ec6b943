//! Records for tests.

use crate::ledger::LedgerHeader;
use crate::{
    Build, HostPart, Outcome, Plan, Record, Role, Shard, UnitId, VerdictLabel, VerdictWord,
};

/// A header of an empty plan.
pub(crate) fn header() -> LedgerHeader {
    let build = Build { version: "1".into(), program: "p".into(), guest: "g".into() };
    let plan = Plan::new("test", build.clone(), Vec::new(), Vec::new());
    LedgerHeader::new(plan.header(), build, Shard::WHOLE)
}

/// The record of the unit with that number, which passed.
pub(crate) fn record(number: u32) -> Record {
    let unit = format!("seed={number}");
    let pass = VerdictLabel::plain(VerdictWord::Pass);
    let outcome = Outcome {
        id: UnitId::of(&unit),
        unit,
        role: Role::Experiment,
        expected: pass.clone(),
        verdict: pass,
        came_to: String::new(),
        signature: None,
        detail: None,
        faults: Vec::new(),
        errors: Vec::new(),
        trace_hash: format!("{number:08x}"),
        events: 10,
        virtual_ns: 1_000,
    };
    Record { outcome, host: HostPart { engine: "host".into(), attempt: 1, wall_us: 5 } }
}

/// The record of the unit with that number, whose machine failed.
pub(crate) fn infra(number: u32) -> Record {
    let mut record = record(number);
    record.outcome.verdict = VerdictLabel::plain(VerdictWord::Infra);
    record
}
