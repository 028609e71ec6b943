//! Whose command is fetched first.

use nvme_spec::feature::{ARBITRATION, Arbitration};
use nvme_spec::register::{self as reg, Cap};
use nvme_spec::{Sqe, status};

use crate::findings::FindingKind;
use crate::rig::{DATA, Rig};
use crate::{Config, Event, FaultPlan};

const CC_ROUND_ROBIN: u32 = 0x0046_0001;
const CC_WEIGHTED: u32 = CC_ROUND_ROBIN | 1 << 11;

/// A controller with I/O queues of these priorities, numbered from 1.
fn rig(cc: u32, priorities: &[u32], arbitration: Arbitration) -> Rig {
    let mut rig = Rig::off(Config::default(), FaultPlan::none());
    rig.enable_as(cc);
    for (qid, qprio) in (1..).zip(priorities) {
        rig.create_pair_as(qid, qid, *qprio);
    }
    assert!(rig.admin(Sqe::set_features(ARBITRATION, arbitration.0)).0.is_success());
    rig
}

/// Fills all queues, and says from which queues the commands were fetched, in order.
fn fetched(rig: &mut Rig, queues: &[u16], each: u16) -> Vec<u16> {
    rig.trace.clear();
    for qid in queues {
        for cid in 0..each {
            rig.enqueue(*qid, cid, if *qid == 0 { Sqe::get_features(7, 0) } else { Sqe::flush(1) });
        }
        rig.ring_quietly(*qid);
    }
    rig.step();
    rig.seen(|event| match event {
        Event::Fetch { sqid, .. } => Some(*sqid),
        _ => None,
    })
}

#[test]
fn weighted_round_robin_gives_each_class_its_weight_and_the_urgent_class_everything() {
    let weights = Arbitration(0).with_hpw_z(3).with_mpw_z(1).with_lpw_z(0);
    // Low, medium, high, urgent.
    let mut rig = rig(CC_WEIGHTED, &[3, 2, 1, 0], weights);
    let order = fetched(&mut rig, &[1, 2, 3, 4, 0], 12);
    assert_eq!(order[..12], [0; 12], "the admin queue");
    assert_eq!(order[12..24], [4; 12], "the urgent queue");
    let round = [3, 3, 3, 3, 2, 2, 1];
    assert_eq!(order[24..45], [round, round, round].concat());
    // The high class has no more: the others share in their proportion.
    assert_eq!(order[45..51], [2, 2, 1, 2, 2, 1]);
    assert_eq!(order.len(), 60);
}

#[test]
fn queues_of_one_class_take_turns_within_its_weight() {
    let weights = Arbitration(0).with_hpw_z(3);
    let mut rig = rig(CC_WEIGHTED, &[1, 1, 3], weights);
    let order = fetched(&mut rig, &[1, 2, 3], 10);
    assert_eq!(order[..10], [1, 2, 1, 2, 3, 1, 2, 1, 2, 3]);
}

#[test]
fn a_burst_is_of_one_queue_and_counts_against_the_weight_of_its_class() {
    let weights = Arbitration(0).with_hpw_z(3).with_ab(1);
    let mut rig = rig(CC_WEIGHTED, &[1, 1, 3], weights);
    let order = fetched(&mut rig, &[1, 2, 3], 10);
    assert_eq!(order[..10], [1, 1, 2, 2, 3, 1, 1, 2, 2, 3]);
    // A weight that is no multiple of the burst: the burst goes on in the next round.
    let mut rig = self::rig(CC_WEIGHTED, &[1, 1, 3], weights.with_hpw_z(2));
    let order = fetched(&mut rig, &[1, 2, 3], 10);
    assert_eq!(order[..8], [1, 1, 2, 3, 2, 1, 1, 3]);
}

#[test]
fn weights_hold_from_the_moment_in_which_they_are_set() {
    let mut rig = rig(CC_WEIGHTED, &[1, 3], Arbitration(0).with_hpw_z(3));
    rig.submit(0, Sqe::set_features(ARBITRATION, Arbitration(0).with_hpw_z(1).0));
    // It is carried out in the step that finds the commands: no round has ended since.
    rig.now_ns = rig.controller.next_event().expect("it takes its time");
    let order = fetched(&mut rig, &[1, 2], 6);
    assert_eq!(order[..6], [1, 1, 2, 1, 1, 2]);
}

#[test]
fn in_round_robin_the_priorities_mean_nothing_and_the_burst_counts() {
    for (ab, expected) in [(0, [1, 2, 1, 2, 1, 2, 1, 2]), (1, [1, 1, 2, 2, 1, 1, 2, 2])] {
        let mut rig = rig(CC_ROUND_ROBIN, &[0, 3], Arbitration(0).with_ab(ab));
        assert_eq!(fetched(&mut rig, &[1, 2], 4), expected, "burst of {}", 1 << ab);
    }
    let mut rig = rig(CC_ROUND_ROBIN, &[0, 3], Arbitration(0).with_ab(7));
    assert_eq!(fetched(&mut rig, &[1, 2], 4), [1, 1, 1, 1, 2, 2, 2, 2], "no limit");
}

/// Queues of the low and the high class, with two commands of the high one for each of the low one.
const LOW_AND_HIGH: [u32; 2] = [3, 1];
const TWO_TO_ONE: Arbitration = Arbitration(1 << 24);
const BY_WEIGHT: [u16; 6] = [2, 2, 1, 2, 2, 1];
const BY_TURNS: [u16; 6] = [1, 2, 1, 2, 1, 2];

