//! What commands in flight may leave at a power cut: exactly those that could have been carried out.

use std::collections::BTreeSet;

use nvme_spec::command::{Copy12, FormatNvm10, Rw12, SANACT_BLOCK_ERASE, Sanitize10, prinfo};
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::dsm::DsmRange;
use nvme_spec::reservation::Reserve10;
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe, feature};

use super::power::{cut, firsts, prepared, sample, write};
use crate::format::FORMATS;
use crate::rig::{DATA, Rig};
use crate::{Config, FaultPlan};

const EXPECTED: u64 = DATA + 20 * 4096;
const LIST: u64 = DATA + 21 * 4096;

/// Blocks 10 and 11 after each of many power cuts that come right after commands were submitted. Before
/// these, both hold ones, and so do blocks 20 and 21 twos.
fn left(rules: &[&str], submit: impl Fn(&mut Rig)) -> BTreeSet<[u8; 2]> {
    left_of(&Config::default(), rules, submit)
}

fn left_of(config: &Config, rules: &[&str], submit: impl Fn(&mut Rig)) -> BTreeSet<[u8; 2]> {
    let outcome = |seed| {
        let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let mut rig = Rig::with(config.clone(), FaultPlan { seed: 1, rules });
        write(&mut rig, 10, 2, 1, true);
        write(&mut rig, 20, 2, 2, true);
        submit(&mut rig);
        cut(&mut rig, sample(seed));
        let blocks = firsts(&mut rig, 10..12);
        [blocks[0], blocks[1]]
    };
    (0..40).map(outcome).collect()
}

fn submit_write(rig: &mut Rig) {
    let sqe = prepared(rig, 10, 2, 3, false);
    rig.submit(1, sqe);
}

fn all(new: u8) -> BTreeSet<[u8; 2]> {
    [[1, 1], [new, 1], [1, new], [new, new]].into()
}

fn old() -> BTreeSet<[u8; 2]> {
    [[1, 1]].into()
}

/// A Compare of block 10 with blocks of one value, and a Write of threes there, as one.
fn submit_pair(rig: &mut Rig, expected: u8) {
    let fused = |sqe: Sqe, fuse| Sqe { cdw0: sqe.dword0().with_fuse(fuse).0.into(), ..sqe };
    rig.memory_write(EXPECTED, &[expected; 4096]);
    rig.enqueue(1, 900, fused(Sqe::compare(1, 10, 0).with_prp(EXPECTED, 0), 1));
    let write = prepared(rig, 10, 1, 3, false);
    rig.submit_as(1, 901, fused(write, 2));
}

#[test]
fn a_write_that_would_be_good_may_be_there() {
    assert_eq!(left(&[], submit_write), all(3));
    assert_eq!(left(&["write nth=3 => delay=1s"], submit_write), all(3));
}

#[test]
fn the_write_of_a_fused_pair_may_be_there_only_if_the_comparison_holds() {
    let may_be = [[1, 1], [3, 1]].into();
    assert_eq!(left(&[], |rig| submit_pair(rig, 1)), may_be);
    assert_eq!(left(&[], |rig| submit_pair(rig, 9)), old());
    let refused = ["compare => status=generic/internal-error"];
    assert_eq!(left(&refused, |rig| submit_pair(rig, 1)), old());
    assert_eq!(left(&["compare => hang"], |rig| submit_pair(rig, 1)), old());
    let blind = ["compare => early-completion=1ms"];
    assert_eq!(left(&blind, |rig| submit_pair(rig, 9)), may_be, "nobody compares first");
}

#[test]
fn whether_the_comparison_holds_is_asked_without_a_trace() {
    let mut rig = Rig::new();
    write(&mut rig, 10, 1, 1, true);
    submit_pair(&mut rig, 1);
    let (before, reads) = (rig.trace.len(), rig.controller.health.host_reads);
    cut(&mut rig, sample(1));
    let all = rig.trace.split_off(before);
    let is_of_the_cut = |event: &crate::Event| {
        matches!(event, crate::Event::PowerLoss { .. } | crate::Event::PowerCut { .. })
    };
    assert!(all.iter().all(|(_, event)| is_of_the_cut(event)), "{all:?}");
    assert_eq!(rig.controller.health.host_reads, reads);
}

