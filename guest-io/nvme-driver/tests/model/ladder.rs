//! Every rung of the driver's ladder, reached by a fault of the model.

use block::{Bio, BlockDevice, BlockError, DeviceStatus};
use nvme_driver::{Error, Stage};
use nvme_model::fault::{Action, OpClass, Phase, Rule};
use nvme_spec::{AdminOpcode, Status, status as code};

use crate::machine::{Machine, io_rule, read_bio, rule, write_bio};

const SECOND: u64 = 1_000_000_000;

/// Writes one block against the rules; returns how it went, the driver's events and the time it took.
fn write_against(rules: Vec<Rule>) -> (Result<(), BlockError>, String, u64) {
    let machine = Machine::with_rules(rules);
    let driver = machine.live();
    let start = machine.now_ns();
    let done = driver.execute(write_bio(&driver, 7, 2, 1));
    assert_eq!(done.bio.pages.len(), 2);
    machine.assert_all_rules_fired();
    (done.result, machine.driver_events(), machine.now_ns() - start)
}

#[test]
fn a_status_with_do_not_retry_reaches_the_caller_at_once() {
    let status = Status::from(code::WRITE_FAULT).with_dnr(true);
    let (result, events, _) =
        write_against(vec![io_rule(Phase::Submission, Action::Status(status), 1)]);
    assert_eq!(result, Err(BlockError::Medium(DeviceStatus(status.to_raw()))));
    assert_eq!(events, "submit complete finish");
}

#[test]
fn a_transient_status_is_retried_and_a_lasting_one_reported_after_six_tries() {
    let status = Status::from(code::UNRECOVERED_READ);
    let rules = |count| vec![io_rule(Phase::Submission, Action::Status(status), count)];
    let (result, events, _) = write_against(rules(5));
    assert_eq!(result, Ok(()));
    assert_eq!(events.matches("retry").count(), 5);
    let (result, _, _) = write_against(rules(6));
    assert_eq!(result, Err(BlockError::Medium(DeviceStatus(status.to_raw()))));
}

#[test]
fn the_controller_names_a_retry_delay_because_the_driver_enabled_it_and_the_driver_waits() {
    let status = Status::from(code::COMMAND_INTERRUPTED);
    let took_ns = |crd| {
        let status = Action::Status(status.with_crd(crd));
        let (result, _, took_ns) = write_against(vec![io_rule(Phase::Submission, status, 1)]);
        assert_eq!(result, Ok(()));
        took_ns
    };
    // CRDT1 to CRDT3 of the model are 0.1, 0.5 and 2 seconds.
    let waited: Vec<u64> = (1..4).map(|crd| (took_ns(crd) - took_ns(0)) / (SECOND / 10)).collect();
    assert_eq!(waited, [1, 5, 20]);
}

#[test]
fn a_hanging_command_is_aborted_and_sent_again() {
    let (result, events, took_ns) =
        write_against(vec![io_rule(Phase::Submission, Action::Hang, 1)]);
    assert_eq!(result, Ok(()));
    assert!(events.starts_with("submit timeout abort "), "{events}");
    assert_eq!((events.matches("submit").count(), events.matches("reset").count()), (2, 0));
    assert!((30 * SECOND..31 * SECOND).contains(&took_ns), "{took_ns}");
}

#[test]
fn a_command_that_always_hangs_is_a_time_out_after_six_aborts() {
    let (result, events, took_ns) =
        write_against(vec![io_rule(Phase::Submission, Action::Hang, 6)]);
    assert_eq!(result, Err(BlockError::Timeout));
    assert_eq!(events.matches("abort-done").count(), 6);
    assert!((180 * SECOND..181 * SECOND).contains(&took_ns), "{took_ns}");
}

#[test]
fn an_ignored_abort_leads_to_a_reset_and_the_command_is_sent_again() {
    let abort = OpClass::Admin(AdminOpcode::ABORT);
    for no_abort in [
        rule(abort, Phase::Submission, Action::IgnoreAbort, 1),
        rule(abort, Phase::Submission, Action::Hang, 1),
        rule(abort, Phase::Submission, Action::Status(code::INTERNAL_ERROR.into()), 1),
    ] {
        let rules = vec![io_rule(Phase::Submission, Action::Hang, 1), no_abort];
        let (result, events, took_ns) = write_against(rules);
        assert_eq!(result, Ok(()));
        assert!(events.ends_with("timeout reset retry live submit complete finish"), "{events}");
        assert!((60 * SECOND..62 * SECOND).contains(&took_ns), "{took_ns}");
    }
}

#[test]
fn a_dropped_completion_costs_a_time_out_or_two_but_not_the_data() {
    let (result, events, _) = write_against(vec![io_rule(Phase::Completion, Action::Drop, 1)]);
    assert_eq!(result, Ok(()));
    assert!(events.starts_with("submit timeout abort"), "{events}");
}

