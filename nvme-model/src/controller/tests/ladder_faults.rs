//! Faults that take a rung out of a driver's ladder: resets, queue deletions, readiness, DMA.

use nvme_spec::register as reg;
use nvme_spec::{Sqe, status};

use crate::event::FatalCause;
use crate::rig::{DATA, Rig};
use crate::{Config, Event, FaultPlan};

const ENABLED: u32 = 0x0046_0001;
const DISABLED: u32 = 0x0046_0000;

/// A controller that is switched on, with the admin queue described, not enabled.
fn off(rules: &[&str]) -> Rig {
    let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    let mut rig = Rig::off(Config::default(), FaultPlan { seed: 1, rules });
    rig.write32(reg::AQA, 15 << 16 | 15);
    rig.write64(reg::ASQ, 0x4_0000);
    rig.write64(reg::ACQ, 0x4_1000);
    rig
}

fn fatal(rig: &Rig) -> Vec<FatalCause> {
    rig.seen(|event| match event {
        Event::Fatal { cause } => Some(*cause),
        _ => None,
    })
}

#[test]
fn ready_never_follows_enable_until_the_next_try() {
    let mut rig = off(&["enable nth=1 => rdy-never"]);
    rig.write32(reg::CC, ENABLED);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 0);
    rig.write32(reg::CC, DISABLED);
    rig.write32(reg::CC, ENABLED);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 1);
}

#[test]
fn ready_follows_enable_later_by_exactly_the_delay() {
    let mut rig = off(&["enable nth=1 => rdy-delay=5s"]);
    let begin = rig.now_ns;
    rig.write32(reg::CC, ENABLED);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 1);
    let normal = Config::default().timing.ready_ns;
    assert_eq!(rig.now_ns - begin, 5_000_000_000 + normal);
}

#[test]
fn ready_stays_after_disable_though_the_controller_is_reset() {
    for (rule, clears_at) in [
        ("disable nth=1 => rdy-delay=2s", Some(2_000_000_000)),
        ("disable nth=1 => rdy-never", None),
    ] {
        let mut rig = Rig::faulty(&[rule]);
        rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
        let begin = rig.now_ns;
        rig.write32(reg::CC, DISABLED);
        assert_eq!(rig.read32(reg::CSTS), 1, "{rule}");
        rig.settle();
        assert_eq!(rig.peek(1).len(), 0, "the read is gone");
        match clears_at {
            Some(after) => {
                assert_eq!(rig.now_ns - begin, after);
                assert_eq!(rig.read32(reg::CSTS), 0);
            }
            None => assert_eq!(rig.read32(reg::CSTS), 1),
        }
        // A host that enables nevertheless sees RDY go and come back.
        rig.write32(reg::CC, ENABLED);
        assert_eq!(rig.read32(reg::CSTS), 0);
        rig.settle();
        assert_eq!(rig.read32(reg::CSTS), 1);
    }
}

#[test]
fn an_ignored_reset_keeps_queues_commands_and_ready() {
    let mut rig = Rig::faulty(&["disable nth=1 => ignore-reset"]);
    rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    rig.write32(reg::CC, DISABLED);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 1);
    assert_eq!(rig.read32(reg::CC), DISABLED, "the register holds it");
    assert_eq!(rig.reap(1).len(), 1, "it works on");
    rig.read_block(3).expect("and on");
    rig.write32(reg::CC, DISABLED);
    assert_eq!(rig.read32(reg::CSTS), 0, "the second try is noticed");
}

#[test]
fn the_end_of_an_ignored_reset_is_not_noticed_either() {
    let mut rig = Rig::faulty(&["disable nth=1 => ignore-reset"]);
    rig.write32(reg::CC, DISABLED);
    rig.write32(reg::CC, ENABLED);
    rig.read_block(3).expect("the old queues");
    let resets = rig.seen(|event| matches!(event, Event::Reset { .. }).then_some(()));
    assert_eq!(resets.len(), 0);
}

