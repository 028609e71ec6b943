//! Faults that break a rung of the ladder itself, and completions that lie.

use block::{BlockDevice, BlockError};
use nvme_driver::{Error, Stage};
use nvme_model::fault::{
    Action, Distribution, DmaTarget, OpClass, Phase, PhaseFault, Rule, Transition,
};
use nvme_spec::{AdminOpcode, NvmOpcode};

use crate::machine::{Driver, Machine, bytes, io_rule, pattern, read_back, rule, write_bio};

const SECOND: u64 = 1_000_000_000;

fn on(transition: Transition, nth: u64, action: Action) -> Rule {
    let op = OpClass::Transition(transition);
    let mut rule = rule(op, Phase::Submission, action, 1);
    rule.when.nth = Some(nth);
    rule
}

/// Writes ten times against the rules, reads everything back, and returns driver and time.
fn survives(rules: Vec<Rule>) -> (std::rc::Rc<Machine>, Driver, u64) {
    let machine = Machine::with_rules(rules);
    let driver = machine.live();
    let start = machine.now_ns();
    let tickets: Vec<_> =
        (0..10).map(|i| driver.submit(write_bio(&driver, i * 4, 2, i as u8)).unwrap()).collect();
    for ticket in tickets {
        assert_eq!(driver.wait(ticket).result, Ok(()));
    }
    for i in 0..10 {
        assert!(read_back(&driver, i * 4, 2) == bytes(&pattern(&driver, 2, i as u8)));
    }
    machine.assert_all_rules_fired();
    let took_ns = machine.now_ns() - start;
    (machine, driver, took_ns)
}

#[test]
fn ready_that_follows_late_but_within_the_time_out_is_waited_for() {
    let late = Action::RdyDelay(SECOND / 10);
    for transition in [Transition::Enable, Transition::Disable] {
        let rules = vec![
            io_rule(Phase::Submission, Action::Cfs, 1),
            // The first enable is the probe's, the second the reset's. The probe disables, too, but
            // CC.EN is 0 already then.
            on(transition, if transition == Transition::Enable { 2 } else { 1 }, late.clone()),
        ];
        let (_, driver, took_ns) = survives(rules);
        assert_eq!(driver.counters().resets, 1);
        assert!((SECOND / 10..40 * SECOND).contains(&took_ns), "{took_ns}");
    }
}

#[test]
fn ready_that_never_follows_fails_what_is_in_flight_in_bounded_time() {
    for (transition, nth, action, stage) in [
        (Transition::Enable, 2, Action::RdyNever, Stage::Enable),
        (Transition::Disable, 1, Action::RdyNever, Stage::Disable),
        (Transition::Disable, 1, Action::IgnoreReset, Stage::Disable),
        (Transition::Disable, 1, Action::RdyDelay(1000 * SECOND), Stage::Disable),
    ] {
        let case = format!("{transition:?} {action:?}");
        let machine = Machine::with_rules(vec![
            io_rule(Phase::Submission, Action::Hang, 1),
            rule(OpClass::Admin(AdminOpcode::ABORT), Phase::Submission, Action::IgnoreAbort, 1),
            on(transition, nth, action),
        ]);
        let driver = machine.live();
        let result = driver.execute(write_bio(&driver, 7, 2, 1)).result;
        assert!(result.is_err(), "{case}");
        machine.assert_all_rules_fired();
        let failure = driver.failure();
        assert!(
            matches!(failure, Some(Error::NotReady { stage: at, .. }) if at == stage),
            "{case}: {failure:?}"
        );
        assert!(machine.now_ns() < 300 * SECOND, "{case}");
        let later = driver.submit(write_bio(&driver, 7, 2, 1));
        assert!(later.is_err(), "{case}");
    }
}