#[test]
fn a_lost_interrupt_is_found_by_polling() {
    let rules = vec![io_rule(Phase::Completion, Action::LostInterrupt, 1)];
    let (result, events, took_ns) = write_against(rules);
    assert_eq!(result, Ok(()));
    assert_eq!(
        (events.as_str(), took_ns),
        ("submit complete interrupt-missed finish", 30 * SECOND)
    );
}

#[test]
fn a_fatal_status_is_cured_by_a_reset() {
    let (result, events, _) = write_against(vec![io_rule(Phase::Submission, Action::Cfs, 1)]);
    assert_eq!(result, Ok(()));
    assert_eq!(events, "submit timeout reset retry live submit complete finish");
}

#[test]
fn a_controller_that_fails_again_and_again_ends_in_a_time_out() {
    let (result, events, _) = write_against(vec![io_rule(Phase::Submission, Action::Cfs, 6)]);
    assert_eq!(result, Err(BlockError::Timeout));
    assert_eq!(events.matches("reset").count(), 6);
}

#[test]
fn a_duplicate_completion_is_ignored() {
    let machine = Machine::with_rules(vec![io_rule(Phase::Completion, Action::Duplicate, 3)]);
    let driver = machine.live();
    for block in 0..10 {
        assert_eq!(driver.execute(write_bio(&driver, block, 1, 1)).result, Ok(()));
    }
    machine.assert_all_rules_fired();
    let counters = driver.counters();
    assert_eq!((counters.completions, counters.stale_cids, counters.timeouts), (10, 3, 0));
}

#[test]
fn a_completion_for_nobody_is_ignored_and_the_command_recovered() {
    let rules = vec![io_rule(Phase::Completion, Action::WrongCid(0xfff0), 1)];
    let (result, events, _) = write_against(rules);
    assert_eq!(result, Ok(()));
    assert!(events.starts_with("submit unknown-cid timeout abort"), "{events}");
}

#[test]
fn removal_in_flight_fails_everything_and_later_bios_are_rejected() {
    let machine = Machine::with_rules(vec![io_rule(Phase::Submission, Action::Remove, 1)]);
    let driver = machine.live();
    let tickets = [1, 2, 3].map(|block| driver.submit(write_bio(&driver, block, 1, 1)).unwrap());
    for ticket in tickets {
        assert_eq!(driver.wait(ticket).result, Err(BlockError::Gone));
    }
    assert_eq!(driver.failure(), Some(Error::Removed));
    assert_eq!(driver.submit(Bio::flush()).unwrap_err().why, BlockError::Gone);
    assert_eq!(machine.probe().unwrap_err(), Error::Removed);
}

#[test]
fn removal_at_rest_is_noticed_by_the_next_request() {
    let machine = Machine::with_rules(vec![]);
    let driver = machine.live();
    machine.remove();
    assert_eq!(driver.execute(read_bio(&driver, 0, 1)).result, Err(BlockError::Gone));
}

#[test]
fn ready_that_never_comes_ends_the_probe_in_bounded_time() {
    let mut config = nvme_model::Config::default();
    config.timing.ready_ns = u64::MAX;
    let machine = Machine::new(config, 4096, vec![]);
    let error = machine.probe().unwrap_err();
    assert!(matches!(error, Error::NotReady { stage: Stage::Enable, .. }), "{error}");
    assert!(machine.now_ns() < 200 * SECOND);
}

#[test]
fn each_command_of_the_set_up_may_fail_or_hang_and_the_probe_still_ends() {
    for nth in 1..=12 {
        for action in [Action::Hang, Action::Status(code::INTERNAL_ERROR.into()), Action::Cfs] {
            let mut rule = rule(OpClass::AnyAdmin, Phase::Submission, action.clone(), 1);
            rule.when.nth = Some(nth);
            let machine = Machine::with_rules(vec![rule]);
            let result = machine.probe();
            // The third sets the host's behaviour: a controller that refuses it is of use all the same.
            let is_vital = nth <= 6 && (nth != 3 || action == Action::Hang);
            if is_vital && action != Action::Cfs {
                assert!(result.is_err(), "command {nth}, {action:?}");
            }
            assert!(machine.now_ns() < 200 * SECOND, "command {nth}, {action:?}");
        }
    }
}

#[test]
fn the_same_faults_give_the_same_trace() {
    let run = || {
        let machine = Machine::with_rules(vec![
            io_rule(Phase::Submission, Action::Hang, 2),
            io_rule(Phase::Completion, Action::Delay(40_000_000_000), 1),
            io_rule(Phase::Completion, Action::Duplicate, 4),
        ]);
        let driver = machine.live();
        let tickets: Vec<_> =
            (0..90).map(|i| driver.submit(write_bio(&driver, i, 2, i as u8)).unwrap()).collect();
        for ticket in tickets {
            assert_eq!(driver.wait(ticket).result, Ok(()));
        }
        machine.trace()
    };
    assert!(run() == run());
}
