//! Hostile input: whatever the guest does, no panic, bounded work, at most one completion a command,
//! and not a byte outside of the memory it named.

use std::collections::BTreeMap;

use nvme_spec::{SQE_BYTES, Sqe};
use proptest::prelude::*;

use crate::rig::{DATA, Rig};
use crate::{Config, Event, FaultPlan, LabWake};

#[derive(Clone, Debug)]
enum Act {
    Write32(u64, u32),
    Write64(u64, u64),
    Read(u64, usize),
    Command(u16, Vec<u8>),
    Wait(u64),
    Reap(u16),
}

fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0..66_u64, 0..4096_u64).prop_map(|(page, offset)| DATA + page * 4096 + (offset & !3)),
        4 => (0..64_u64).prop_map(|page| DATA + page * 4096),
        1 => any::<u64>(),
        1 => Just(u64::MAX - 7),
    ]
}

/// A command that looks like one, with fields that do not.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![4 => 0..16_u8, 1 => any::<u8>()];
    let number = || prop_oneof![0..20_u32, Just(0xffff), any::<u32>()];
    let dwords = (number(), number(), number());
    (opcode, 0..8_u16, 0..3_u32, address(), address(), dwords).prop_map(
        |(opcode, cid, nsid, prp1, prp2, (cdw10, cdw11, cdw12))| {
            let mut sqe = Sqe::new(opcode, nsid).with_cid(cid).with_prp(prp1, prp2);
            (sqe.cdw10, sqe.cdw11, sqe.cdw12) = (cdw10.into(), cdw11.into(), cdw12.into());
            sqe.to_bytes().to_vec()
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let offset =
        || prop_oneof![(0..32_u64).prop_map(|i| i * 4), (0x1000..0x1100_u64), any::<u64>()];
    let raw = prop::collection::vec(any::<u8>(), SQE_BYTES);
    prop_oneof![
        2 => (offset(), any::<u32>()).prop_map(|(offset, value)| Act::Write32(offset, value)),
        1 => (offset(), any::<u64>()).prop_map(|(offset, value)| Act::Write64(offset, value)),
        1 => (offset(), 0..17_usize).prop_map(|(offset, length)| Act::Read(offset, length)),
        8 => (0..2_u16, command()).prop_map(|(qid, bytes)| Act::Command(qid, bytes)),
        1 => (0..2_u16, raw).prop_map(|(qid, bytes)| Act::Command(qid, bytes)),
        3 => (0..2_000_000_u64).prop_map(Act::Wait),
        3 => (0..2_u16).prop_map(Act::Reap),
    ]
}

/// Whether it asks for shadow doorbells, for which EventIdx says whether somebody polls.
fn has_shadow(act: &Act) -> bool {
    let opcode = nvme_spec::AdminOpcode::DOORBELL_BUFFER_CONFIG.0;
    matches!(act, Act::Command(0, bytes) if bytes.first() == Some(&opcode))
}

/// Does it; `false` once the host has broken its own rings.
fn perform(rig: &mut Rig, act: &Act) {
    match act {
        Act::Write32(offset, value) => rig.write32(*offset, *value),
        Act::Write64(offset, value) => rig.write64(*offset, *value),
        Act::Read(offset, length) => {
            let mut data = vec![0; *length];
            rig.controller.mmio_read(rig.now_ns, *offset, &mut data, &mut rig.trace);
        }
        Act::Command(qid, bytes) => {
            let sqe = Sqe::from_bytes(bytes.as_slice().try_into().expect("64 bytes"));
            rig.submit_as(*qid, sqe.cid(), sqe);
        }
        Act::Wait(ns) => {
            rig.wait(u16::MAX, rig.now_ns + ns);
        }
        Act::Reap(qid) => {
            rig.reap(*qid);
        }
    }
}

/// Completions never outnumber fetches, for each command identifier and queue.
fn check(trace: &[(u64, Event)]) {
    let mut open: BTreeMap<(u16, u16), i64> = BTreeMap::new();
    let mut last_ns = 0;
    for (now_ns, event) in trace {
        assert!(*now_ns >= last_ns, "time went backwards at {event}");
        last_ns = *now_ns;
        match event {
            Event::Fetch { sqid, cid, .. } => *open.entry((*sqid, *cid)).or_default() += 1,
            Event::Complete { sqid, cid, .. } => {
                let count = open.entry((*sqid, *cid)).or_default();
                *count -= 1;
                assert!(*count >= 0, "completed twice: {event}");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_guest_does_breaks_the_controller(acts in prop::collection::vec(act(), 1..60)) {
        let mut rig = Rig::with(Config::default(), FaultPlan::none());
        for act in &acts {
            perform(&mut rig, act);
        }
        prop_assert_eq!(rig.wait(u16::MAX, u64::MAX), LabWake::Forever);
        check(&rig.trace);
        prop_assert!(rig.controller.host_failure().is_none());
    }

    /// Completions that are kept until their line is full are there when the step ends, whatever else it did.
    #[test]
    fn a_controller_that_somebody_polls_tells_and_leaves_the_same(
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let rules = ["io chance=0.05 => duplicate", "write chance=0.1 => delay=1ms", "any chance=0.02 => cfs"];
        let rules: Vec<_> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let start = || Rig::with(Config::default(), FaultPlan { seed: 11, rules: rules.clone() });
        let (mut alone, mut polled) = (start(), start());
        polled.controller.set_polled(true, &polled.memory);
        for act in acts.iter().filter(|act| !has_shadow(act)) {
            perform(&mut alone, act);
            perform(&mut polled, act);
            prop_assert!(alone.memory == polled.memory, "{:?}", act);
        }
        prop_assert_eq!(alone.trace, polled.trace);
    }

    #[test]
    fn the_same_guest_gets_the_same_trace(acts in prop::collection::vec(act(), 1..40)) {
        let run = || {
            let rules = [
                "io chance=0.2 => delay=1ms",
                "io chance=0.1 => drop",
                "write chance=0.1 => lost-write",
                "any chance=0.02 => cfs",
            ];
            let mut rig = Rig::with(
                Config::default(),
                FaultPlan {
                    seed: 11,
                    rules: rules.iter().map(|rule| rule.parse().expect("a rule")).collect(),
                },
            );
            for act in &acts {
                perform(&mut rig, act);
            }
            rig.trace.iter().flat_map(|(_, event)| event.to_bytes()).collect::<Vec<u8>>()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_read_writes_its_data_pages_and_its_completion_and_nothing_else(
        slba in 0..1030_u64,
        nlb_z in 0..6_u16,
        first in 0..8_u64,
    ) {
        let mut rig = Rig::new();
        // Every data page holds a mark; the transfer goes to pages 16 + first and on.
        rig.memory_write(DATA, &vec![0xee; 60 * 4096]);
        let page = |i: u64| DATA + (16 + first + i) * 4096;
        let list = DATA + 61 * 4096;
        for i in 1..=u64::from(nlb_z) {
            rig.memory_write(list + (i - 1) * 8, &page(i).to_le_bytes());
        }
        let prp2 = if nlb_z == 1 { page(1) } else { list };
        let (status, _) = rig.run(1, Sqe::read(1, slba, nlb_z).with_prp(page(0), prp2));
        let is_good = slba + u64::from(nlb_z) < 1024;
        prop_assert_eq!(status.is_success(), is_good);
        let after = rig.data(60 * 4096);
        for (index, block) in (0_u64..).zip(after.chunks(4096)) {
            let is_inside = index >= 16 + first && index <= 16 + first + u64::from(nlb_z);
            let value = if is_good && is_inside { 0 } else { 0xee };
            prop_assert!(block.iter().all(|byte| *byte == value), "page {}", index);
        }
        prop_assert_eq!(rig.memory.refused.get(), 0);
    }
}