fn configuration_findings(rig: &Rig) -> u64 {
    let mut counts = rig.controller.findings().counts();
    counts.find(|(kind, _)| *kind == FindingKind::ConfigurationWhileEnabled).map_or(0, |(_, n)| n)
}

#[test]
fn another_mechanism_counts_from_the_next_enable_on() {
    for (first, second, before, after) in [
        (CC_WEIGHTED, CC_ROUND_ROBIN, BY_WEIGHT, BY_TURNS),
        (CC_ROUND_ROBIN, CC_WEIGHTED, BY_TURNS, BY_WEIGHT),
    ] {
        let mut rig = rig(first, &LOW_AND_HIGH, TWO_TO_ONE);
        assert_eq!(fetched(&mut rig, &[1, 2], 4)[..6], before, "{first:#x}");
        rig.settle();
        rig.reap(1);
        rig.reap(2);
        rig.disable();
        // Changed while disabled, and in the write that enables.
        rig.write32(reg::CC, second & !1);
        rig.enable_as(second);
        for (qid, qprio) in (1..).zip(LOW_AND_HIGH) {
            rig.create_pair_as(qid, qid, qprio);
        }
        assert!(rig.admin(Sqe::set_features(ARBITRATION, TWO_TO_ONE.0)).0.is_success());
        assert_eq!(fetched(&mut rig, &[1, 2], 4)[..6], after, "{second:#x}");
        assert_eq!(configuration_findings(&rig), 0, "nothing is wrong with that");
    }
}

#[test]
fn another_mechanism_while_enabled_changes_no_order_and_is_a_finding() {
    for (first, second, order) in
        [(CC_WEIGHTED, CC_ROUND_ROBIN, BY_WEIGHT), (CC_ROUND_ROBIN, CC_WEIGHTED, BY_TURNS)]
    {
        let mut rig = rig(first, &LOW_AND_HIGH, TWO_TO_ONE);
        rig.write32(reg::CC, second);
        assert_eq!(rig.read32(reg::CC), second, "the register reads as it was written");
        assert_eq!(fetched(&mut rig, &[1, 2], 4)[..6], order, "{first:#x}");
        assert_eq!(configuration_findings(&rig), 1);
    }
}

#[test]
fn both_mechanisms_are_offered_and_no_other_is_taken() {
    let mut rig = Rig::off(Config::default(), FaultPlan::none());
    let cap = u64::from(rig.read32(reg::CAP));
    assert_eq!(Cap(cap).ams(), 1);
    rig.enable_as(CC_WEIGHTED);
    rig.disable();
    rig.write32(reg::CC, CC_ROUND_ROBIN | 7 << 11);
    assert_eq!(rig.read32(reg::CSTS) >> 1 & 1, 1, "CFS");
}

#[test]
fn queues_of_65_536_entries_and_a_hundred_pairs_work() {
    let config = Config {
        queue_entries_max: 1 << 16,
        io_queues_max: 128,
        vectors: 129,
        ..Config::default()
    };
    let mut rig = Rig::with(config, FaultPlan::none());
    assert_eq!(rig.read32(reg::CAP) & 0xffff, 0xffff, "MQES");
    let base = 0x1000_0000;
    let (sq, cq) = (base, base + (1 << 22));
    rig.memory.grant(base, (1 << 22) + (1 << 20) + 256 * 4096);
    for qid in 2..=100_u16 {
        let size_z = if qid == 2 { 0xffff } else { 3 };
        let offset = if qid == 2 { 0 } else { (1 << 20) + u64::from(qid) * 8192 };
        let (sq, cq) = if qid == 2 { (sq, cq) } else { (cq + offset, cq + offset + 4096) };
        let create = Sqe::create_io_cq(qid, size_z, Some(qid)).with_prp(cq, 0);
        assert!(rig.admin(create).0.is_success(), "{qid}");
        let create = Sqe::create_io_sq(qid, size_z, qid).with_prp(sq, 0);
        assert!(rig.admin(create).0.is_success(), "{qid}");
    }
    let invalid = rig.admin(Sqe::create_io_cq(129, 3, None).with_prp(DATA, 0)).0.code;
    assert_eq!(invalid, status::INVALID_QUEUE_IDENTIFIER);
    // A whole lap of the large queue, in pieces as large as its completion queue allows.
    let bell = |at: reg::Doorbell| at.offset(0);
    for (cid, index) in (0..=u16::MAX).zip(0_u64..) {
        rig.memory_write(sq + index * 64, &Sqe::flush(7).with_cid(cid).to_bytes());
    }
    let mut done = 0;
    for tail in [0xffff_u32, 5] {
        rig.trace.clear();
        rig.write32(bell(reg::Doorbell::SqTail(2)), tail);
        rig.settle();
        done += rig.seen(|e| matches!(e, Event::Complete { cqid: 2, .. }).then_some(())).len();
        rig.write32(bell(reg::Doorbell::CqHead(2)), (done % (1 << 16)) as u32);
    }
    assert_eq!(done, (1 << 16) + 5);
    let mut last = [0; 16];
    crate::GuestMemory::read(&rig.memory, cq + 0xffff * 16, &mut last).expect("granted");
    assert_eq!(nvme_spec::Cqe::from_bytes(last).cid.get(), 0xffff);
}
