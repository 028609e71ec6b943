//! Shadow doorbells: what the host writes there counts, and is believed no more than a doorbell.

use nvme_spec::register::Doorbell;
use nvme_spec::{Sqe, status};
use proptest::prelude::*;

use crate::rig::{DATA, ENTRIES, Rig};
use crate::{Config, Event, FatalCause, FaultPlan, FindingKind, GuestMemory};

const VALUES: u64 = DATA + 50 * 4096;
const EVENTS: u64 = DATA + 51 * 4096;
const SQ1: u64 = 8;
const CQ1: u64 = 12;

fn configure(rig: &mut Rig) -> nvme_spec::StatusCode {
    rig.admin(Sqe::doorbell_buffer_config(VALUES, EVENTS)).0.code
}

fn rig() -> Rig {
    let mut rig = Rig::new();
    assert_eq!(configure(&mut rig), status::SUCCESS);
    rig.trace.clear();
    rig
}

fn set(rig: &Rig, at: u64, value: u32) {
    rig.memory_write(VALUES + at, &value.to_le_bytes());
}

fn event(rig: &Rig, at: u64) -> u32 {
    let mut bytes = [0; 4];
    rig.memory.read(EVENTS + at, &mut bytes).expect("granted");
    u32::from_le_bytes(bytes)
}

fn completions(rig: &Rig) -> usize {
    rig.seen(|event| matches!(event, Event::Complete { cqid: 1, .. }).then_some(())).len()
}

#[test]
fn a_command_is_found_without_a_ring_and_so_is_the_head_of_the_completion_queue() {
    let mut rig = rig();
    for lap in 0..5_u32 {
        for _ in 0..ENTRIES - 1 {
            rig.enqueue(1, (lap * ENTRIES) as u16 + rig.indices(1).0 as u16, Sqe::flush(1));
        }
        set(&rig, SQ1, rig.indices(1).0);
        rig.step();
        rig.settle();
        assert_eq!(completions(&rig) as u32, (lap + 1) * (ENTRIES - 1));
        set(&rig, CQ1, (lap + 1) * (ENTRIES - 1) % ENTRIES);
    }
}

#[test]
fn the_host_is_told_to_ring_at_the_next_command_unless_somebody_polls() {
    let mut rig = rig();
    rig.enqueue(1, 1, Sqe::flush(1));
    set(&rig, SQ1, 1);
    rig.step();
    assert_eq!((event(&rig, SQ1), event(&rig, CQ1)), (1, 0));
    let Rig { controller, memory, .. } = &mut rig;
    assert!(controller.has_shadow_doorbells());
    controller.set_polled(true, memory);
    assert_eq!((event(&rig, SQ1), event(&rig, CQ1)), (0, ENTRIES - 1));
    let Rig { controller, memory, .. } = &mut rig;
    controller.set_polled(false, memory);
    assert_eq!((event(&rig, SQ1), event(&rig, CQ1)), (1, 0));
}

#[test]
fn while_somebody_polls_the_event_index_moves_once_in_half_a_lap_and_is_never_passed() {
    let mut rig = rig();
    let Rig { controller, memory, .. } = &mut rig;
    controller.set_polled(true, memory);
    let mut moves = 0;
    for tail in (0..4 * ENTRIES).map(|step| (step + 1) % ENTRIES) {
        let (old, before) = ((tail + ENTRIES - 1) % ENTRIES, event(&rig, SQ1));
        assert_ne!(before, old, "the host would ring");
        rig.enqueue(1, tail as u16, Sqe::flush(1));
        set(&rig, SQ1, tail);
        rig.step();
        rig.settle();
        set(&rig, CQ1, tail);
        rig.step();
        moves += u32::from(event(&rig, SQ1) != before);
    }
    assert_eq!(moves, 4 * ENTRIES / 7, "half a lap is seven steps of sixteen");
}

#[test]
fn a_completion_ring_that_is_gone_is_fatal_once_while_somebody_polls_too() {
    let mut rig = rig();
    let Rig { controller, memory, .. } = &mut rig;
    controller.set_polled(true, memory);
    for cid in 1..7 {
        rig.enqueue(1, cid, Sqe::flush(1));
    }
    rig.memory.revoke(0x4_0000 + 3 * 4096);
    set(&rig, SQ1, 6);
    rig.step();
    rig.settle();
    let causes = rig.seen(|event| match event {
        Event::Fatal { cause } => Some(*cause),
        _ => None,
    });
    assert_eq!((causes, rig.read32(nvme_spec::register::CSTS)), (vec![FatalCause::CqPost], 3));
}

#[test]
fn a_value_that_makes_no_sense_is_reported_once_and_changes_nothing() {
    let mut rig = rig();
    rig.submit(0, Sqe::async_event_request());
    rig.settle();
    for (at, value) in [(SQ1, ENTRIES), (SQ1, 0xffff_ffff), (CQ1, 3)] {
        set(&rig, at, value);
        for _ in 0..3 {
            rig.step();
        }
    }
    let nonsense = rig.seen(|event| {
        matches!(event, Event::SqDoorbell { sqid: 1, .. } | Event::CqDoorbell { cqid: 1, .. })
            .then_some(())
    });
    assert_eq!(nonsense.len(), 3);
    rig.settle();
    assert_eq!(rig.seen(|e| matches!(e, Event::AsyncEvent { .. }).then_some(())).len(), 1);
    rig.enqueue(1, 1, Sqe::flush(1));
    set(&rig, SQ1, 1);
    rig.step();
    rig.settle();
    assert_eq!(completions(&rig), 1);
}

