//! Compare and Write as one.

use nvme_spec::{Sqe, StatusCode, status};

use crate::rig::{DATA, Rig};
use crate::{Config, Event, FaultPlan};

const EXPECTED: u64 = DATA + 10 * 4096;
const NEW: u64 = DATA + 11 * 4096;

fn fused(mut sqe: Sqe, fuse: u32) -> Sqe {
    sqe.cdw0 = sqe.dword0().with_fuse(fuse).0.into();
    sqe
}

fn compare(lba: u64) -> Sqe {
    fused(Sqe::compare(1, lba, 0).with_prp(EXPECTED, 0), 1)
}

fn write(lba: u64) -> Sqe {
    fused(Sqe::write(1, lba, 0, false).with_prp(NEW, 0), 2)
}

/// A command and how it ended.
type Done = (u16, StatusCode);

/// Submits commands by one write of the doorbell; returns their statuses in the order of completion.
fn run(rig: &mut Rig, sqes: &[Sqe]) -> Vec<Done> {
    let (last, before) = sqes.split_last().expect("some");
    for (cid, sqe) in (900..).zip(before) {
        rig.enqueue(1, cid, *sqe);
    }
    rig.submit_as(1, 900 + before.len() as u16, *last);
    rig.settle();
    rig.reap(1).iter().map(|cqe| (cqe.cid.get() - 900, cqe.status().code)).collect()
}

fn rig(rules: &[&str]) -> Rig {
    let mut rig = Rig::faulty(rules);
    rig.write_block(5, 1, false);
    rig.memory_write(EXPECTED, &[1; 4096]);
    rig.memory_write(NEW, &[2; 4096]);
    rig
}

fn value(rig: &mut Rig) -> u8 {
    rig.read_block(5).expect("readable")[0]
}

#[test]
fn the_write_happens_exactly_if_the_comparison_holds() {
    let mut rig = rig(&[]);
    let good = run(&mut rig, &[compare(5), write(5)]);
    assert_eq!(good, [(0, status::SUCCESS), (1, status::SUCCESS)]);
    assert_eq!(value(&mut rig), 2);
    let bad = run(&mut rig, &[compare(5), write(5)]);
    assert_eq!(bad, [(0, status::COMPARE_FAILURE), (1, status::ABORTED_FAILED_FUSED)]);
    assert_eq!(value(&mut rig), 2);
}

/// When the completions of this queue were posted.
fn completed_ns(rig: &Rig, queue: u16) -> Vec<u64> {
    let is_of_queue =
        |event: &Event| matches!(event, Event::Complete { sqid, .. } if *sqid == queue);
    rig.trace.iter().filter(|(_, event)| is_of_queue(event)).map(|(at_ns, _)| *at_ns).collect()
}

#[test]
fn nothing_comes_between_the_two() {
    let mut rig = rig(&[
        "compare => delay=1ms",
        "write queue=2 => delay=1500us",
        "write queue=1 lba=5..7 => delay=2ms",
    ]);
    rig.create_pair(2, 2);
    let other = DATA + 12 * 4096;
    rig.memory_write(other, &[9; 4096]);
    let write_other = |lba| Sqe::write(1, lba, 0, false).with_prp(other, 0);
    // On their own, the other queue's write comes between the two.
    let alone = [
        (1, Sqe::compare(1, 6, 0).with_prp(EXPECTED, 0)),
        (2, write_other(6)),
        (1, write_other(6)),
    ];
    let [compare_ns, other_ns, write_ns] = alone.map(|(queue, sqe)| {
        let begin = rig.now_ns;
        rig.run(queue, sqe);
        rig.now_ns - begin
    });
    assert!(compare_ns < other_ns && other_ns < write_ns, "{compare_ns} {other_ns} {write_ns}");
    rig.trace.clear();
    let begin = rig.now_ns;
    rig.enqueue(1, 900, compare(5));
    rig.submit_as(1, 901, write(5));
    rig.submit(2, write_other(5));
    rig.settle();
    assert_eq!(completed_ns(&rig, 2), [begin + other_ns]);
    assert_eq!(completed_ns(&rig, 1), [begin + write_ns; 2], "at the time of the later one");
    // The other write came first, so the comparison fails; it could not slip in after it.
    let codes: Vec<StatusCode> = rig.reap(1).iter().map(|cqe| cqe.status().code).collect();
    assert_eq!(codes, [status::COMPARE_FAILURE, status::ABORTED_FAILED_FUSED]);
    assert_eq!(value(&mut rig), 9);
}

