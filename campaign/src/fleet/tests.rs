use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use results::ledger::{LedgerHeader, LedgerReader};
use results::{Build, HostPart, Outcome, Plan, Role, Shard, VerdictLabel, VerdictWord};

use super::*;

/// Builds machines that do with a unit what a word in its text says.
struct Fake {
    built: AtomicU64,
}

impl Fake {
    const fn new() -> Self {
        Self { built: AtomicU64::new(0) }
    }
}

impl Workshop for Fake {
    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        self.built.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(FakeMachine { runs: 0 }))
    }
}

struct FakeMachine {
    runs: u64,
}

impl Worker for FakeMachine {
    fn run(&mut self, unit: &PlannedUnit, attempt: u32) -> Result<Record, EngineError> {
        self.runs += 1;
        let has = |word| unit.unit.contains(word);
        assert!(!has("panics"), "a bug of ours");
        if has("breaks-once") && attempt == 1 {
            return Err(EngineError::Infrastructure("the machine broke".into()));
        }
        if has("no-kvm") {
            return Err(EngineError::Environment("there is no /dev/kvm".into()));
        }
        let fail = VerdictLabel { word: VerdictWord::Fail, oracle: Some("x".into()) };
        let verdict = if has("fails") { fail } else { VerdictLabel::plain(VerdictWord::Pass) };
        let outcome = Outcome {
            id: unit.id,
            unit: unit.unit.clone(),
            role: unit.role,
            expected: unit.expected.clone(),
            verdict,
            came_to: String::new(),
            signature: None,
            detail: None,
            faults: Vec::new(),
            errors: Vec::new(),
            trace_hash: if has("flaky") { self.runs.to_string() } else { "1".into() },
            events: 1,
            virtual_ns: 1,
        };
        Ok(Record { outcome, host: HostPart { engine: "fake".into(), attempt, wall_us: 1 } })
    }
}

fn plan(units: &[&str]) -> Plan {
    let build = Build { version: "1".into(), program: "p".into(), guest: "g".into() };
    let pass = VerdictLabel::plain(VerdictWord::Pass);
    let unit = |text: &&str| PlannedUnit::new((*text).into(), Role::Experiment, pass.clone());
    Plan::new("test", build, Vec::new(), units.iter().map(unit).collect())
}

/// Runs `units` with `jobs` workers; returns what the fleet says, and the ledger's records.
fn fly(
    units: &[&str],
    jobs: usize,
    stop: bool,
) -> (Result<Progressed, FleetError>, Vec<Record>, Fake) {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("ledger.jsonl");
    let plan = plan(units);
    let header = LedgerHeader::new(plan.header(), plan.header().build.clone(), Shard::WHOLE);
    let mut ledger = Ledger::create(&path, &header).expect("created");
    let tasks: Vec<Task<'_>> = plan.units().iter().map(|unit| Task { unit, attempts: 0 }).collect();
    let stop = AtomicBool::new(stop);
    let orders = Orders { jobs, attempts_max: 3, deadline: None, stop: &stop };
    let fake = Fake::new();
    let result = run(&tasks, &orders, &fake, &mut ledger, &mut ());
    let mut reader = LedgerReader::open(&path).expect("opened");
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().expect("read") {
        records.push(record);
    }
    records.sort_by_key(|record| record.outcome.id);
    (result, records, fake)
}

#[test]
fn every_unit_has_one_record_however_many_workers_there_are() {
    let names: Vec<String> = (0..700).map(|number| format!("seed={number}")).collect();
    let units: Vec<&str> = names.iter().map(String::as_str).collect();
    let (result, alone, _) = fly(&units, 1, false);
    assert_eq!(result.expect("flown"), Progressed { finished: 700, left: 0 });
    let (_, together, fake) = fly(&units, 3, false);
    assert_eq!(alone, together);
    assert!(fake.built.load(Ordering::Relaxed) <= 3);
}

#[test]
fn a_machine_that_broke_is_built_anew_and_its_unit_tried_again() {
    let (result, records, fake) = fly(&["breaks-once"], 1, false);
    assert_eq!(result.expect("flown").finished, 1);
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].host.attempt, records[0].outcome.verdict.word), (2, VerdictWord::Pass));
    assert_eq!(fake.built.load(Ordering::Relaxed), 2);
}

#[test]
fn a_panic_is_infra_for_its_unit_after_all_attempts_and_nothing_to_the_others() {
    let (result, records, _) = fly(&["panics", "seed=1", "seed=2"], 2, false);
    assert_eq!(result.expect("flown").finished, 3);
    let infra: Vec<&Record> = records.iter().filter(|record| record.outcome.is_infra()).collect();
    assert_eq!(infra.len(), 1);
    assert_eq!(infra[0].host.attempt, 3);
    assert_eq!(infra[0].outcome.detail.as_deref(), Some("panicked: a bug of ours"));
}

#[test]
fn a_finding_that_comes_out_twice_is_kept_once_and_one_that_differs_is_kept_twice() {
    assert_eq!(fly(&["fails"], 1, false).1.len(), 1);
    assert_eq!(fly(&["fails flaky"], 1, false).1.len(), 2);
}

#[test]
fn a_host_that_cannot_run_units_at_all_ends_the_fleet() {
    let (result, records, _) = fly(&["no-kvm", "no-kvm 2"], 2, false);
    assert!(matches!(result, Err(FleetError::Engine(EngineError::Environment(_)))));
    assert_eq!(records.len(), 0);
}

#[test]
fn nothing_is_started_once_the_flag_is_set() {
    let (result, records, fake) = fly(&["seed=1", "seed=2"], 2, true);
    assert_eq!(result.expect("flown"), Progressed { finished: 0, left: 2 });
    assert_eq!((records.len(), fake.built.load(Ordering::Relaxed)), (0, 0));
}