#[test]
fn an_ignored_subsystem_reset_does_nothing() {
    let mut rig = Rig::faulty(&["subsystem-reset nth=1 => ignore-reset"]);
    rig.write32(reg::NSSR, reg::NSSR_MAGIC);
    rig.read_block(3).expect("nothing happened");
    rig.write32(reg::NSSR, reg::NSSR_MAGIC);
    assert_eq!(rig.read32(reg::CSTS), 1 << 4);
}

#[test]
fn an_ignored_shutdown_stays_at_occurring_until_a_reset() {
    let mut rig = Rig::faulty(&["shutdown nth=1 => ignore-shutdown"]);
    rig.write_block(3, 9, false);
    rig.write32(reg::CC, ENABLED | 1 << 14);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS) >> 2 & 3, 1);
    assert_eq!(rig.on_media(3), 0, "and the cache is not flushed");
    rig.write32(reg::CC, DISABLED);
    assert_eq!(rig.read32(reg::CSTS), 0);
}

#[test]
fn a_transition_can_be_fatal_or_the_end() {
    let mut rig = off(&["enable nth=1 => cfs"]);
    rig.write32(reg::CC, ENABLED);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 2);
    let mut rig = Rig::faulty(&["disable => remove"]);
    rig.write32(reg::CC, DISABLED);
    assert_eq!(rig.read32(reg::CSTS), u32::MAX);
}

#[test]
fn rules_about_any_command_do_not_see_transitions() {
    let mut rig = Rig::faulty(&["any => delay=1ns"]);
    let armed = |rig: &Rig| rig.controller.faults().counts().map(|(_, c)| c.armed).sum();
    let before: u64 = armed(&rig);
    rig.disable();
    rig.enable();
    assert_eq!(before, armed(&rig));
}

#[test]
fn a_queue_whose_deletion_is_ignored_goes_on() {
    let mut rig = Rig::faulty(&["delete-io-sq nth=1 => ignore-delete-queue"]);
    assert!(rig.admin(Sqe::delete_io_sq(1)).0.is_success());
    rig.read_block(3).expect("the queue is there");
    let refused = rig.admin(Sqe::delete_io_cq(1)).0;
    assert_eq!(refused.code, status::INVALID_QUEUE_DELETION);
    assert!(rig.admin(Sqe::delete_io_sq(1)).0.is_success());
    assert!(rig.admin(Sqe::delete_io_cq(1)).0.is_success());
}

#[test]
fn a_data_transfer_that_fails_moves_nothing_and_may_be_retried() {
    let mut rig = Rig::faulty(&["io nth=1 => dma-error=data", "identify => dma-error=data"]);
    let status = rig.write_block(3, 9, true);
    assert_eq!((status.code, status.dnr), (status::DATA_TRANSFER_ERROR, false));
    assert_eq!(rig.on_media(3), 0);
    assert!(rig.write_block(3, 9, true).is_success());
    let (status, page) = rig.admin_page(Sqe::identify(1, 0));
    assert_eq!(status.code, status::DATA_TRANSFER_ERROR);
    assert!(page.iter().all(|byte| *byte == 0xee), "untouched");
}

#[test]
fn an_entry_that_cannot_be_fetched_or_posted_is_fatal() {
    for (rule, cause, on_media) in [
        ("write => dma-error=sqe", FatalCause::SqFetch, 0),
        ("write => dma-error=cqe", FatalCause::CqPost, 9),
    ] {
        let mut rig = Rig::faulty(&[rule]);
        rig.memory_write(DATA, &[9; 4096]);
        rig.submit(1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0));
        rig.settle();
        assert_eq!(rig.read32(reg::CSTS), 3, "{rule}");
        assert_eq!((rig.peek(1).len(), rig.on_media(3)), (0, on_media));
        assert_eq!(fatal(&rig), [cause]);
    }
}