#[test]
fn half_of_a_pair_is_a_missing_fused_command() {
    let missing = status::ABORTED_MISSING_FUSED;
    let plain = Sqe::read(1, 5, 0).with_prp(DATA, 0);
    let cases: [(&[Sqe], &[Done]); 5] = [
        (&[compare(5)], &[(0, missing)]),
        (&[write(5)], &[(0, missing)]),
        (&[compare(5), plain], &[(0, missing), (1, status::SUCCESS)]),
        (&[plain, write(5)], &[(1, missing), (0, status::SUCCESS)]),
        (
            &[compare(5), compare(5), write(5)],
            &[(0, missing), (1, status::SUCCESS), (2, status::SUCCESS)],
        ),
    ];
    for (sqes, expected) in cases {
        let mut rig = rig(&[]);
        assert_eq!(run(&mut rig, sqes), expected);
    }
}

#[test]
fn a_pair_must_be_a_compare_and_a_write_of_the_same_blocks() {
    let invalid = status::INVALID_FIELD;
    let two = fused(Sqe::write(1, 5, 1, false).with_prp(NEW, NEW + 4096), 2);
    let read = fused(Sqe::read(1, 5, 0).with_prp(DATA, 0), 1);
    let cases: [(&[Sqe], [StatusCode; 2]); 4] = [
        (&[compare(5), write(6)], [invalid, status::ABORTED_FAILED_FUSED]),
        (&[compare(5), two], [invalid, status::ABORTED_FAILED_FUSED]),
        (&[read, write(5)], [invalid, status::ABORTED_FAILED_FUSED]),
        (&[compare(5), fused(compare(5), 2)], [status::SUCCESS, invalid]),
    ];
    for (sqes, expected) in cases {
        let mut rig = rig(&[]);
        let codes: Vec<StatusCode> = run(&mut rig, sqes).iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, expected, "{sqes:?}");
        assert_eq!(value(&mut rig), 1);
    }
}

#[test]
fn more_blocks_than_are_atomic_are_refused() {
    for (atomic_blocks, code) in [(1, status::ATOMIC_WRITE_UNIT_EXCEEDED), (2, status::SUCCESS)] {
        let config = Config { atomic_blocks, ..Config::default() };
        let mut rig = Rig::with(config, FaultPlan::none());
        let first = fused(Sqe::compare(1, 0, 1).with_prp(DATA, DATA + 4096), 1);
        let second = fused(Sqe::write(1, 0, 1, false).with_prp(DATA, DATA + 4096), 2);
        assert_eq!(run(&mut rig, &[first, second])[0], (0, code));
    }
}

#[test]
fn aborting_either_aborts_both() {
    let (aborted, failed) = (status::ABORT_REQUESTED, status::ABORTED_FAILED_FUSED);
    for (cid, expected) in
        [(900, [(900, aborted), (901, failed)]), (901, [(901, aborted), (900, failed)])]
    {
        let mut rig = rig(&["compare => hang"]);
        rig.enqueue(1, 900, compare(5));
        rig.submit_as(1, 901, write(5));
        rig.settle();
        assert!(rig.reap(1).is_empty(), "a first command that hangs holds its second");
        let (_, not_aborted) = rig.admin(Sqe::abort(1, cid));
        assert_eq!(not_aborted, 0);
        let found: Vec<Done> =
            rig.reap(1).iter().map(|cqe| (cqe.cid.get(), cqe.status().code)).collect();
        assert_eq!(found, expected);
        assert_eq!(value(&mut rig), 1);
    }
}

#[test]
fn rules_reach_either_half() {
    let refused = status::WRITE_FAULT;
    for (rule, expected) in [
        ("compare => status=media/write-fault", [refused, status::ABORTED_FAILED_FUSED]),
        ("write nth=2 => status=media/write-fault", [status::SUCCESS, refused]),
    ] {
        let mut rig = rig(&[rule]);
        let codes: Vec<StatusCode> =
            run(&mut rig, &[compare(5), write(5)]).iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, expected);
        assert_eq!(value(&mut rig), 1);
    }
}

#[test]
fn a_reset_or_a_deleted_queue_ends_a_pair() {
    let mut rig = rig(&["compare => hang"]);
    rig.enqueue(1, 900, compare(5));
    rig.submit_as(1, 901, write(5));
    assert!(rig.admin(Sqe::delete_io_sq(1)).0.is_success());
    let codes: Vec<StatusCode> = rig.peek(1).iter().map(|cqe| cqe.status().code).collect();
    assert_eq!(codes, [status::ABORTED_SQ_DELETION; 2]);
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert_eq!(value(&mut rig), 1);
}
