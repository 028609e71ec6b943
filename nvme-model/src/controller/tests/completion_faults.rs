//! Completions that lie, and interrupts at the wrong time.

use nvme_spec::{CQE_BYTES, Cqe, Sqe};

use crate::rig::{DATA, ENTRIES, Rig};
use crate::{Event, GuestMemory, LabWake};

/// Where the bench has the ring of completion queue 1.
const RING: u64 = 0x4_3000;

fn read() -> Sqe {
    Sqe::read(1, 0, 0).with_prp(DATA, 0)
}

#[test]
fn a_completion_may_name_the_wrong_queue_and_head() {
    let mut rig = Rig::faulty(&["read nth=1 => wrong-sqid=7", "read nth=2 => wrong-sqhd=0xfff0"]);
    let first = rig.submit(1, read());
    let second = rig.submit(1, read());
    rig.settle();
    let found: Vec<_> =
        rig.reap(1).iter().map(|cqe| (cqe.cid.get(), cqe.sqid.get(), cqe.sqhd.get())).collect();
    assert_eq!(found[0].0, first);
    assert_eq!(found[0].1, 7);
    assert_eq!(found[1], (second, 1, 0xfff0));
    rig.read_block(0).expect("the queue itself is fine");
}

#[test]
fn an_inverted_phase_hides_the_completion_and_all_after_it() {
    let mut rig = Rig::faulty(&["read nth=2 => wrong-phase=inverted"]);
    for _ in 0..3 {
        rig.submit(1, read());
    }
    rig.settle();
    assert_eq!(rig.peek(1).len(), 1);
    let posted = rig.seen(|event| matches!(event, Event::Complete { cqid: 1, .. }).then_some(()));
    assert_eq!(posted.len(), 3);
}

#[test]
fn a_frozen_phase_is_right_until_the_queue_wraps() {
    let mut rig = Rig::faulty(&["read nth=1 => wrong-phase=frozen"]);
    for _ in 0..ENTRIES {
        rig.read_block(0).expect("the first pass is fine");
    }
    rig.submit(1, read());
    rig.settle();
    assert_eq!(rig.peek(1).len(), 0, "the second has the tag of the first");
}

#[test]
fn an_overflow_writes_over_a_completion_that_is_unread() {
    let mut rig = Rig::faulty(&["flush => cq-overflow=20"]);
    let in_first_place = |rig: &Rig| {
        let mut bytes = [0; CQE_BYTES];
        rig.memory.read(RING, &mut bytes).expect("ring memory");
        let cqe = Cqe::from_bytes(bytes);
        (cqe.cid.get(), cqe.phase())
    };
    let unread = rig.submit(1, read());
    rig.settle();
    assert_eq!(in_first_place(&rig), (unread, true));
    let flush = rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(in_first_place(&rig), (flush, false), "of the second lap");
    let seen = rig.peek(1);
    assert!(seen.iter().all(|cqe| cqe.cid.get() != unread), "the host never sees it: {seen:?}");
}

#[test]
fn a_spurious_interrupt_comes_before_there_is_a_completion() {
    let mut rig = Rig::faulty(&["read nth=1 => spurious-interrupt"]);
    rig.submit(1, read());
    let begin = rig.now_ns;
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Interrupt);
    assert_eq!((rig.now_ns, rig.peek(1).len()), (begin, 0));
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Interrupt);
    assert_eq!(rig.reap(1).len(), 1);
}

#[test]
fn a_late_interrupt_comes_after_its_completion_by_the_delay() {
    let mut rig = Rig::faulty(&["read nth=1 => late-interrupt=3ms"]);
    let begin = rig.now_ns;
    rig.submit(1, read());
    assert_eq!(rig.wait(1, begin + 1_000_000), LabWake::Deadline);
    assert_eq!(rig.peek(1).len(), 1, "it is there for a host that polls");
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Interrupt);
    assert_eq!(rig.now_ns - begin, 3_000_000 + 81_000);
}

#[test]
fn a_late_interrupt_dies_with_a_reset() {
    let mut rig = Rig::faulty(&["read nth=1 => late-interrupt=3ms"]);
    rig.submit(1, read());
    rig.wait(1, rig.now_ns + 1_000_000);
    rig.disable();
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Forever);
}

#[test]
fn a_random_delay_is_another_each_time_and_the_same_in_each_run() {
    let run = || {
        let mut rig = Rig::faulty(&["read => delay=uniform(1ms,9ms)"]);
        (0..8)
            .map(|_| {
                let begin = rig.now_ns;
                rig.read_block(0).expect("good");
                rig.now_ns - begin - 81_000
            })
            .collect::<Vec<u64>>()
    };
    let first = run();
    assert!(first.iter().all(|ns| (1_000_000..=9_000_000).contains(ns)));
    let different: std::collections::BTreeSet<_> = first.iter().collect();
    assert_eq!(different.len(), 8);
    assert_eq!(first, run());
}
