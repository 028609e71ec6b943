use std::cell::RefCell;

use nvme_spec::feature::Arbitration;
use nvme_spec::{CQE_BYTES, Cqe, Sqe, Status};

use super::*;
use crate::{BadAddress, GuestMemory};

struct Memory(RefCell<Vec<u8>>);

impl GuestMemory for Memory {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let start = address as usize;
        let memory = self.0.borrow();
        dst.copy_from_slice(memory.get(start..start + dst.len()).ok_or(BadAddress { address })?);
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let start = address as usize;
        let mut memory = self.0.borrow_mut();
        memory
            .get_mut(start..start + src.len())
            .ok_or(BadAddress { address })?
            .copy_from_slice(src);
        Ok(())
    }
}

fn post(cq: &mut CompletionQueue, memory: &Memory, cid: u16) {
    let slot = cq.reserve().expect("a free place");
    let cqe = Cqe::new(cid, 1, 0, Status::SUCCESS, 0, cq.phase());
    cq.post(slot, memory, &cqe, false).expect("post");
}

/// How many of the first entries are in memory.
fn written(memory: &Memory) -> usize {
    memory.0.borrow().chunks(CQE_BYTES).take_while(|entry| entry.iter().any(|b| *b != 0)).count()
}

#[test]
fn entries_that_are_kept_are_written_with_the_last_of_their_line_or_on_demand() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let mut cq = CompletionQueue::new(0, 64, None);
    let mut seen = Vec::new();
    for cid in 1..=9 {
        let slot = cq.reserve().expect("a free place");
        let cqe = Cqe::new(cid, 1, 0, Status::SUCCESS, 0, cq.phase());
        cq.post(slot, &memory, &cqe, true).expect("memory");
        seen.push(written(&memory));
        assert_eq!(cq.is_written(), cid % 4 == 0);
    }
    assert_eq!(seen, [0, 0, 0, 4, 4, 4, 4, 8, 8]);
    cq.write(&memory).expect("memory");
    assert_eq!((written(&memory), cq.is_written()), (9, true));
}

#[test]
fn a_full_completion_queue_has_no_place_until_the_head_moves() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let mut cq = CompletionQueue::new(0, 4, None);
    let held = cq.reserve().expect("place 1");
    post(&mut cq, &memory, 1);
    post(&mut cq, &memory, 2);
    assert!(cq.reserve().is_none());
    cq.ring(1).expect("valid head");
    let again = cq.reserve().expect("freed place");
    cq.release(held);
    cq.release(again);
}

#[test]
fn the_phase_tag_flips_with_each_lap() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let mut cq = CompletionQueue::new(0, 2, None);
    let mut phases = Vec::new();
    for lap in 0..4_u32 {
        post(&mut cq, &memory, 7);
        let at = (lap as usize % 2) * CQE_BYTES;
        let bytes: [u8; CQE_BYTES] = memory.0.borrow()[at..at + CQE_BYTES].try_into().expect("16");
        phases.push(Cqe::from_bytes(bytes).phase());
        cq.ring((lap + 1) % 2).expect("valid head");
    }
    assert_eq!(phases, [true, true, false, false]);
}

#[test]
fn doorbells_outside_of_what_is_there_are_invalid() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let refused = |wrong| Err(Objection { wrong, is_refused: true });
    let mut cq = CompletionQueue::new(0, 4, None);
    post(&mut cq, &memory, 1);
    assert_eq!(cq.ring(4), refused(Wrong::Outside));
    assert_eq!(cq.ring(2), refused(Wrong::PassesEnd));
    assert_eq!(cq.ring(1), Ok(()));
    assert_eq!(cq.ring(0), refused(Wrong::GoesBack));
    let mut sq = SubmissionQueue::new(0, 4, 1, Priority::Urgent);
    assert_eq!(sq.ring(4), refused(Wrong::Outside));
    assert_eq!(sq.ring(3), Ok(()));
    // Three wait; one more step reaches the head again, which would mean an empty queue.
    assert_eq!(sq.ring(0), refused(Wrong::PassesEnd));
    assert_eq!(sq.ring(2), refused(Wrong::GoesBack));
    assert_eq!(sq.ring(3), Ok(()));
}

