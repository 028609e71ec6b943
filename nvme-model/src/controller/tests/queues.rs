//! Creating, sharing, filling and deleting queues.

use nvme_spec::register::Doorbell;
use nvme_spec::{Sqe, status};

use crate::rig::{DATA, ENTRIES, Rig};

#[test]
fn bad_queue_creations_get_their_own_status() {
    let mut rig = Rig::new();
    let cases = [
        (Sqe::create_io_cq(0, 15, None), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_cq(1, 15, None), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_cq(17, 15, None), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_cq(2, 0, None), status::INVALID_QUEUE_SIZE),
        (Sqe::create_io_cq(2, 1024, None), status::INVALID_QUEUE_SIZE),
        (Sqe::create_io_cq(2, 15, Some(17)), status::INVALID_INTERRUPT_VECTOR),
        (Sqe::create_io_cq(2, 15, None).with_prp(0x1008, 0), status::PRP_OFFSET_INVALID),
        (Sqe::create_io_sq(0, 15, 1), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_sq(1, 15, 1), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_sq(2, 15, 0), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_sq(2, 15, 2), status::COMPLETION_QUEUE_INVALID),
        (Sqe::create_io_sq(2, 15, 99), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::create_io_sq(2, 0, 1), status::INVALID_QUEUE_SIZE),
        (Sqe::delete_io_sq(0), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::delete_io_sq(9), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::delete_io_cq(0), status::INVALID_QUEUE_IDENTIFIER),
        (Sqe::delete_io_cq(1), status::INVALID_QUEUE_DELETION),
    ];
    for (sqe, code) in cases {
        assert_eq!(rig.admin(sqe).0.code, code, "{sqe:?}");
    }
    let mut scattered = Sqe::create_io_cq(2, 15, None);
    scattered.cdw11 = 0.into();
    assert_eq!(rig.admin(scattered).0.code, status::INVALID_FIELD);
}

#[test]
fn two_submission_queues_share_a_completion_queue() {
    let mut rig = Rig::new();
    let ring = DATA + 62 * 4096;
    assert!(rig.admin(Sqe::create_io_sq(2, 7, 1).with_prp(ring, 0)).0.is_success());
    rig.memory_write(ring, &Sqe::flush(1).with_cid(0x99).to_bytes());
    rig.write32(Doorbell::SqTail(2).offset(0), 1);
    rig.submit_as(1, 0x98, Sqe::flush(1));
    rig.settle();
    let found: Vec<(u16, u16)> =
        rig.reap(1).iter().map(|cqe| (cqe.sqid.get(), cqe.cid.get())).collect();
    assert_eq!(found, [(2, 0x99), (1, 0x98)]);
    assert_eq!(rig.admin(Sqe::delete_io_cq(1)).0.code, status::INVALID_QUEUE_DELETION);
}

#[test]
fn deleting_a_submission_queue_aborts_what_is_in_flight() {
    let mut rig = Rig::new();
    let cids = [rig.submit(1, Sqe::flush(1)), rig.submit(1, Sqe::flush(1))];
    assert!(rig.admin(Sqe::delete_io_sq(1)).0.is_success());
    let found = rig.peek(1);
    assert_eq!(found.iter().map(|cqe| cqe.cid.get()).collect::<Vec<_>>(), cids);
    assert!(found.iter().all(|cqe| cqe.status().code == status::ABORTED_SQ_DELETION));
    assert!(rig.admin(Sqe::delete_io_cq(1)).0.is_success());
}

#[test]
fn no_completion_is_lost_while_the_completion_queue_is_full() {
    let mut rig = Rig::new();
    let mut cids = Vec::new();
    for _ in 0..ENTRIES - 1 {
        cids.push(rig.submit(1, Sqe::flush(1)));
    }
    rig.settle();
    assert_eq!(rig.peek(1).len() as u32, ENTRIES - 1);
    // The completion queue is full: nothing more is fetched.
    cids.push(rig.submit(1, Sqe::flush(1)));
    rig.settle();
    let mut found: Vec<u16> = rig.reap(1).iter().map(|cqe| cqe.cid.get()).collect();
    rig.settle();
    found.extend(rig.reap(1).iter().map(|cqe| cqe.cid.get()));
    assert_eq!(found, cids);
}

#[test]
fn a_command_identifier_in_use_is_a_conflict() {
    let mut rig = Rig::new();
    rig.submit_as(1, 5, Sqe::flush(1));
    rig.submit_as(1, 5, Sqe::flush(1));
    rig.settle();
    let codes: Vec<_> = rig.reap(1).iter().map(|cqe| cqe.status().code).collect();
    assert_eq!(codes, [status::CID_CONFLICT, status::SUCCESS]);
}
