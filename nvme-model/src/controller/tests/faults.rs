//! What each action does to a real command.

use nvme_spec::log::LID_ERROR;
use nvme_spec::register as reg;
use nvme_spec::{Sqe, feature, status};

use crate::fault::ActionKind;
use crate::rig::{DATA, Rig};
use crate::{Event, LabWake};

#[test]
fn the_nth_matching_read_fails_with_the_status_given() {
    let mut rig = Rig::faulty(&["read lba=10..20 nth=2 => status=media/unrecovered-read dnr more"]);
    rig.read_block(10).expect("first match");
    rig.read_block(20).expect("no match");
    let status = rig.read_block(15).expect_err("second match");
    assert_eq!(status.to_string(), "media/unrecovered-read more dnr");
    rig.read_block(15).expect("third match");
    let (_, counts) = rig.controller.faults().counts().next().expect("a rule");
    assert_eq!((counts.planned, counts.armed, counts.fired), (1, 3, 1));
    assert_eq!(rig.controller.faults().unfired().count(), 0);
}

#[test]
fn a_retry_delay_is_sent_only_to_a_host_that_enabled_it_and_the_error_log_says_the_same() {
    let mut rig = Rig::faulty(&["io => status=generic/command-interrupted crd=3"]);
    let mut crds = Vec::new();
    for is_enabled in [false, true, false] {
        if is_enabled {
            rig.support(feature::HOST_BEHAVIOR_ACRE);
        }
        let (status, _) = rig.run(1, Sqe::flush(1));
        let (_, log) = rig.admin_page(Sqe::get_log_page(LID_ERROR, 0, 15, 0));
        assert_eq!(u16::from_le_bytes([log[12], log[13]]) >> 1, status.to_raw());
        crds.push(status.crd);
        if is_enabled {
            // The host's behavior does not outlive a reset.
            rig.disable();
            rig.enable();
            rig.create_pair(1, 1);
        }
    }
    assert_eq!(crds, [0, 3, 0]);
}

#[test]
fn an_event_that_fails_has_a_retry_delay_under_the_same_condition() {
    let mut rig = Rig::faulty(&["async-event-request => status=generic/command-interrupted crd=1"]);
    let mut crds = Vec::new();
    for is_enabled in [false, true] {
        if is_enabled {
            rig.support(feature::HOST_BEHAVIOR_ACRE);
        }
        rig.submit(0, Sqe::async_event_request());
        rig.write32(reg::Doorbell::SqTail(9).offset(0), 1);
        rig.settle();
        crds.extend(rig.reap(0).iter().map(|cqe| cqe.status().crd));
        // The type of event is masked until its log page was read.
        rig.admin_page(Sqe::get_log_page(LID_ERROR, 0, 15, 0));
    }
    assert_eq!(crds, [0, 1]);
}

#[test]
fn every_decision_is_an_event_and_in_the_log() {
    let mut rig = Rig::faulty(&["write every=2 => lost-write"]);
    for lba in 0..4 {
        rig.write_block(lba, 9, false);
    }
    let events = rig.seen(|event| match event {
        Event::Fault { command, action, fired, .. } => Some((*command, *action, *fired)),
        _ => None,
    });
    let log = rig.controller.faults().log();
    assert_eq!(events.len(), 2);
    for (event, (_, decision)) in events.iter().zip(log.iter()) {
        assert_eq!((event.0, event.1), (decision.command, ActionKind::LostWrite));
        assert_eq!((decision.rule, decision.action), (0, ActionKind::LostWrite));
    }
    let firsts: Vec<u8> = (0..4).map(|lba| rig.read_block(lba).expect("good")[0]).collect();
    assert_eq!(firsts, [9, 0, 9, 0]);
}

#[test]
fn a_delay_lets_others_overtake() {
    let mut rig = Rig::faulty(&["read nth=1 => delay=10ms"]);
    let slow = rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    let fast = rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    let begin = rig.now_ns;
    rig.settle();
    let order: Vec<u16> = rig.reap(1).iter().map(|cqe| cqe.cid.get()).collect();
    assert_eq!(order, [fast, slow]);
    assert_eq!(rig.now_ns - begin, 10_000_000 + 81_000);
}

#[test]
fn a_dropped_completion_never_comes_and_the_write_took_place() {
    let mut rig = Rig::faulty(&["write nth=1 => drop"]);
    rig.memory_write(DATA, &[5; 4096]);
    let cid = rig.submit(1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0));
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Forever);
    assert_eq!(rig.peek(1).len(), 0);
    assert_eq!(rig.on_media(3), 5);
    assert_eq!(rig.admin(Sqe::abort(1, cid)).1 & 1, 1, "there is nothing left to abort");
}

#[test]
fn a_hung_command_is_never_executed_but_can_be_aborted() {
    let mut rig = Rig::faulty(&["write nth=1 => hang"]);
    rig.memory_write(DATA, &[5; 4096]);
    let cid = rig.submit(1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0));
    rig.settle();
    assert_eq!((rig.peek(1).len(), rig.on_media(3)), (0, 0));
    assert_eq!(rig.admin(Sqe::abort(1, cid)).1 & 1, 0);
    assert_eq!(rig.reap(1)[0].status().code, status::ABORT_REQUESTED);
}