#[test]
fn a_shutdown_that_is_ignored_ends_in_a_time_out() {
    let machine = Machine::with_rules(vec![on(Transition::Shutdown, 1, Action::IgnoreShutdown)]);
    let driver = machine.live();
    let result = driver.shut_down();
    assert!(matches!(result, Err(Error::NotReady { stage: Stage::Shutdown, .. })), "{result:?}");
    machine.assert_all_rules_fired();
    assert!(machine.now_ns() < 300 * SECOND);
}

#[test]
fn a_wrong_queue_or_head_in_a_completion_is_counted_and_decides_nothing() {
    for action in [Action::WrongSqid(7), Action::WrongSqhd(0xfff0)] {
        let (_, driver, took_ns) = survives(vec![io_rule(Phase::Completion, action, 3)]);
        let c = driver.counters();
        assert_eq!((c.bad_queue_fields, c.timeouts, c.resets), (3, 0, 0));
        assert!(took_ns < SECOND);
    }
}

#[test]
fn a_completion_with_the_wrong_phase_leads_to_a_reset_and_no_harm() {
    let inverted = io_rule(Phase::Completion, Action::WrongPhase(PhaseFault::Inverted), 1);
    let (_, driver, took_ns) = survives(vec![inverted]);
    assert!(driver.counters().resets >= 1);
    assert!(took_ns < 300 * SECOND, "{took_ns}");
}

#[test]
fn a_frozen_phase_is_cured_by_a_reset() {
    let frozen = io_rule(Phase::Completion, Action::WrongPhase(PhaseFault::Frozen), 1);
    let machine = Machine::with_rules(vec![frozen]);
    let driver = machine.live();
    // More than the queue has entries, so that it wraps.
    for i in 0..3000_u64 {
        let done = driver.execute(write_bio(&driver, i % 100, 1, i as u8));
        assert_eq!(done.result, Ok(()), "write {i}");
        if driver.counters().resets > 0 {
            break;
        }
    }
    assert_eq!(driver.counters().resets, 1);
    assert!(machine.now_ns() < 300 * SECOND);
    let done = driver.execute(write_bio(&driver, 5, 1, 77));
    assert_eq!(done.result, Ok(()));
    assert!(read_back(&driver, 5, 1) == bytes(&pattern(&driver, 1, 77)));
}

#[test]
fn an_interrupt_without_a_completion_is_harmless() {
    let spurious = io_rule(Phase::Submission, Action::SpuriousInterrupt, 5);
    let (_, driver, took_ns) = survives(vec![spurious]);
    let c = driver.counters();
    assert_eq!((c.timeouts, c.resets, c.interrupts_missed), (0, 0, 0));
    assert!(took_ns < SECOND);
}

#[test]
fn a_late_interrupt_makes_a_request_late_but_not_wrong() {
    let late = io_rule(Phase::Completion, Action::LateInterrupt(SECOND), 1);
    let machine = Machine::with_rules(vec![late]);
    let driver = machine.live();
    let start = machine.now_ns();
    assert_eq!(driver.execute(write_bio(&driver, 1, 1, 1)).result, Ok(()));
    let took_ns = machine.now_ns() - start;
    assert!((SECOND..2 * SECOND).contains(&took_ns), "{took_ns}");
    assert_eq!((driver.counters().timeouts, driver.counters().resets), (0, 0));
    let (_, driver, _) =
        survives(vec![io_rule(Phase::Completion, Action::LateInterrupt(SECOND), 4)]);
    assert_eq!((driver.counters().timeouts, driver.counters().resets), (0, 0));
}

#[test]
fn a_late_interrupt_beyond_the_time_out_is_overtaken_by_polling() {
    let late = io_rule(Phase::Completion, Action::LateInterrupt(100 * SECOND), 1);
    let machine = Machine::with_rules(vec![late]);
    let driver = machine.live();
    assert_eq!(driver.execute(write_bio(&driver, 1, 1, 1)).result, Ok(()));
    assert_eq!(driver.counters().interrupts_missed, 1);
    // It still comes, while others are in flight.
    for block in 0..50 {
        let done = driver.execute(write_bio(&driver, block, 1, 2));
        assert_eq!(done.result, Ok(()));
    }
    assert_eq!(driver.counters().resets, 0);
}