fn findings(rig: &Rig) -> Vec<FindingKind> {
    rig.controller.findings().last().map(|finding| finding.kind).collect()
}

#[test]
fn a_register_that_is_written_before_its_shadow_is_a_finding_each_time() {
    let mut rig = rig();
    for lap in 1..3 {
        rig.submit_as(1, lap, Sqe::flush(1));
        assert_eq!(findings(&rig), vec![FindingKind::DoorbellShadow; lap.into()]);
    }
    set(&rig, SQ1, 3);
    rig.submit_as(1, 3, Sqe::flush(1));
    rig.settle();
    assert_eq!((findings(&rig).len(), completions(&rig)), (2, 3), "all were carried out once");
    rig.reap(1);
    assert_eq!(findings(&rig).len(), 3, "the head has a shadow, too");
}

#[test]
fn a_register_that_comes_after_a_newer_shadow_is_late_and_no_finding() {
    let mut rig = rig();
    for cid in 1..4 {
        rig.enqueue(1, cid, Sqe::flush(1));
    }
    set(&rig, SQ1, 3);
    rig.step();
    rig.write32(Doorbell::SqTail(1).offset(0), 2);
    rig.settle();
    assert_eq!((findings(&rig), completions(&rig)), (vec![], 3));
}

#[test]
fn a_shadow_that_goes_back_or_is_nonsense_is_a_finding() {
    let mut rig = rig();
    rig.enqueue(1, 1, Sqe::flush(1));
    rig.enqueue(1, 2, Sqe::flush(1));
    for (value, expected) in [
        (2, None),
        // The two are in flight: what is fetched now are old entries.
        (1, Some(FindingKind::DoorbellRace)),
        (ENTRIES, Some(FindingKind::DoorbellValue)),
    ] {
        let before = findings(&rig).len();
        set(&rig, SQ1, value);
        rig.step();
        assert_eq!(findings(&rig).get(before).copied(), expected);
    }
}

#[test]
fn pages_that_cannot_be_are_refused_and_the_old_ones_stay() {
    let mut rig = rig();
    let refused = [
        (VALUES + 4, EVENTS, status::INVALID_FIELD),
        (VALUES, EVENTS + 2048, status::INVALID_FIELD),
        (0xdead_0000, EVENTS, status::DATA_TRANSFER_ERROR),
        (VALUES, !0xfff, status::DATA_TRANSFER_ERROR),
    ];
    for (values, events, code) in refused {
        let sqe = Sqe::doorbell_buffer_config(values, events);
        assert_eq!(rig.admin(sqe).0.code, code, "{values:#x} {events:#x}");
    }
    rig.enqueue(1, 1, Sqe::flush(1));
    set(&rig, SQ1, 1);
    rig.step();
    rig.settle();
    assert_eq!(completions(&rig), 1);
}

#[test]
fn a_page_that_goes_away_does_no_harm_and_the_register_still_counts() {
    let mut rig = rig();
    rig.memory.revoke(VALUES);
    rig.memory.revoke(EVENTS);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(completions(&rig), 1);
}

#[test]
fn a_reset_ends_it() {
    let mut rig = rig();
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    rig.enqueue(1, 1, Sqe::flush(1));
    set(&rig, SQ1, 1);
    rig.step();
    assert!(!rig.controller.has_shadow_doorbells());
    assert_eq!(rig.seen(|e| matches!(e, Event::Fetch { sqid: 1, .. }).then_some(())).len(), 0);
}

#[test]
fn queues_whose_doorbells_lie_beyond_the_page_are_rung_by_register() {
    let config = Config { dstrd: 8, ..Config::default() };
    let mut rig = Rig::off(config, FaultPlan::none());
    rig.enable();
    rig.create_pair(1, 1);
    rig.create_pair(3, 3);
    assert_eq!(configure(&mut rig), status::SUCCESS);
    rig.enqueue(1, 1, Sqe::flush(1));
    set(&rig, 2 * (4 << 8), 1);
    rig.submit_as(3, 1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.peek(1).len() + rig.peek(3).len(), 2);
}

#[test]
fn the_command_is_advertised_and_listed() {
    let mut rig = Rig::new();
    let page = rig.admin_page(Sqe::identify(1, 0)).1;
    assert_eq!(u16::from_le_bytes([page[256], page[257]]) >> 8 & 1, 1, "OACS");
    let effects = rig.admin_page(Sqe::get_log_page(5, 0xffff_ffff, 0x3ff, 0)).1;
    assert_eq!(effects[0x7c * 4] & 1, 1);
}

proptest! {
    /// Whatever the host puts into the pages, and whenever: no panic, and no completion for nothing.
    #[test]
    fn random_shadow_values_complete_no_more_than_was_fetched(
        acts in prop::collection::vec((0_u64..32, prop_oneof![0..20_u32, any::<u32>()]), 1..60),
    ) {
        let mut rig = rig();
        for cid in 0..ENTRIES - 1 {
            rig.enqueue(1, cid as u16, Sqe::flush(1));
        }
        for (at, value) in acts {
            set(&rig, at * 4, value);
            rig.step();
            rig.now_ns += 100_000;
            rig.step();
        }
        let count = |pick: fn(&Event) -> bool| rig.seen(|e| pick(e).then_some(())).len();
        let fetched = count(|event| matches!(event, Event::Fetch { sqid: 1, .. }));
        let completed = count(|event| matches!(event, Event::Complete { cqid: 1, .. }));
        prop_assert!(completed <= fetched, "{completed} of {fetched}");
    }
}