#[test]
fn an_ignored_abort_leaves_the_command_hanging() {
    let mut rig = Rig::faulty(&["write nth=1 => hang", "abort nth=1 => ignore-abort"]);
    let cid = rig.submit(1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0));
    assert_eq!(rig.admin(Sqe::abort(1, cid)).1 & 1, 1);
    assert_eq!(rig.peek(1).len(), 0);
    assert_eq!(rig.admin(Sqe::abort(1, cid)).1 & 1, 0);
}

#[test]
fn corruption_flips_exactly_the_byte_on_its_way() {
    let mut rig =
        Rig::faulty(&["read nth=1 => corrupt=10^0x80", "write nth=2 => corrupt=4097^0x01"]);
    rig.write_block(0, 0x11, false);
    let read = rig.read_block(0).expect("good");
    assert_eq!((read[9], read[10], read[11]), (0x11, 0x91, 0x11));
    assert_eq!(rig.read_block(0).expect("good")[10], 0x11, "the media is intact");
    rig.write_block(1, 0x22, false);
    let read = rig.read_block(1).expect("good");
    assert_eq!((read[0], read[1], read[2]), (0x22, 0x23, 0x22));
}

#[test]
fn an_injected_fatal_status_stops_everything_until_reset() {
    let mut rig = Rig::faulty(&["flush nth=1 => cfs"]);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 3);
    assert_eq!(rig.peek(1).len(), 0);
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
}

#[test]
fn an_injected_removal_turns_registers_to_ones() {
    for rule in ["flush => remove", "flush phase=completion => remove"] {
        let mut rig = Rig::faulty(&[rule]);
        rig.submit(1, Sqe::flush(1));
        rig.settle();
        assert_eq!(rig.read32(reg::CSTS), u32::MAX);
        assert!(rig.controller.is_removed());
    }
}

#[test]
fn completions_can_lie() {
    let mut rig = Rig::faulty(&[
        "flush nth=1 => duplicate",
        "flush nth=2 => wrong-cid=0xbeef",
        "flush nth=3 => lost-interrupt",
    ]);
    let cid = rig.submit(1, Sqe::flush(1));
    rig.settle();
    let found: Vec<u16> = rig.reap(1).iter().map(|cqe| cqe.cid.get()).collect();
    assert_eq!(found, [cid, cid]);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.reap(1)[0].cid.get(), 0xbeef);
    rig.lines.0.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!((rig.reap(1).len(), rig.lines.0.len()), (1, 0));
}

#[test]
fn a_status_at_completion_comes_after_the_write_took_place() {
    let mut rig = Rig::faulty(&["write nth=1 phase=completion => status=media/write-fault"]);
    assert_eq!(rig.write_block(3, 7, true).code, status::WRITE_FAULT);
    assert_eq!(rig.on_media(3), 7);
    let mut rig = Rig::faulty(&["write nth=1 => status=media/write-fault"]);
    assert_eq!(rig.write_block(3, 7, true).code, status::WRITE_FAULT);
    assert_eq!(rig.on_media(3), 0);
}

#[test]
fn rules_can_wait_for_time_and_for_each_other_and_end() {
    let mut rig = Rig::faulty(&[
        "write name=first nth=1 => status=media/write-fault",
        "read after=first => status=media/unrecovered-read count=1",
        "flush from=1s to=2s => status=generic/internal-error",
        "write-zeroes => status=generic/internal-error until-reset",
    ]);
    rig.read_block(0).expect("not yet");
    assert!(!rig.write_block(0, 1, false).is_success());
    rig.read_block(0).expect_err("now");
    rig.read_block(0).expect("only once");
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    rig.now_ns = 1_500_000_000;
    assert!(!rig.run(1, Sqe::flush(1)).0.is_success());
    rig.now_ns = 2_000_000_000;
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    assert!(!rig.run(1, Sqe::write_zeroes(1, 0, 0)).0.is_success());
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert!(rig.run(1, Sqe::write_zeroes(1, 0, 0)).0.is_success());
}

#[test]
fn rules_see_the_bits_of_the_entry_and_the_queue() {
    let mut rig = Rig::faulty(&["io queue=1 sqe=48:00000040/00000040 => status=2/80"]);
    assert!(rig.write_block(0, 1, false).is_success());
    assert_eq!(rig.write_block(0, 1, true).code, status::WRITE_FAULT, "FUA is bit 30 of dword 12");
}

#[test]
fn chances_depend_on_the_seed_alone() {
    let run = |seed| {
        let rule = "read chance=0.5 => status=media/unrecovered-read".parse().expect("a rule");
        let plan = crate::FaultPlan { seed, rules: vec![rule] };
        let mut rig = Rig::with(crate::Config::default(), plan);
        (0..64).map(|_| rig.read_block(0).is_ok()).collect::<Vec<bool>>()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
    let good = run(3).iter().filter(|is_ok| **is_ok).count();
    assert!((16..48).contains(&good), "{good} of 64");
}

#[test]
fn a_rule_that_never_fired_is_reported() {
    let rig = Rig::faulty(&["compare name=never => drop"]);
    let names: Vec<_> = rig.controller.faults().unfired().map(|rule| rule.name.clone()).collect();
    assert_eq!(names, [Some("never".to_owned())]);
}
