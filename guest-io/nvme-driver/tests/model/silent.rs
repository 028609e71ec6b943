//! Faults that the driver cannot see: it reports success, and the media tells another story. Whoever
//! stores checksums or reads back finds out; the driver must merely not hang and not make it worse.

use block::{BlockDevice, BlockError};
use nvme_model::fault::{Action, OpClass, Phase, Rule, Torn};
use nvme_spec::{NvmOpcode, status as code};

use crate::machine::{Driver, Machine, bytes, pattern, read_back, read_bio, rule, write_bio};

fn nth_write(action: Action, nth: u64) -> Rule {
    let mut rule = rule(OpClass::Io(NvmOpcode::WRITE), Phase::Submission, action, 1);
    rule.when.nth = Some(nth);
    rule
}

fn write(driver: &Driver, block: u64, count: usize, seed: u8) {
    let done = driver.execute(write_bio(driver, block, count, seed));
    assert_eq!(done.result, Ok(()));
}

fn assert_unnoticed(machine: &Machine, driver: &Driver) {
    machine.assert_all_rules_fired();
    let c = driver.counters();
    assert_eq!((c.retries, c.timeouts, c.resets), (0, 0, 0));
}

#[test]
fn a_torn_write_is_seen_by_reading_back_only() {
    let machine = Machine::with_rules(vec![nth_write(Action::Torn(Torn::Blocks(1)), 2)]);
    let driver = machine.live();
    write(&driver, 10, 3, 1);
    write(&driver, 10, 3, 2);
    let (old, new) = (bytes(&pattern(&driver, 3, 1)), bytes(&pattern(&driver, 3, 2)));
    let found = read_back(&driver, 10, 3);
    assert!(found[..4096] == new[..4096]);
    assert!(found[4096..] == old[4096..]);
    assert_unnoticed(&machine, &driver);
}

#[test]
fn a_misdirected_write_spoils_two_places() {
    let machine = Machine::with_rules(vec![nth_write(Action::Misdirect(20), 3)]);
    let driver = machine.live();
    write(&driver, 10, 1, 1);
    write(&driver, 20, 1, 2);
    write(&driver, 10, 1, 3);
    assert!(read_back(&driver, 10, 1) == bytes(&pattern(&driver, 1, 1)));
    assert!(read_back(&driver, 20, 1) == bytes(&pattern(&driver, 1, 3)));
    assert_unnoticed(&machine, &driver);
}

#[test]
fn a_stale_read_returns_the_version_before() {
    let read = OpClass::Io(NvmOpcode::READ);
    let machine = Machine::with_rules(vec![rule(read, Phase::Submission, Action::StaleRead, 1)]);
    let driver = machine.live();
    write(&driver, 10, 1, 1);
    write(&driver, 10, 1, 2);
    assert!(read_back(&driver, 10, 1) == bytes(&pattern(&driver, 1, 1)));
    assert!(read_back(&driver, 10, 1) == bytes(&pattern(&driver, 1, 2)));
    assert_unnoticed(&machine, &driver);
}

#[test]
fn a_media_error_is_reported_until_the_block_is_rewritten() {
    let status = nvme_spec::Status::from(code::UNRECOVERED_READ).with_dnr(true);
    let mut sick = rule(OpClass::Io(NvmOpcode::READ), Phase::Submission, Action::Status(status), 1);
    sick.matcher.lba = Some(10..11);
    sick.until.count = None;
    sick.until.is_until_rewrite = true;
    let machine = Machine::with_rules(vec![sick]);
    let driver = machine.live();
    for _ in 0..3 {
        let result = driver.execute(read_bio(&driver, 9, 3)).result;
        assert!(matches!(result, Err(BlockError::Medium(_))), "{result:?}");
    }
    write(&driver, 10, 1, 5);
    assert!(read_back(&driver, 10, 1) == bytes(&pattern(&driver, 1, 5)));
}
