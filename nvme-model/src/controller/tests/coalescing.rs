//! Interrupts: coalesced, masked, and shared.

use nvme_spec::Sqe;
use nvme_spec::feature::{
    INTERRUPT_COALESCING, INTERRUPT_VECTOR, InterruptCoalescing, InterruptVector,
};
use nvme_spec::register as reg;

use crate::rig::Rig;
use crate::{Event, LabWake};

/// Three completions, or half a millisecond.
fn rig() -> Rig {
    let mut rig = Rig::new();
    let value = InterruptCoalescing(0).with_thr_z(2).with_time(5);
    assert!(rig.admin(Sqe::set_features(INTERRUPT_COALESCING, value.0)).0.is_success());
    rig.trace.clear();
    rig
}

fn interrupts(rig: &Rig, vector: u16) -> Vec<u64> {
    let is_it = |event: &Event| matches!(event, Event::Interrupt { vector: v } if *v == vector);
    rig.trace.iter().filter(|(_, event)| is_it(event)).map(|(at, _)| *at).collect()
}

fn completions(rig: &Rig) -> Vec<u64> {
    let is_it = |event: &Event| matches!(event, Event::Complete { cqid: 1, .. });
    rig.trace.iter().filter(|(_, event)| is_it(event)).map(|(at, _)| *at).collect()
}

#[test]
fn the_third_completion_raises_the_vector_and_a_lonely_one_waits_its_time() {
    let mut rig = rig();
    for _ in 0..4 {
        rig.submit(1, Sqe::flush(1));
        rig.now_ns += 1000;
    }
    rig.settle();
    let done = completions(&rig);
    assert_eq!(done.len(), 4);
    assert_eq!(interrupts(&rig, 1), [done[2], done[3] + 500_000]);
}

#[test]
fn a_wait_for_a_vector_that_is_held_back_ends_when_its_time_is_up() {
    let mut rig = rig();
    rig.submit(1, Sqe::flush(1));
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Interrupt);
    assert_eq!(rig.now_ns, completions(&rig)[0] + 500_000);
}

#[test]
fn the_admin_queue_and_exempt_vectors_are_never_held_back() {
    let mut rig = rig();
    rig.admin(Sqe::get_features(7, 0));
    assert_eq!(interrupts(&rig, 0).len(), 1);
    let exempt = InterruptVector(0).with_iv(1).with_cd(1);
    assert!(rig.admin(Sqe::set_features(INTERRUPT_VECTOR, exempt.0)).0.is_success());
    rig.trace.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(interrupts(&rig, 1), completions(&rig));
}

#[test]
fn a_vector_shared_with_the_admin_queue_is_raised_for_both_at_once() {
    let mut rig = rig();
    rig.create_pair(2, 0);
    rig.trace.clear();
    rig.submit(2, Sqe::flush(1));
    rig.now_ns += 300_000;
    rig.step();
    assert!(interrupts(&rig, 0).is_empty(), "held back");
    rig.submit(0, Sqe::get_features(7, 0));
    rig.settle();
    assert_eq!(interrupts(&rig, 0).len(), 1, "nothing is left to be raised later");
}

#[test]
fn a_reset_forgets_what_was_held_back_and_the_rule() {
    let mut rig = rig();
    rig.submit(1, Sqe::flush(9));
    rig.now_ns = 10_000_000;
    rig.step();
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    rig.trace.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(interrupts(&rig, 1), completions(&rig));
}

#[test]
fn a_masked_vector_is_raised_when_it_is_unmasked() {
    let mut rig = Rig::new();
    rig.write32(reg::INTMS, 1 << 1);
    rig.trace.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert!(interrupts(&rig, 1).is_empty());
    rig.write32(reg::INTMC, 1 << 1);
    assert_eq!(interrupts(&rig, 1), [rig.now_ns]);
}
