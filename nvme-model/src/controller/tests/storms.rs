//! Events and interrupts by the dozen: how many there are, and when.

use nvme_spec::Sqe;

use crate::Event;
use crate::rig::Rig;

/// Parks four event requests, as many as there can be; returns how many were answered.
fn answered(rig: &mut Rig) -> usize {
    for _ in 0..4 {
        rig.submit(0, Sqe::async_event_request());
    }
    rig.settle();
    rig.reap(0).iter().filter(|cqe| cqe.dw0.get() == 0x0004_0002).count()
}

#[test]
fn a_storm_of_events_goes_on_for_as_many_as_it_was_told_and_no_more() {
    let mut rig = Rig::faulty(&["flush => aen-storm=10"]);
    rig.run(1, Sqe::flush(1));
    assert_eq!([answered(&mut rig), answered(&mut rig), answered(&mut rig)], [4, 4, 2]);
    rig.settle();
    assert!(rig.reap(0).is_empty(), "two requests wait for something that happens");
}

#[test]
fn interrupts_of_a_storm_follow_one_a_microsecond() {
    let mut rig = Rig::faulty(&["flush => interrupt-storm=9"]);
    rig.trace.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    let is_ours = |event: &Event| matches!(event, Event::Interrupt { vector: 1 });
    let interrupts = rig.trace.iter().filter(|(_, event)| is_ours(event));
    let at_ns: Vec<u64> = interrupts.map(|(at_ns, _)| *at_ns).collect();
    let expected: Vec<u64> = (0..10).map(|index| at_ns[0] + index * 1_000).collect();
    assert_eq!(at_ns, expected);
}