/// The driver never deletes a queue: it shuts down or resets, and either forgets them all. So a
/// controller that ignores deletions has nothing to ignore.
#[test]
fn no_queue_is_ever_deleted_so_an_ignored_deletion_cannot_hurt() {
    let ignored = [AdminOpcode::DELETE_IO_SQ, AdminOpcode::DELETE_IO_CQ].map(|opcode| {
        let op = OpClass::Admin(opcode);
        rule(op, Phase::Submission, Action::IgnoreDeleteQueue, 1)
    });
    let reset = io_rule(Phase::Submission, Action::Cfs, 1);
    let rules = ignored.into_iter().chain([reset]).collect();
    let machine = Machine::with_rules(rules);
    let driver = machine.live();
    let written = bytes(&pattern(&driver, 1, 9));
    assert_eq!(driver.execute(write_bio(&driver, 3, 1, 9)).result, Ok(()));
    assert_eq!(driver.counters().resets, 1);
    assert_eq!(driver.shut_down(), Ok(()));
    let fired = machine.controller(|controller| {
        let counts = controller.faults().counts();
        counts.map(|(_, counts)| counts.fired).collect::<Vec<_>>()
    });
    assert_eq!(fired, [0, 0, 1]);
    drop(driver);
    machine.power_cut();
    assert!(read_back(&machine.live(), 3, 1) == written);
}

#[test]
fn a_failed_data_transfer_is_tried_again() {
    let failed = io_rule(Phase::Submission, Action::DmaError(DmaTarget::Data), 4);
    let (_, driver, _) = survives(vec![failed]);
    let c = driver.counters();
    assert_eq!((c.retries, c.timeouts, c.resets), (4, 0, 0));
    let lasting = io_rule(Phase::Submission, Action::DmaError(DmaTarget::Data), 6);
    let machine = Machine::with_rules(vec![lasting]);
    let driver = machine.live();
    let result = driver.execute(write_bio(&driver, 7, 2, 1)).result;
    assert!(matches!(result, Err(ref error) if *error != BlockError::Timeout), "{result:?}");
}

#[test]
fn an_entry_that_cannot_be_fetched_or_posted_is_cured_by_a_reset() {
    for (phase, target) in
        [(Phase::Submission, DmaTarget::Sqe), (Phase::Completion, DmaTarget::Cqe)]
    {
        let (_, driver, took_ns) = survives(vec![io_rule(phase, Action::DmaError(target), 1)]);
        assert_eq!(driver.counters().resets, 1);
        assert!(took_ns < 40 * SECOND, "{took_ns}");
    }
}

#[test]
fn delays_of_every_distribution_change_when_and_not_what() {
    let ms = 1_000_000;
    for distribution in [
        Distribution::Uniform { min_ns: ms, max_ns: 50 * ms },
        Distribution::Normal { mean_ns: 10 * ms, deviation_ns: 5 * ms },
        Distribution::Lognormal { median_ns: ms, sigma_ppm: 1_000_000 },
        Distribution::Pareto { min_ns: ms, alpha_ppm: 1_500_000 },
        Distribution::Burst { delay_ns: 100 * ms, length: 3, period: 5 },
    ] {
        let mut delays = io_rule(Phase::Submission, Action::RandomDelay(distribution.clone()), 1);
        delays.until.count = None;
        delays.matcher.op = OpClass::Io(NvmOpcode::WRITE);
        let (first, driver, _) = survives(vec![delays.clone()]);
        assert_eq!(driver.counters().resets, 0);
        let (second, ..) = survives(vec![delays]);
        assert!(first.trace() == second.trace(), "{distribution:?}");
    }
}
