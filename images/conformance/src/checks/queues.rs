//! Creating and deleting I/O queues.
// Spec: NVMe-Base-2.0c 5.4 "Create I/O Completion Queue command"
// Spec: NVMe-Base-2.0c 5.5 "Create I/O Submission Queue command"

use alloc::vec::Vec;

use hal::{DmaBuf, Platform};
use nvme_spec::{Sqe, feature, status};

use super::checks;
use crate::bench::{Bench, ENTRIES, IO_QID, NSID, expect};
use crate::queue::Queue;
use crate::verdict::{Outcome, Trouble, ensure, need};

checks![
    a_queue_identifier_that_cannot_be_is_refused,
    a_queue_size_that_cannot_be_is_refused,
    an_interrupt_vector_that_is_not_there_is_refused,
    a_scattered_queue_is_refused,
    a_queue_that_is_not_page_aligned_is_refused,
    a_submission_queue_needs_its_completion_queue,
    a_completion_queue_in_use_is_not_deleted,
    only_queues_that_are_there_are_deleted,
    a_queue_that_was_deleted_can_be_made_again,
    two_submission_queues_may_share_a_completion_queue,
];

/// A second queue pair's identifier.
const OTHER_QID: u16 = 2;
/// More queues than anybody has.
const FAR_QID: u16 = 0xffff;

/// Whether there can be a second pair of queues at the same time.
fn need_second_pair<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let sqe = Sqe::get_features(feature::NUMBER_OF_QUEUES, feature::SEL_CURRENT as u8);
    let cqe = bench.admin(sqe)?;
    expect(&sqe, &cqe, status::SUCCESS)?;
    let granted_z = cqe.dw0.get();
    need(granted_z & 0xffff > 0 && granted_z >> 16 > 0, "one pair of I/O queues is all there is")
}

fn cq(qid: u16, size_z: u16, vector: u16, base: u64) -> Sqe {
    Sqe::create_io_cq(qid, size_z, Some(vector)).with_prp(base, 0)
}

fn sq(qid: u16, size_z: u16, cqid: u16, base: u64) -> Sqe {
    Sqe::create_io_sq(qid, size_z, cqid).with_prp(base, 0)
}

fn a_queue_identifier_that_cannot_be_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let base = bench.at(0);
    for qid in [0, IO_QID, FAR_QID] {
        bench.admin_fails(cq(qid, 1, 1, base), status::INVALID_QUEUE_IDENTIFIER)?;
        bench.admin_fails(sq(qid, 1, IO_QID, base), status::INVALID_QUEUE_IDENTIFIER)?;
    }
    Ok(())
}

fn a_queue_size_that_cannot_be_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need_second_pair(bench)?;
    let base = bench.at(0);
    let beyond = u16::try_from(bench.cap.mqes_z() + 1).ok();
    for size_z in [Some(0), beyond].into_iter().flatten() {
        bench.admin_fails(cq(OTHER_QID, size_z, 1, base), status::INVALID_QUEUE_SIZE)?;
        bench.admin_fails(sq(OTHER_QID, size_z, IO_QID, base), status::INVALID_QUEUE_SIZE)?;
    }
    Ok(())
}

fn an_interrupt_vector_that_is_not_there_is_refused<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    need_second_pair(bench)?;
    let sqe = cq(OTHER_QID, 1, 0xffff, bench.at(0));
    bench.admin_fails(sqe, status::INVALID_INTERRUPT_VECTOR)
}

fn a_scattered_queue_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.cap.cqr() == 1, "queues need not be contiguous")?;
    for mut sqe in [cq(OTHER_QID, 1, 1, bench.at(0)), sq(OTHER_QID, 1, IO_QID, bench.at(0))] {
        sqe.cdw11 = (sqe.cdw11.get() & !1).into();
        bench.admin_fails(sqe, status::INVALID_FIELD)?;
    }
    Ok(())
}

fn a_queue_that_is_not_page_aligned_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need_second_pair(bench)?;
    let base = bench.at(0x200);
    bench.admin_fails(cq(OTHER_QID, 1, 1, base), status::PRP_OFFSET_INVALID)?;
    bench.admin_fails(sq(OTHER_QID, 1, IO_QID, base), status::PRP_OFFSET_INVALID)
}

fn a_submission_queue_needs_its_completion_queue<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need_second_pair(bench)?;
    let sqe = sq(OTHER_QID, 1, OTHER_QID, bench.at(0));
    bench.admin_fails(sqe, status::COMPLETION_QUEUE_INVALID)
}

fn a_completion_queue_in_use_is_not_deleted<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.admin_fails(Sqe::delete_io_cq(IO_QID), status::INVALID_QUEUE_DELETION)?;
    bench.admin_ok(Sqe::delete_io_sq(IO_QID))?;
    bench.admin_ok(Sqe::delete_io_cq(IO_QID))
}

fn only_queues_that_are_there_are_deleted<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    for qid in [0, OTHER_QID, FAR_QID] {
        bench.admin_fails(Sqe::delete_io_sq(qid), status::INVALID_QUEUE_IDENTIFIER)?;
        bench.admin_fails(Sqe::delete_io_cq(qid), status::INVALID_QUEUE_IDENTIFIER)?;
    }
    Ok(())
}

fn a_queue_that_was_deleted_can_be_made_again<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.write_block(0, 1)?;
    bench.admin_ok(Sqe::delete_io_sq(IO_QID))?;
    bench.admin_ok(Sqe::delete_io_cq(IO_QID))?;
    bench.io.clear();
    let (cq, sq) = (bench.create_cq(), bench.create_sq());
    bench.admin_ok(cq)?;
    bench.admin_ok(sq)?;
    bench.read_block(0)?;
    ensure!(bench.holds(0, bench.lba_bytes, 1), "other data than was written");
    Ok(())
}

fn two_submission_queues_may_share_a_completion_queue<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    need_second_pair(bench)?;
    let no_memory = |_| Trouble::NotThere("not enough DMA memory");
    let mut other = Queue::new(bench.platform, OTHER_QID, ENTRIES, ENTRIES).map_err(no_memory)?;
    bench.admin_ok(sq(OTHER_QID, ENTRIES - 1, IO_QID, other.sq.iova().0))?;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push((IO_QID, bench.io.push(Sqe::flush(NSID))));
        expected.push((OTHER_QID, other.push(Sqe::flush(NSID))));
    }
    bench.io.ring(bench.platform.bar(), bench.cap);
    other.ring(bench.platform.bar(), bench.cap);
    let mut found = Vec::new();
    for _ in &expected {
        let cqe = bench.next_io()?;
        ensure!(cqe.status().is_success(), "flush: {}", cqe.status());
        found.push((cqe.sqid.get(), cqe.cid.get()));
    }
    expected.sort_unstable();
    found.sort_unstable();
    ensure!(found == expected, "completions {found:?} instead of {expected:?}");
    bench.admin_ok(Sqe::delete_io_sq(OTHER_QID))
}
