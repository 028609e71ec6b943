//! Every kind of fault against every kind of request, with completions by interrupt and by polling, in
//! this process and in a virtual machine: what the caller of the driver notices is what the table says.
//!
//! The table (`tests/data/driver-faults.toml`) has a row for every kind that the engine has, and more where a
//! kind's values make a difference; a new kind without a row fails. The driver never panics, never hangs and never reports wrong data as right,
//! unless the row says `silent`: such a fault cannot be noticed by any driver, and the oracle over page
//! contents is there for it.

mod bless;
mod kvm;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use block::BlockError::{Gone, Io, Medium, NotSupported, Target, Timeout};
use block::DeviceStatus;
use campaign::engine::{HostMachine, HostPlatform};
use campaign::trace::{Source, TraceLog};
use exercise::{Op, Words};
use nvme_driver::Completion;
use nvme_model::fault::RuleError;
use nvme_model::{CachePolicy, Config, Controller, Event, FaultPlan, RamMedia};

use bless::Found;
use table::Table;

/// Virtual time in which every exercise ends, whatever the controller does: 30 minutes.
const BOUND_NS: u64 = 1_800_000_000_000;

/// Memory of the machine in this process: the driver's queues and a few pages of data.
const MEMORY_PAGES: usize = 256;

/// Kinds after which a request may succeed with wrong data: what came is well-formed, and no driver can know.
const UNDETECTABLE: [&str; 9] = [
    "corrupt",
    "early-completion",
    "forge",
    "lost-write",
    "misdirect",
    "partial-dma",
    "remove-for",
    "stale-read",
    "torn",
];

/// What stands for the report where there is nothing to play: the engine refuses the rules.
const NO_RULE: &str = "exercise: no rule";

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

impl Played {
    /// How it went, in the form of the table.
    fn said(&self) -> &str {
        self.line.strip_prefix("exercise: ").unwrap_or(&self.line)
    }
}

/// A controller of 256 blocks of 4 KiB with these rules; `None` if one of them is about a request that its kind cannot
/// change.
fn controller(rules: &[String]) -> Option<Controller> {
    let rules = rules.iter().map(|text| text.parse()).collect::<Result<_, RuleError>>();
    let rules = match rules {
        Ok(rules) => rules,
        Err(error) if error.to_string().contains("changes nothing about it") => return None,
        Err(error) => panic!("{error}"),
    };
    let media = Box::new(RamMedia::new(256, 4096));
    let plan = FaultPlan { seed: 1, rules };
    Some(Controller::new(Config::default(), media, plan).expect("a valid configuration"))
}

fn has_fired(controller: &Controller) -> bool {
    controller.faults().unfired().next().is_none()
}

fn on_host(rules: &[String], words: Words) -> Played {
    let log = TraceLog::default();
    let Some(controller) = controller(rules) else {
        return Played { line: NO_RULE.to_owned(), events: Vec::new(), now_ns: 0, has_fired: true };
    };
    let machine = Rc::new(HostMachine::with_memory(controller, log, MEMORY_PAGES));
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

/// The word for what a rule does.
fn word_of(rule: &str) -> &str {
    let action = rule.split(" => ").nth(1).expect("an arrow");
    action.split(['=', ' ']).next().unwrap_or_default()
}

#[test]
fn every_kind_of_fault_has_a_row_and_every_row_is_about_its_kind() {
    let table = Table::read();
    let mut missing = table::kinds();
    for row in table.rows() {
        let case = row.case(Words { op: Op::Read, completion: Completion::Interrupts });
        let words: Vec<&str> = case.rules.iter().map(|rule| word_of(rule)).collect();
        assert!(words.contains(&row.kind()), "{}: {words:?}", case.row);
        missing.retain(|kind| !words.contains(&kind.name()));
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
fn wrong_data_is_taken_for_right_only_where_no_driver_can_notice() {
    for row in Table::read().rows().filter(|row| !UNDETECTABLE.contains(&row.kind())) {
        for case in row.cases() {
            assert!(!case.expected.starts_with("silent"), "{case}: {}", case.expected);
        }
    }
}

#[test]
fn every_error_that_a_device_can_cause_is_told_somewhere() {
    let table = Table::read();
    let told: Vec<&str> = table.cases().map(|case| case.expected).collect();
    let said = DeviceStatus(0x4000);
    let errors = [Medium(said), Io(said), NotSupported(said), Target(said), Timeout, Gone];
    for error in errors.map(|error| error.to_string()) {
        let class = error.split(" (").next().unwrap_or_default();
        let class = format!(": {class}");
        assert!(told.iter().any(|cell| cell.contains(&class)), "nobody is told{class}");
    }
}

#[test]
fn the_driver_does_what_the_table_says() {
    let table = Table::read();
    let mut wrong = Vec::new();
    let mut found = Vec::new();
    for case in table.cases() {
        let played = on_host(&case.rules, case.words);
        assert!(played.now_ns < BOUND_NS, "{case} took {} ns", played.now_ns);
        if played.said() != case.expected || played.has_fired == case.is_out_of_reach {
            let fired = if played.has_fired { "" } else { " (did not fire)" };
            let (said, expected) = (played.said(), case.expected);
            wrong.push(format!("{case}:\n  need {expected}\n  have {said}{fired}"));
        }
        found.push(Found::new(&case, played.said(), played.has_fired));
    }
    if std::env::var_os("SWAPLAB_BLESS").is_some() {
        bless::write(&found);
        return;
    }
    let remedy = "SWAPLAB_BLESS=1 writes the cells again, for you to read";
    assert!(wrong.is_empty(), "{} cases; {remedy}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_virtual_machine_plays_the_same_to_the_nanosecond() {
    let table = Table::read();
    let Some(mut machine) = kvm::machine() else {
        return;
    };
    for case in table.cases() {
        let Some(controller) = controller(&case.rules) else {
            continue;
        };
        let there = kvm::play(&mut machine, controller, case.words);
        assert_eq!(there.said(), case.expected, "{case}");
        if case.is_unequal {
            continue;
        }
        let here = on_host(&case.rules, case.words);
        assert!(there == here, "{case}: another trace");
    }
}
