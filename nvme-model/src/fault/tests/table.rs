//! Every kind and every word: its example is read, and does what it says to a real controller.

use nvme_spec::command::{SANACT_BLOCK_ERASE, Sanitize10};
use nvme_spec::register::{self as reg, Doorbell};
use nvme_spec::{AdminOpcode, Sqe};

use crate::fault::*;
use crate::rig::{DATA, Rig};
use crate::{Config, FaultPlan};

/// A host that does a bit of everything and minds nothing: whatever a rule is about, it comes by.
fn exercise(rules: Vec<Rule>) -> Rig {
    exercise_on(Rig::off(Config::default(), FaultPlan { seed: 1, rules }))
}

fn exercise_on(mut rig: Rig) -> Rig {
    if rig.try_enable() {
        rig.try_create_pair(1, 1);
    }
    rig.memory_write(DATA, &[0xa5; 4096]);
    rig.memory_write(DATA + 4096, &dsm_range(0x28, 4));
    rig.send(0, Sqe::async_event_request());
    rig.send(0, Sqe::identify(1, 0).with_prp(DATA + 8192, 0));
    rig.send(1, Sqe::read(1, 8, 0).with_prp(DATA + 8192, 0));
    rig.read32(reg::CAP);
    rig.read32(reg::VS);
    for lba in [5, 7, 0x12, 0x13, 5] {
        rig.send(1, Sqe::write(1, lba, 0, lba == 7).with_prp(DATA, 0));
        rig.send(1, Sqe::read(1, lba, 0).with_prp(DATA + 8192, 0));
    }
    rig.send(1, Sqe::flush(1));
    rig.send(1, Sqe::write_zeroes(1, 100, 0));
    rig.send(1, Sqe::deallocate(1, 0).with_prp(DATA + 4096, 0));
    rig.send(0, Sqe::abort(1, 1));
    rig.send(0, sanitize());
    // A queue that is not there: an error event.
    rig.write32(Doorbell::SqTail(9).offset(0), 1);
    rig.settle();
    rig.controller.config_read(rig.now_ns, 0, &mut [0; 4], &mut rig.trace);
    rig.send(0, Sqe::delete_io_sq(1));
    rig.write32(reg::CC, 0x0046_4001);
    rig.settle();
    rig.write32(reg::CC, 0x0046_0000);
    rig.settle();
    rig.read32(reg::CSTS);
    rig.write32(reg::NSSR, reg::NSSR_MAGIC);
    rig
}

/// A block erase.
fn sanitize() -> Sqe {
    let mut sqe = Sqe::new(AdminOpcode::SANITIZE.0, 0);
    sqe.cdw10 = Sanitize10(0).with_sanact(SANACT_BLOCK_ERASE).0.into();
    sqe
}

fn dsm_range(slba: u64, blocks: u32) -> Vec<u8> {
    [[0; 4], blocks.to_le_bytes()].concat().into_iter().chain(slba.to_le_bytes()).collect()
}

/// The rule, and the one that its `after` names.
fn rules_of(example: &str) -> Vec<Rule> {
    let rule: Rule = example.parse().unwrap_or_else(|error| panic!("{example}: {error}"));
    let first = "write name=first nth=1 => expect".parse().expect("a rule");
    let has_first = rule.when.after.is_some();
    has_first.then_some(first).into_iter().chain([rule]).collect()
}

#[test]
fn the_example_of_every_kind_and_word_parses_and_fires() {
    let kinds = KINDS.iter().map(|row| (row.word, row.example));
    let words = WORDS.iter().map(|row| (row.word, row.example));
    let mut silent = Vec::new();
    for (word, example) in kinds.chain(words) {
        let plan = FaultPlan { seed: 1, rules: rules_of(example) };
        let mut rig = Rig::off(Config::default(), plan);
        // What happens at once was announced, or two engines would differ (`Controller::answers_take_time`).
        rig.is_rung_late = true;
        let rig = exercise_on(rig);
        let has_fired = rig.controller.faults().counts().all(|(_, counts)| counts.fired > 0);
        if !has_fired || rig.controller.faults().unfired().count() > 0 {
            silent.push(format!("{word}: {example}"));
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn the_rules_in_the_documents_are_rules_and_fire() {
    let text = include_str!("../../../../docs/fault-model.md");
    let table = text.split("## How it can be expressed").nth(1).expect("the table");
    let table = table.split("\n## ").next().expect("its end");
    let rows = table.lines().filter(|line| line.contains(" => "));
    let mut silent = Vec::new();
    let mut count = 0;
    for row in rows {
        let rules = row.split('`').filter(|text| text.contains(" => "));
        let rules: Vec<Rule> =
            rules.map(|text| text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
        count += rules.len();
        // What is an alternative and no addition comes alone.
        let plans = if row.contains(" and ") { vec![rules] } else { alone(rules) };
        for plan in plans {
            let rig = exercise(plan);
            let unfired = rig.controller.faults().counts().filter(|(_, counts)| counts.fired == 0);
            silent.extend(unfired.map(|(rule, _)| rule.to_string()));
        }
    }
    assert!(silent.is_empty() && count > 20, "{count} rules, of which never fired: {silent:#?}");
}

fn alone(rules: Vec<Rule>) -> Vec<Vec<Rule>> {
    rules.into_iter().map(|rule| vec![rule]).collect()
}

#[test]
fn an_example_is_about_its_word_and_fits_its_line() {
    for row in KINDS {
        let rule: Rule = row.example.parse().expect(row.example);
        assert_eq!(rule.action.kind(), row.kind, "{}", row.example);
    }
    for row in WORDS {
        assert!(row.example.contains(row.word), "{}", row.example);
    }
    let texts = KINDS.iter().map(|row| (row.help, row.example));
    for (help, example) in texts.chain(WORDS.iter().map(|row| (row.help, row.example))) {
        assert!(help.len() <= 74 && example.len() <= 74, "{help} / {example}");
    }
}

#[test]
fn the_numbers_of_kinds_are_distinct_and_words_belong_to_one_section() {
    for (index, row) in KINDS.iter().enumerate() {
        let others = KINDS.iter().skip(index + 1);
        assert!(others.clone().all(|other| other.kind as u8 != row.kind as u8), "{}", row.word);
        assert_eq!(row.kind.row().kind, row.kind, "{}", row.word);
    }
    let mut words: Vec<&str> = WORDS.iter().map(|row| row.word).collect();
    words.extend(KINDS.iter().map(|row| row.word));
    words.sort_unstable();
    words.dedup();
    // Only `delay` has two rows.
    assert_eq!(words.len(), WORDS.len() + KINDS.len() - 1);
}

#[test]
fn nothing_fires_in_a_plan_without_rules() {
    let rig = exercise(Vec::new());
    assert_eq!(rig.controller.faults().log().iter().count(), 0);
}
