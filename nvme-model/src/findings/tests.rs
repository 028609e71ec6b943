use nvme_spec::Sqe;
use nvme_spec::register::{self as reg, Cc, Doorbell, SHN_NORMAL};

use crate::rig::{DATA, ENTRIES, Rig};
use crate::{Event, FindingKind};

/// What was found, and that the trace says the same.
fn found(rig: &Rig) -> Vec<FindingKind> {
    let traced = rig.seen(|event| match event {
        Event::Finding { kind, .. } => Some(*kind),
        _ => None,
    });
    let kept: Vec<FindingKind> = rig.controller.findings().last().map(|found| found.kind).collect();
    assert_eq!(kept, traced);
    kept
}

#[test]
fn a_driver_without_fault_has_no_findings() {
    let mut rig = Rig::new();
    rig.controller.findings_mut().watch_pages();
    for lba in 0..40 {
        rig.write_block(lba, 1, false);
        rig.read_block(lba).expect("good");
    }
    rig.admin_page(Sqe::identify(1, 0));
    rig.write32(reg::CSTS, 1 << 4);
    rig.disable();
    rig.enable();
    assert!(rig.controller.findings().is_empty());
}

#[test]
fn an_identifier_in_use_is_found() {
    let mut rig = Rig::faulty(&["flush nth=1 => delay=1s"]);
    rig.submit_as(1, 7, Sqe::flush(1));
    rig.submit_as(1, 7, Sqe::flush(1));
    rig.settle();
    assert_eq!(found(&rig), [FindingKind::CidInUse]);
}

#[test]
fn doorbells_that_cannot_be_are_found() {
    let mut rig = Rig::new();
    rig.write32(Doorbell::SqTail(1).offset(0), ENTRIES);
    rig.write32(Doorbell::CqHead(1).offset(0), 3);
    rig.write32(Doorbell::SqTail(9).offset(0), 1);
    rig.disable();
    rig.write32(Doorbell::SqTail(0).offset(0), 1);
    let value = FindingKind::DoorbellValue;
    let expected = [value, value, FindingKind::DoorbellRegister, FindingKind::DoorbellBeforeReady];
    assert_eq!(found(&rig), expected);
}

#[test]
fn a_tail_that_goes_back_is_a_race_whether_or_not_the_entries_were_fetched() {
    let mut rig = Rig::faulty(&["flush => hang"]);
    let tail = Doorbell::SqTail(1).offset(0);
    for cid in 0..4 {
        rig.enqueue(1, cid, Sqe::flush(1));
    }
    let ring = |rig: &mut Rig, value: u32| {
        let now_ns = rig.now_ns;
        rig.controller.mmio_write(now_ns, tail, &value.to_le_bytes(), &mut rig.trace);
    };
    ring(&mut rig, 2);
    ring(&mut rig, 1);
    assert_eq!(found(&rig), [FindingKind::DoorbellRace], "not fetched: refused");
    rig.step();
    assert_eq!(
        rig.seen(|event| matches!(event, Event::Fetch { sqid: 1, .. }).then_some(())).len(),
        2
    );
    ring(&mut rig, 4);
    rig.step();
    // To the controller these are 15 new entries; the host cannot know that there is room for them.
    ring(&mut rig, 3);
    assert_eq!(found(&rig), [FindingKind::DoorbellRace; 2]);
    rig.step();
    let fetched = rig.seen(|event| matches!(event, Event::Fetch { sqid: 1, .. }).then_some(()));
    assert_eq!(fetched.len() as u32, ENTRIES - 1, "as many as completions have places");
}

#[test]
fn entries_over_such_as_may_not_have_been_read_are_found() {
    let mut rig = Rig::faulty(&["flush => hang"]);
    for cid in 0..10 {
        rig.submit_as(1, cid, Sqe::flush(1));
    }
    for cid in 10..16 {
        rig.enqueue(1, cid, Sqe::flush(1));
    }
    rig.ring_quietly(1);
    assert_eq!(found(&rig), [FindingKind::DoorbellValue]);
}

#[test]
fn a_head_that_goes_back_is_a_race_and_one_past_what_was_posted_is_not() {
    let mut rig = Rig::new();
    for _ in 0..3 {
        rig.submit(1, Sqe::flush(1));
    }
    rig.settle();
    rig.reap(1);
    let head = Doorbell::CqHead(1).offset(0);
    rig.write32(head, 2);
    assert_eq!(found(&rig), [FindingKind::DoorbellRace]);
    rig.write32(head, 5);
    assert_eq!(found(&rig), [FindingKind::DoorbellRace, FindingKind::DoorbellValue]);
    rig.write32(head, 3);
    assert_eq!(found(&rig).len(), 2, "writing the same again is no mistake");
}

#[test]
fn writes_to_registers_that_cannot_be_written_are_found() {
    let mut rig = Rig::new();
    rig.write32(reg::VS, 0);
    rig.write64(reg::CAP, 0);
    rig.write32(reg::CSTS, 1);
    rig.write64(reg::ASQ, 0x1000);
    let read_only = FindingKind::ReadOnlyRegister;
    let queue = FindingKind::AdminQueueWhileEnabled;
    assert_eq!(found(&rig), [read_only, read_only, read_only, read_only, queue, queue]);
}

#[test]
fn completions_that_nobody_takes_are_found_once() {
    let mut rig = Rig::new();
    for _ in 0..ENTRIES - 1 {
        rig.submit(1, Sqe::flush(1));
        rig.settle();
    }
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(found(&rig), []);
    for _ in 0..3 {
        rig.now_ns += 1_000_000_000;
        rig.step();
    }
    assert_eq!(found(&rig), [FindingKind::CompletionsNotReaped]);
}

#[test]
fn a_page_of_two_commands_in_flight_is_found_if_one_of_them_writes_it() {
    let mut rig = Rig::new();
    rig.controller.findings_mut().watch_pages();
    rig.submit(1, Sqe::write(1, 0, 0, false).with_prp(DATA, 0));
    rig.submit(1, Sqe::write(1, 1, 0, false).with_prp(DATA, 0));
    rig.settle();
    assert_eq!(found(&rig), []);
    rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    rig.submit(1, Sqe::write(1, 1, 0, false).with_prp(DATA, 0));
    rig.settle();
    assert_eq!(found(&rig), [FindingKind::PageInFlight]);
}

#[test]
fn a_configuration_that_changes_while_enabled_is_found_and_what_drivers_do_with_cc_is_not() {
    let cc = Cc(0x0046_0001);
    for (word, is_found) in [
        (cc, false),
        (cc.with_shn(SHN_NORMAL), false),
        (cc.with_en(0), false),
        (Cc(0), false),
        (cc.with_en(0).with_mps(1), false),
        (cc.with_mps(1), true),
        (cc.with_ams(1), true),
        (cc.with_css(6), true),
        (cc.with_css(6).with_shn(SHN_NORMAL), true),
    ] {
        let mut rig = Rig::new();
        rig.write32(reg::CC, word.0);
        let expected = if is_found { vec![FindingKind::ConfigurationWhileEnabled] } else { vec![] };
        assert_eq!(found(&rig), expected, "{word:?}");
        rig.write32(reg::CC, word.0);
        assert_eq!(found(&rig), expected, "{word:?}: the same again changes nothing");
    }
}
