//! Hostile commands of the data path: formats, metadata, lists, fused operations. Whatever they say, no
//! panic, one completion at most, and not a byte outside of what the lists describe.

use std::collections::BTreeMap;

use nvme_spec::command::FormatNvm10;
use nvme_spec::sgl::{
    DESCRIPTOR_BYTES, KIND_BIT_BUCKET, KIND_DATA_BLOCK, KIND_LAST_SEGMENT, PSDT_SGL, SglDescriptor,
};
use nvme_spec::{NvmOpcode, Sqe};
use proptest::prelude::*;

use crate::format::FORMATS;
use crate::rig::{DATA, Rig};
use crate::{Config, Event, FaultPlan, LabWake};

/// Pages of random bytes, a good part of them descriptors that point into the same pages.
const PAGES: u64 = 48;

fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (0..PAGES * 4096 / 16).prop_map(|i| DATA + i * 16),
        4 => (0..PAGES).prop_map(|page| DATA + page * 4096),
        1 => any::<u64>(),
    ]
}

fn length() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => (0..9_u32).prop_map(|blocks| blocks * 512),
        4 => (0..40_u32).prop_map(|i| i * 16),
        1 => any::<u32>(),
    ]
}

fn descriptor() -> impl Strategy<Value = SglDescriptor> {
    let kind = prop_oneof![4 => Just(KIND_DATA_BLOCK), 6 => 0..4_u8, 1 => 0..16_u8];
    (kind, address(), length()).prop_map(|(kind, at, length)| SglDescriptor::new(kind, at, length))
}

fn command() -> impl Strategy<Value = Sqe> {
    let opcodes: Vec<u8> = NvmOpcode::NAMED.iter().map(|(opcode, _)| opcode.0).collect();
    let word = || prop_oneof![4 => 0..20_u32, 1 => Just(0xffff), 2 => any::<u32>()];
    let fuse = prop_oneof![6 => Just(0_u32), 4 => 1..3_u32, 1 => Just(3)];
    let head = (prop::sample::select(opcodes), fuse, 0..4_u32, 0..3_u32);
    let pointers = (descriptor(), address());
    (head, pointers, (word(), word(), word(), word(), word(), word())).prop_map(
        |((opcode, fuse, psdt, nsid), (first, mptr), words)| {
            let mut sqe = Sqe::new(opcode, nsid.min(1) + nsid / 2).with_sgl(psdt, first);
            sqe.cdw0 = sqe.dword0().with_fuse(fuse).0.into();
            sqe.mptr = mptr.into();
            let (cdw3, cdw10, cdw11, cdw12, cdw14, cdw15) = words;
            (sqe.cdw3, sqe.cdw10, sqe.cdw11) = (cdw3.into(), cdw10.into(), (cdw11 & 3).into());
            (sqe.cdw12, sqe.cdw14, sqe.cdw15) = (cdw12.into(), cdw14.into(), cdw15.into());
            sqe
        },
    )
}

fn format(rig: &mut Rig, index: u32, is_extended: bool, dps: u32) {
    let how = FormatNvm10(0).with_lbafl(index).with_mset(is_extended.into());
    let how = how.with_pi(dps & 3).with_pil(dps >> 2);
    rig.admin(Sqe::format_nvm(1, how));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_command_on_any_format_completes_once(
        index in 0..FORMATS.len() as u32,
        is_extended in any::<bool>(),
        dps in 0..8_u32,
        descriptors in prop::collection::vec(descriptor(), 64),
        batches in prop::collection::vec(prop::collection::vec(command(), 1..6), 1..12),
    ) {
        let mut rig = Rig::with(Config::default(), FaultPlan::none());
        format(&mut rig, index, is_extended, dps);
        let bytes: Vec<u8> = descriptors.iter().flat_map(SglDescriptor::to_bytes).collect();
        for page in 0..PAGES {
            rig.memory_write(DATA + page * 4096, &bytes);
        }
        for batch in &batches {
            let (last, before) = batch.split_last().expect("at least one");
            for (cid, sqe) in (0..).zip(before) {
                rig.enqueue(1, cid, *sqe);
            }
            rig.submit_as(1, before.len() as u16, *last);
            prop_assert_eq!(rig.wait(u16::MAX, u64::MAX), LabWake::Forever);
            let mut seen = BTreeMap::new();
            for cqe in rig.reap(1) {
                *seen.entry(cqe.cid.get()).or_insert(0) += 1;
            }
            let expected: BTreeMap<u16, i32> = (0..batch.len() as u16).map(|cid| (cid, 1)).collect();
            prop_assert_eq!(seen, expected);
        }
        prop_assert!(rig.controller.host_failure().is_none());
        let is_fatal = |event: &Event| matches!(event, Event::Fatal { .. }).then_some(());
        prop_assert!(rig.seen(is_fatal).is_empty());
    }

    #[test]
    fn a_read_through_a_list_writes_what_it_describes_and_nothing_else(
        pieces in prop::collection::vec((0..40 * 4096_u64, 0..700_u32, any::<bool>()), 1..20),
    ) {
        let mut rig = Rig::new();
        rig.memory_write(DATA, &[0x5a; 8192]);
        let write = Sqe::write(1, 3, 1, false).with_prp(DATA, DATA + 4096);
        prop_assert!(rig.run(1, write).0.is_success());
        rig.memory_write(DATA, &vec![0xee; 60 * 4096]);
        // The pieces, and a last one for what they leave of the two blocks.
        let mut left = 8192;
        let mut list = Vec::new();
        for (offset, length, is_bucket) in pieces {
            let length = length.min(left);
            left -= length;
            let kind = if is_bucket { KIND_BIT_BUCKET } else { KIND_DATA_BLOCK };
            list.push(SglDescriptor::new(kind, DATA + offset, length));
        }
        list.push(SglDescriptor::new(KIND_DATA_BLOCK, DATA + 41 * 4096, left));
        let at = DATA + 61 * 4096;
        rig.memory_write(at, &list.iter().flat_map(SglDescriptor::to_bytes).collect::<Vec<u8>>());
        let bytes = (list.len() * DESCRIPTOR_BYTES) as u32;
        let first = SglDescriptor::new(KIND_LAST_SEGMENT, at, bytes);
        let (status, _) = rig.run(1, Sqe::read(1, 3, 1).with_sgl(PSDT_SGL, first));
        prop_assert!(status.is_success());
        let mut expected = vec![0xee; 60 * 4096];
        for block in list.iter().filter(|block| block.kind() == KIND_DATA_BLOCK) {
            let from = (block.address.get() - DATA) as usize;
            expected[from..from + block.length.get() as usize].fill(0x5a);
        }
        prop_assert!(rig.data(60 * 4096) == expected);
        prop_assert_eq!(rig.memory.refused.get(), 0);
    }
}