/// Every value that a tail can be given in a small ring, wherever its head, the head that the host was told
/// and its tail are: what is taken never holds more than the ring can, and what an orderly host does is good.
#[test]
fn a_tail_is_judged_by_what_the_host_can_know_and_taken_by_what_is() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let (size, in_ring) = (5, |index: u32| index % 5);
    for (start, fetched, told, waiting) in
        (0..625).map(|i| (i % 5, i / 5 % 5, i / 25 % 5, i / 125 % 5))
    {
        if told > fetched || fetched - told + waiting >= size {
            continue;
        }
        let mut sq = SubmissionQueue::new(0, size, 1, Priority::Urgent);
        for entry in 0..start + fetched {
            sq.ring(in_ring(entry + 1)).expect("one more");
            sq.fetch(&memory, &mut Sqe::default()).expect("memory");
            if entry < start + told {
                sq.report_head();
            }
        }
        let tail = in_ring(start + fetched + waiting);
        sq.ring(tail).expect("room that the host knows of");
        let known = size - 1 - (fetched - told + waiting);
        let is_there = size - 1 - waiting;
        for added in 0..size {
            let result = sq.clone().ring(in_ring(tail + added));
            assert_eq!(result.is_ok(), added <= known);
            let is_refused = result.is_err_and(|objection| objection.is_refused);
            assert_eq!(is_refused, added > is_there);
        }
    }
}

#[test]
fn a_ring_at_the_end_of_the_address_space_is_a_dma_error() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let mut sq = SubmissionQueue::new(u64::MAX - 64, 4, 1, Priority::Urgent);
    sq.ring(1).expect("valid tail");
    assert_eq!(sq.fetch(&memory, &mut Sqe::default()), Err(QueueDmaError));
    let mut cq = CompletionQueue::new(u64::MAX - 8, 4, None);
    let slot = cq.reserve().expect("a free place");
    assert_eq!(cq.post(slot, &memory, &Cqe::default(), false), Err(QueueDmaError));
}

#[test]
fn queues_take_turns() {
    let mut queues = Queues::default();
    queues.cqs.insert(1, CompletionQueue::new(0, 64, None));
    for sqid in [1, 2, 5] {
        let mut sq = SubmissionQueue::new(0, 8, 1, Priority::Urgent);
        sq.ring(2).expect("valid tail");
        queues.sqs.insert(sqid, sq);
    }
    let mut served = Vec::new();
    for _ in 0..6 {
        let (sqid, slot) = queues.next_ready().expect("a command");
        served.push(sqid);
        queues.release(1, slot);
    }
    assert_eq!(served, [1, 2, 5, 1, 2, 5]);
}

#[test]
fn weighted_classes_get_their_credit_anew_when_nothing_waits() {
    let memory = Memory(RefCell::new(vec![0; 4096]));
    let mut queues = Queues::default();
    queues.arbiter.set_weighted(true);
    queues.arbiter.configure(Arbitration(0).with_hpw_z(1));
    queues.cqs.insert(1, CompletionQueue::new(0, 64, None));
    for (sqid, priority) in [(1, Priority::High), (2, Priority::Low)] {
        queues.sqs.insert(sqid, SubmissionQueue::new(0, 8, 1, priority));
    }
    let serve = |queues: &mut Queues, tails: [u32; 2]| {
        for (sq, tail) in queues.sqs.values_mut().zip(tails) {
            sq.ring(tail).expect("valid tail");
        }
        let mut served = Vec::new();
        while let Some((sqid, slot)) = queues.next_ready() {
            queues.release(1, slot);
            queues
                .sqs
                .get_mut(sqid)
                .expect("there")
                .fetch(&memory, &mut Sqe::default())
                .expect("memory");
            served.push(sqid);
        }
        served
    };
    assert_eq!(serve(&mut queues, [1, 0]), [1], "one of two in its round");
    assert_eq!(serve(&mut queues, [4, 2]), [1, 1, 2, 1, 2], "a round is over when nothing waits");
}
