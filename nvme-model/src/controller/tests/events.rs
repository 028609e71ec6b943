//! Asynchronous events and what happens to bad doorbells.

use nvme_spec::register::Doorbell;
use nvme_spec::{Sqe, feature, status};

use crate::Event;
use crate::rig::Rig;

#[test]
fn a_request_is_parked_and_completes_only_with_an_event() {
    let mut rig = Rig::new();
    let cid = rig.submit(0, Sqe::async_event_request());
    rig.settle();
    assert_eq!(rig.reap(0).len(), 0);
    rig.write32(Doorbell::SqTail(9).offset(0), 1);
    rig.settle();
    let found = rig.reap(0);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].cid.get(), found[0].dw0.get()), (cid, 0x0001_0000));
}

#[test]
fn a_doorbell_of_a_queue_that_was_never_created_is_answered_as_late_as_everything_else() {
    let mut rig = Rig::new();
    rig.submit(0, Sqe::async_event_request());
    rig.settle();
    assert!(rig.controller.answers_take_time());
    let (rung_at, admin_ns) = (rig.now_ns, rig.controller.config().timing.admin_ns);
    for queue in 9..99 {
        rig.write32(Doorbell::SqTail(queue).offset(0), 1);
    }
    let told = |rig: &Rig| {
        let is_event = |(_, event): &&(u64, Event)| matches!(event, Event::AsyncEvent { .. });
        rig.trace.iter().filter(is_event).map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(told(&rig), [0; 0]);
    assert_eq!(rig.controller.next_event(), Some(rung_at + admin_ns));
    rig.settle();
    assert_eq!(told(&rig), [rung_at + admin_ns], "once, however often it rang");
}

#[test]
fn a_reset_forgets_what_was_wrong_with_doorbells() {
    let mut rig = Rig::new();
    rig.write32(Doorbell::SqTail(9).offset(0), 1);
    rig.disable();
    assert_eq!(rig.controller.next_event(), None);
}

#[test]
fn a_doorbell_value_outside_of_its_queue_is_an_error_event_and_changes_nothing() {
    let mut rig = Rig::new();
    rig.submit(0, Sqe::async_event_request());
    rig.write32(Doorbell::SqTail(1).offset(0), 16);
    rig.settle();
    assert_eq!(rig.reap(0).first().map(|cqe| cqe.dw0.get()), Some(0x0001_0100));
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
}

/// Queue, identifier and status code of the newest entry of the error log.
fn newest_error(rig: &mut Rig) -> (u16, u16, u16) {
    let (_, log) = rig.admin_page(Sqe::get_log_page(1, 0, 15, 0));
    let word = |at: usize| u16::from_le_bytes([log[at], log[at + 1]]);
    (word(8), word(10), word(12) >> 1 & 0x7ff)
}

#[test]
fn an_error_event_has_its_entry_in_the_error_log_which_belongs_to_no_command() {
    let mut rig = Rig::faulty(&["flush nth=1 => aen=error/transient-internal"]);
    rig.write32(Doorbell::SqTail(9).offset(0), 1);
    let raw = |code: nvme_spec::StatusCode| u16::from(code.sct) << 8 | u16::from(code.sc);
    assert_eq!(newest_error(&mut rig), (0xffff, 0xffff, raw(status::INVALID_QUEUE_IDENTIFIER)));
    rig.write32(Doorbell::SqTail(1).offset(0), 16);
    assert_eq!(newest_error(&mut rig), (0xffff, 0xffff, raw(status::INVALID_FIELD)));
    rig.run(1, Sqe::flush(1));
    assert_eq!(newest_error(&mut rig), (0xffff, 0xffff, raw(status::INTERNAL_ERROR)));
    let (_, smart) = rig.admin_page(Sqe::get_log_page(2, 0, 127, 0));
    assert_eq!(smart[176], 3, "SMART counts the entries");
}

#[test]
fn one_request_more_than_the_limit_fails_and_the_others_stay() {
    let mut rig = Rig::new();
    for _ in 0..4 {
        rig.submit(0, Sqe::async_event_request());
    }
    rig.settle();
    assert_eq!(rig.reap(0).len(), 0);
    assert_eq!(rig.admin(Sqe::async_event_request()).0.code, status::AER_LIMIT_EXCEEDED);
}

#[test]
fn a_parked_request_can_be_aborted() {
    let mut rig = Rig::new();
    let cid = rig.submit(0, Sqe::async_event_request());
    rig.settle();
    let abort = rig.submit(0, Sqe::abort(0, cid));
    rig.settle();
    let found: Vec<_> =
        rig.reap(0).iter().map(|cqe| (cqe.cid.get(), cqe.status().code, cqe.dw0.get())).collect();
    assert_eq!(found, [(cid, status::ABORT_REQUESTED, 0), (abort, status::SUCCESS, 0)]);
}

#[test]
fn a_type_is_reported_again_only_after_its_log_was_read_without_retaining() {
    let mut rig = Rig::new();
    let bad_bell = |rig: &mut Rig, qid| {
        rig.write32(Doorbell::SqTail(qid).offset(0), 1);
        rig.settle();
    };
    for _ in 0..3 {
        rig.submit(0, Sqe::async_event_request());
    }
    rig.settle();
    bad_bell(&mut rig, 9);
    bad_bell(&mut rig, 10);
    assert_eq!(rig.reap(0).len(), 1);
    let mut retained = Sqe::get_log_page(1, 0, 15, 0);
    retained.cdw10 = (retained.cdw10.get() | 1 << 15).into();
    assert!(rig.admin_page(retained).0.is_success());
    bad_bell(&mut rig, 11);
    assert_eq!(rig.reap(0).len(), 0);
    let read = rig.submit(0, Sqe::get_log_page(1, 0, 15, 0).with_prp(crate::rig::DATA, 0));
    rig.settle();
    bad_bell(&mut rig, 12);
    let cids: Vec<u16> = rig.reap(0).iter().map(|cqe| cqe.cid.get()).collect();
    assert_eq!((cids.len(), cids[0]), (2, read));
}

#[test]
fn a_temperature_over_its_threshold_is_reported_if_the_host_wants_to_know() {
    let mut rig = Rig::new();
    rig.submit(0, Sqe::async_event_request());
    rig.settle();
    assert!(rig.admin(Sqe::set_features(feature::TEMPERATURE_THRESHOLD, 300)).0.is_success());
    assert_eq!(rig.reap(0).len(), 0);
    rig.submit(0, Sqe::set_features(feature::ASYNC_EVENT_CONFIG, 2));
    rig.settle();
    let found: Vec<u32> = rig.reap(0).iter().map(|cqe| cqe.dw0.get()).collect();
    assert_eq!(found, [0, 0x0002_0101]);
    let (_, page) = rig.admin_page(Sqe::get_log_page(2, 0, 127, 0));
    assert_eq!(page[0], 2, "critical warning");
}
