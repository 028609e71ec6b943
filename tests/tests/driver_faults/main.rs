//! Every kind of fault against every kind of request, with completions by interrupt and by polling, in
//! this process and in a virtual machine: what the caller of the driver notices is what the table says.
//!
//! The table (`tests/data/driver-faults.toml`) has a row for every kind that the engine has, and more where a
//! kind's values make a difference; a new kind without a row fails. The driver never panics, never hangs and never reports wrong data as right,
//! unless the row says `silent`: such a fault cannot be noticed by any driver, and the oracle over page
//! contents is there for it.

mod kvm;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use campaign::engine::{HostMachine, HostPlatform};
use campaign::trace::{Source, TraceLog};
use exercise::{Op, Words};
use nvme_driver::Completion;
use nvme_model::fault::{ActionKind, Rule};
use nvme_model::{CachePolicy, Config, Controller, Event, FaultPlan, RamMedia};

use table::{Case, Table};

/// Virtual time in which every exercise ends, whatever the controller does: 30 minutes.
const BOUND_NS: u64 = 1_800_000_000_000;

/// Memory of the machine in this process: the driver's queues and a few pages of data.
const MEMORY_PAGES: usize = 256;

/// What stands for the report of a guest that was switched off.
const UNPOWERED: &str = "exercise: unpowered";

/// How an exercise went.
#[derive(Debug, PartialEq)]
struct Played {
    /// What the program printed.
    line: String,
    /// The controller's events with their times.
    events: Vec<(u64, Event)>,
    now_ns: u64,
    /// Whether every rule fired as often as it should.
    has_fired: bool,
}

/// A controller of 256 blocks of 4 KiB with these rules.
fn controller(rules: &[String]) -> Controller {
    let rule = |text: &String| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let plan = FaultPlan { seed: 1, rules: rules.iter().map(rule).collect() };
    let media = Box::new(RamMedia::new(256, 4096));
    Controller::new(Config::default(), media, plan).expect("a valid configuration")
}

/// The word for how it went, which the table has, too.
fn outcome(line: &str) -> &str {
    line.split([' ', ';']).nth(1).unwrap_or_default()
}

fn has_fired(controller: &Controller) -> bool {
    controller.faults().unfired().next().is_none()
}

fn on_host(rules: &[String], words: Words) -> Played {
    let log = TraceLog::default();
    let machine = Rc::new(HostMachine::with_memory(controller(rules), log, MEMORY_PAGES));
    // The engine ends a guest without power by unwinding.
    let platform = HostPlatform::new(Rc::clone(&machine));
    let report = catch_unwind(AssertUnwindSafe(|| exercise::run(platform, words)));
    let now_ns = machine.now_ns();
    let (mut controller, log) = machine.take_apart();
    let event = |entry: &campaign::trace::Entry| match entry.source {
        Source::Controller(event) => Some((entry.now_ns, event)),
        Source::Guest(_) | Source::Server(_) => None,
    };
    let events = log.entries().iter().filter_map(event).collect();
    let line = match report {
        Ok(report) => report.to_string(),
        Err(_) if controller.is_power_lost() => UNPOWERED.to_owned(),
        Err(payload) => resume_unwind(payload),
    };
    let has_fired = has_fired(&controller);
    // A controller wants to be switched off before it is scrapped: it guards every command in flight.
    controller.power_cut(now_ns, CachePolicy::LoseAll, &mut ());
    Played { line, events, now_ns, has_fired }
}

/// Every case of the table with what meets the fault and how completions are noticed.
fn cases(table: &Table) -> Vec<(Case<'_>, Words)> {
    let completions = [Completion::Interrupts, Completion::Polled];
    let words =
        Op::ALL.into_iter().flat_map(|op| completions.map(|completion| Words { op, completion }));
    let words: Vec<Words> = words.collect();
    table.rows().flat_map(|row| words.iter().map(move |words| (row.case(*words), *words))).collect()
}

#[test]
fn every_kind_of_fault_has_a_row_and_every_row_is_about_its_kind() {
    let table = Table::read();
    let mut missing = table::kinds();
    for row in table.rows() {
        let case = row.case(Words { op: Op::Read, completion: Completion::Interrupts });
        let rules = case.rules.iter().map(|text| text.parse::<Rule>().expect("a rule"));
        let kinds: Vec<ActionKind> = rules.map(|rule| rule.action.kind()).collect();
        assert!(kinds.iter().any(|kind| kind.name() == row.kind()), "{}: {kinds:?}", case.row);
        missing.retain(|kind| !kinds.contains(kind));
    }
    assert!(missing.is_empty(), "kinds without a row: {missing:?}");
}

#[test]
fn every_kind_meets_every_request_or_says_why_it_never_does() {
    let table = Table::read();
    for kind in table::kinds() {
        for op in Op::ALL {
            let mut rows = table.rows().filter(|row| row.kind() == kind.name());
            assert!(rows.any(|row| row.answers_for(op)), "{} at {}", kind.name(), op.name());
        }
    }
}

#[test]
fn the_driver_does_what_the_table_says() {
    let table = Table::read();
    let mut wrong = Vec::new();
    for (case, words) in cases(&table) {
        let played = on_host(&case.rules, words);
        if outcome(&played.line) != case.expected || played.has_fired == case.is_out_of_reach {
            let fired = if played.has_fired { "" } else { " (did not fire)" };
            wrong.push(format!("{} {words}: {}{fired}", case.row, played.line));
        }
        assert!(played.now_ns < BOUND_NS, "{} {words} took {} ns", case.row, played.now_ns);
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_virtual_machine_plays_the_same_to_the_nanosecond() {
    let table = Table::read();
    let Some(mut machine) = kvm::machine() else {
        return;
    };
    for (case, words) in cases(&table) {
        let there = kvm::play(&mut machine, controller(&case.rules), words);
        if case.is_unequal {
            assert_eq!(outcome(&there.line), case.expected, "{} {words}", case.row);
            continue;
        }
        let here = on_host(&case.rules, words);
        assert_eq!(there.line, here.line, "{} {words}", case.row);
        assert!(there == here, "{} {words}: another trace", case.row);
    }
}