#[test]
fn a_command_that_hangs_or_is_held_leaves_nothing() {
    assert_eq!(left(&["write nth=3 => hang"], submit_write), old());
    assert_eq!(left(&["write nth=3 => hold=go"], submit_write), old());
}

#[test]
fn what_a_rule_makes_fail_leaves_nothing() {
    for rule in [
        "write nth=3 => read-only",
        "write nth=3 => status=media/write-fault",
        // A lie: it is not carried out either.
        "write nth=3 => status=generic/success",
        "write nth=3 => dma-error=data",
        "write nth=3 => lost-write",
    ] {
        assert_eq!(left(&[rule], submit_write), old(), "{rule}");
    }
}

#[test]
fn a_write_that_the_namespace_or_the_controller_cannot_take_leaves_nothing() {
    let is_torn_off = |rig: &mut Rig| rig.memory.revoke(DATA + 4096);
    let data = |rig: &mut Rig| {
        submit_write(rig);
        is_torn_off(rig);
    };
    assert_eq!(left(&[], data), old(), "the second page is out of reach");
    let nlb = |rig: &mut Rig, slba: u64, blocks: u64| {
        let sqe = prepared(rig, slba, blocks, 3, false);
        rig.submit(1, sqe);
    };
    let small = Config { mdts: 1, ..Config::default() };
    assert_eq!(left_of(&small, &[], |rig| nlb(rig, 10, 3)), old(), "longer than MDTS");
    assert_eq!(left_of(&small, &[], |rig| nlb(rig, 10, 2)), all(3));
    // The last block of the namespace is there, the one behind it is not.
    let last = |blocks: u64| -> BTreeSet<u8> {
        let end = |seed| {
            let mut rig = Rig::new();
            nlb(&mut rig, 1023, blocks);
            cut(&mut rig, sample(seed));
            rig.on_media(1023)
        };
        (0..16).map(end).collect()
    };
    assert_eq!((last(1), last(2)), ([0, 3].into(), [0].into()));
    // The same for zeros.
    for (blocks_z, expected) in [(0, [0, 2].into()), (1, [2].into())] {
        let end = |seed| {
            let mut rig = Rig::new();
            write(&mut rig, 1023, 1, 2, true);
            rig.submit(1, Sqe::write_zeroes(1, 1023, blocks_z));
            cut(&mut rig, sample(seed));
            rig.on_media(1023)
        };
        assert_eq!((0..16).map(end).collect::<BTreeSet<u8>>(), expected);
    }
}

#[test]
fn a_write_that_a_sanitize_or_a_format_refuses_leaves_nothing() {
    let sanitize = |rig: &mut Rig| {
        let mut sqe = Sqe::new(AdminOpcode::SANITIZE.0, 0);
        sqe.cdw10 = Sanitize10(0).with_sanact(SANACT_BLOCK_ERASE).0.into();
        assert!(rig.prompt(0, sqe).0.is_success());
        submit_write(rig);
    };
    assert_eq!(left(&[], sanitize), old());
    let format = |rig: &mut Rig| {
        rig.submit(0, Sqe::format_nvm(1, FormatNvm10(0)));
        submit_write(rig);
    };
    assert_eq!(left(&[], format), old());
}

fn set_host(rig: &mut Rig, id: u64) {
    rig.memory_write(DATA, &id.to_le_bytes());
    let sqe = Sqe::set_features(feature::HOST_IDENTIFIER, 0).with_prp(DATA, 0);
    assert!(rig.admin(sqe).0.is_success());
}

#[test]
fn a_write_that_another_hosts_reservation_forbids_leaves_nothing() {
    let reserved_by = |holder: u64| {
        move |rig: &mut Rig| {
            set_host(rig, holder);
            rig.memory_write(DATA, &[0_u64, 7].map(u64::to_le_bytes).concat());
            let register = Sqe::new(NvmOpcode::RESERVATION_REGISTER.0, 1).with_prp(DATA, 0);
            assert!(rig.run(1, register).0.is_success());
            rig.memory_write(DATA, &[7_u64, 0].map(u64::to_le_bytes).concat());
            let mut acquire = Sqe::new(NvmOpcode::RESERVATION_ACQUIRE.0, 1).with_prp(DATA, 0);
            acquire.cdw10 = Reserve10(0).with_rtype(1).0.into();
            assert!(rig.run(1, acquire).0.is_success());
            rig.disable();
            rig.enable();
            rig.create_pair(1, 1);
            set_host(rig, 0xb);
            submit_write(rig);
        }
    };
    assert_eq!(left(&[], reserved_by(0xa)), old());
    assert_eq!(left(&[], reserved_by(0xb)), all(3));
}

#[test]
fn of_a_copy_each_block_may_be_there_and_none_if_a_source_is_not() {
    let copy = |slba: u64| {
        move |rig: &mut Rig| {
            let range = CopyRange { slba, nlb_z: 1, ..CopyRange::default() };
            let format = CopyFormat::new(0).expect("a format");
            rig.memory_write(LIST, &range.encode(format)[..format.entry_bytes()]);
            rig.submit(1, Sqe::copy(1, 10, Copy12(0)).with_prp(LIST, 0));
        }
    };
    assert_eq!(left(&[], copy(20)), all(2));
    assert_eq!(left(&[], copy(1023)), old());
}

#[test]
fn of_a_deallocate_each_range_may_be_there_and_none_if_one_is_out_of_range() {
    let deallocate = |sqe: Sqe, last: DsmRange| {
        move |rig: &mut Rig| {
            let ranges = [DsmRange::new(10, 1), last];
            rig.memory_write(LIST, &ranges.map(|range| range.to_bytes()).concat());
            rig.submit(1, sqe.with_prp(LIST, 0));
        }
    };
    let two = Sqe::deallocate(1, 1);
    assert_eq!(left(&[], deallocate(two, DsmRange::new(11, 1))), all(0));
    assert_eq!(left(&[], deallocate(two, DsmRange::new(1024, 1))), old());
    // Without the attribute a range is only a hint.
    let hint = Sqe { cdw11: 0.into(), ..two };
    assert_eq!(left(&[], deallocate(hint, DsmRange::new(11, 1))), old());
    let lost = ["dataset-management => lost-write"];
    assert_eq!(left(&lost, deallocate(two, DsmRange::new(11, 1))), old());
}

#[test]
fn of_a_write_zeroes_each_block_may_be_there_with_its_protection_information() {
    let submit_zeroes = |rig: &mut Rig| {
        rig.submit(1, Sqe::write_zeroes(1, 10, 1));
    };
    assert_eq!(left(&[], submit_zeroes), all(0));
    let index = FORMATS.iter().position(|format| (format.lbads, format.metadata_bytes) == (12, 8));
    let how = FormatNvm10(0).with_lbafl(index.expect("4096 + 8") as u32).with_pi(1);
    let metadata = DATA + 30 * 4096;
    let tags = |seed| {
        let mut rig = Rig::new();
        assert!(rig.admin(Sqe::format_nvm(1, how)).0.is_success());
        let mut zeroes = Sqe::write_zeroes(1, 10, 0);
        zeroes.cdw12 = Rw12(zeroes.cdw12.get()).with_prinfo(prinfo::ACTION).0.into();
        zeroes.cdw14 = 10.into();
        rig.submit(1, zeroes);
        cut(&mut rig, sample(seed));
        rig.enable();
        rig.create_pair(1, 1);
        let read = Sqe::read(1, 10, 0).with_prp(DATA, 0).with_mptr(metadata);
        assert!(rig.run(1, read).0.is_success());
        let mut tuple = [0; 8];
        crate::GuestMemory::read(&rig.memory, metadata, &mut tuple).expect("granted");
        tuple
    };
    let found: BTreeSet<[u8; 8]> = (0..16).map(tags).collect();
    assert_eq!(found, [[0, 0, 0, 0, 0, 0, 0, 10], [0xff; 8]].into());
}
