//! Metadata and protection information between host, cache and media.

use nvme_spec::command::{FormatNvm10, Rw12, prinfo};
use nvme_spec::sgl::{KIND_DATA_BLOCK, PSDT_SGL, PSDT_SGL_METADATA, SglDescriptor};
use nvme_spec::{Sqe, Status, status};

use crate::format::{FORMATS, NamespaceFormat};
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, FaultPlan, GuestMemory};

const METADATA: u64 = DATA + 40 * 4096;
const GUARD: u32 = prinfo::CHECK_GUARD;
const REFERENCE: u32 = prinfo::CHECK_REFERENCE;

/// How the host gives its buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pointers {
    Prp,
    Sgl,
    SglMetadata,
}

fn format(rig: &mut Rig, index: u32, is_extended: bool, dps: u32) {
    let how = FormatNvm10(0).with_lbafl(index).with_mset(is_extended.into());
    let how = how.with_pi(dps & 7).with_pil(dps >> 3);
    assert!(rig.admin(Sqe::format_nvm(1, how)).0.is_success());
}

fn formatted(index: u32, is_extended: bool, dps: u32) -> Rig {
    let mut rig = Rig::new();
    format(&mut rig, index, is_extended, dps);
    rig
}

fn current(rig: &Rig) -> NamespaceFormat {
    rig.controller.namespaces.get(1).expect("there").format
}

/// A command on `count` blocks with data at [`DATA`] and metadata at [`METADATA`].
fn with_buffers(rig: &Rig, sqe: Sqe, count: u32, pointers: Pointers) -> Sqe {
    let format = current(rig);
    let metadata = count * format.metadata_bytes();
    let extended = if format.is_extended { metadata } else { 0 };
    let length = count * format.data_bytes() + extended;
    let data = SglDescriptor::new(KIND_DATA_BLOCK, DATA, length);
    match pointers {
        Pointers::Prp => {
            let list = DATA + 63 * 4096;
            for i in 1..8_u64 {
                rig.memory_write(list + (i - 1) * 8, &(DATA + i * 4096).to_le_bytes());
            }
            let prp2 = if length <= 2 * 4096 { DATA + 4096 } else { list };
            sqe.with_prp(DATA, prp2).with_mptr(METADATA)
        }
        Pointers::Sgl => sqe.with_sgl(PSDT_SGL, data).with_mptr(METADATA),
        Pointers::SglMetadata => {
            let at = DATA + 62 * 4096;
            let first = SglDescriptor::new(KIND_DATA_BLOCK, METADATA, metadata);
            rig.memory_write(at, &first.to_bytes());
            sqe.with_sgl(PSDT_SGL_METADATA, data).with_mptr(at)
        }
    }
}

fn with_prinfo(mut sqe: Sqe, prinfo: u32, reference: u32) -> Sqe {
    sqe.cdw12 = Rw12(sqe.cdw12.get()).with_prinfo(prinfo).0.into();
    sqe.cdw14 = reference.into();
    sqe
}

fn memory(rig: &Rig, address: u64, length: u32) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    rig.memory.read(address, &mut bytes).expect("granted");
    bytes
}

fn pattern(length: u32, seed: u32) -> Vec<u8> {
    (0..length).map(|i| (i * 13 + i / 251 + seed) as u8).collect()
}

#[test]
fn data_and_metadata_come_back_with_every_format_layout_and_pointer() {
    for (index, is_extended) in (0..FORMATS.len() as u32).flat_map(|i| [(i, false), (i, true)]) {
        if is_extended && FORMATS[index as usize].metadata_bytes == 0 {
            continue;
        }
        let mut rig = formatted(index, is_extended, 0);
        let format = current(&rig);
        let extra = if is_extended { format.metadata_bytes() } else { 0 };
        let (data_length, metadata_length) =
            (3 * (format.data_bytes() + extra), 3 * (format.metadata_bytes() - extra));
        for (round, pointers) in (0..).zip([Pointers::Prp, Pointers::Sgl, Pointers::SglMetadata]) {
            let (data, metadata) =
                (pattern(data_length, round), pattern(metadata_length, 99 + round));
            rig.memory_write(DATA, &data);
            rig.memory_write(METADATA, &metadata);
            let write = with_buffers(&rig, Sqe::write(1, 10, 2, round == 1), 3, pointers);
            assert!(rig.run(1, write).0.is_success(), "{index} {is_extended} {pointers:?}");
            rig.memory_write(DATA, &vec![0xee; data.len()]);
            rig.memory_write(METADATA, &vec![0xee; 4096]);
            let read = with_buffers(&rig, Sqe::read(1, 10, 2), 3, pointers);
            assert!(rig.run(1, read).0.is_success());
            assert!(memory(&rig, DATA, data_length) == data);
            assert!(memory(&rig, METADATA, metadata_length) == metadata);
            let behind = memory(&rig, METADATA + u64::from(metadata_length), 16);
            assert_eq!(behind, [0xee; 16], "not a byte more");
        }
    }
}

#[test]
fn a_power_cut_takes_data_and_metadata_of_a_block_together() {
    let mut rig = formatted(3, false, 0);
    for (value, is_fua) in [(1, true), (2, false)] {
        rig.memory_write(DATA, &[value; 4096]);
        rig.memory_write(METADATA, &[value; 8]);
        let write = with_buffers(&rig, Sqe::write(1, 5, 0, is_fua), 1, Pointers::Prp);
        assert!(rig.run(1, write).0.is_success());
    }
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    rig.create_pair(1, 1);
    let read = with_buffers(&rig, Sqe::read(1, 5, 0), 1, Pointers::Prp);
    assert!(rig.run(1, read).0.is_success());
    assert_eq!((memory(&rig, DATA, 1), memory(&rig, METADATA, 8)), (vec![1], vec![1; 8]));
}

#[test]
fn metadata_pointers_are_checked_before_anything_is_moved() {
    let mut rig = formatted(3, false, 0);
    rig.memory_write(DATA, &[0xee; 4096]);
    let read = |mptr| Sqe::read(1, 0, 0).with_prp(DATA, 0).with_mptr(mptr);
    assert_eq!(rig.run(1, read(METADATA + 2)).0.code, status::INVALID_FIELD);
    let sgl = |rig: &Rig, metadata: SglDescriptor, at: u64| {
        rig.memory_write(DATA + 62 * 4096, &metadata.to_bytes());
        let data = SglDescriptor::new(KIND_DATA_BLOCK, DATA, 4096);
        Sqe::read(1, 0, 0).with_sgl(PSDT_SGL_METADATA, data).with_mptr(DATA + 62 * 4096 + at)
    };
    let block = |kind, length| SglDescriptor::new(kind, METADATA, length);
    for (metadata, at, code) in [
        (block(KIND_DATA_BLOCK, 9), 0, status::METADATA_SGL_LENGTH_INVALID),
        (block(KIND_DATA_BLOCK, 7), 0, status::METADATA_SGL_LENGTH_INVALID),
        (block(5, 8), 0, status::SGL_TYPE_INVALID),
        (block(KIND_DATA_BLOCK, 8), 4, status::SGL_SEGMENT_INVALID),
    ] {
        let sqe = sgl(&rig, metadata, at);
        assert_eq!(rig.run(1, sqe).0.code, code);
    }
    assert_eq!(memory(&rig, DATA, 4096), [0xee; 4096]);
    assert_eq!(rig.run(1, read(0xdead_0000)).0.code, status::DATA_TRANSFER_ERROR);
}

#[test]
fn the_controller_makes_and_takes_protection_information() {
    // Metadata that is nothing else, in both layouts and all types.
    for (index, dps) in [2, 3, 8].into_iter().flat_map(|i| [1, 2, 3, 9].map(|dps| (i, dps))) {
        for is_extended in [false, true] {
            let mut rig = formatted(index, is_extended, dps);
            let format = current(&rig);
            let action = prinfo::ACTION | GUARD;
            let plain = NamespaceFormat::plain(format.data_bytes());
            let data = pattern(3 * plain.data_bytes(), index);
            rig.memory_write(DATA, &data);
            let buffer = SglDescriptor::new(KIND_DATA_BLOCK, DATA, data.len() as u32);
            let write = Sqe::write(1, 7, 2, false).with_sgl(PSDT_SGL, buffer);
            let written = rig.run(1, with_prinfo(write, action, 7)).0;
            assert!(written.is_success(), "{index} {dps} {written}");
            rig.memory_write(DATA, &vec![0; data.len()]);
            let read = Sqe::read(1, 7, 2).with_sgl(PSDT_SGL, buffer);
            assert!(rig.run(1, with_prinfo(read, action, 7)).0.is_success());
            assert!(memory(&rig, DATA, data.len() as u32) == data);
            // And the host sees it if it wants to: application tag, then the block's number.
            let read = with_buffers(&rig, Sqe::read(1, 8, 0), 1, Pointers::Sgl);
            assert!(rig.run(1, read).0.is_success());
            let at = if is_extended { DATA + u64::from(format.data_bytes()) } else { METADATA };
            let tuple = memory(&rig, at, format.metadata_bytes());
            let expected = if dps & 7 == 3 { 7 } else { 8 };
            assert_eq!(tuple[tuple.len() - 1], expected, "{index} {dps}");
        }
    }
}

/// Writes block 5 with protection information made by the controller, and reads it back into the host's
/// buffers.
fn protected_block(rules: &[&str], index: u32, dps: u32) -> Rig {
    let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    let mut rig = Rig::with(Config::default(), FaultPlan { seed: 1, rules });
    format(&mut rig, index, false, dps);
    rig.memory_write(DATA, &pattern(4096, 3));
    let write = with_buffers(&rig, Sqe::write(1, 5, 0, false), 1, Pointers::Prp);
    assert!(rig.run(1, with_prinfo(write, prinfo::ACTION, 5)).0.is_success());
    let read = with_buffers(&rig, Sqe::read(1, 5, 0), 1, Pointers::Prp);
    assert!(rig.run(1, read).0.is_success());
    rig
}

fn on_block(rig: &mut Rig, sqe: Sqe, prinfo: u32, reference: u32) -> Status {
    let sqe = with_buffers(rig, sqe, 1, Pointers::Prp);
    rig.run(1, with_prinfo(sqe, prinfo, reference)).0
}

#[test]
fn the_hosts_protection_information_is_checked_before_it_is_stored() {
    let mut rig = protected_block(&[], 3, 1);
    assert!(on_block(&mut rig, Sqe::write(1, 5, 0, false), GUARD | REFERENCE, 5).is_success());
    let wrong = on_block(&mut rig, Sqe::write(1, 6, 0, false), REFERENCE, 6);
    assert_eq!((wrong.code, wrong.dnr), (status::REFERENCE_TAG_CHECK, true));
    let mut tagged = Sqe::write(1, 5, 0, false);
    tagged.cdw15 = 0xffff_0001_u32.into();
    let wrong = on_block(&mut rig, tagged, prinfo::CHECK_APPLICATION, 5);
    assert_eq!(wrong.code, status::APPLICATION_TAG_CHECK);
    rig.memory_write(DATA, &[0xff]);
    let wrong = on_block(&mut rig, Sqe::write(1, 5, 0, false), GUARD, 5);
    assert_eq!(wrong.code, status::GUARD_CHECK);
    let invalid = on_block(&mut rig, Sqe::write(1, 5, 0, false), REFERENCE, 6);
    assert_eq!(invalid.code, status::INVALID_PROTECTION_INFORMATION);
    assert!(on_block(&mut rig, Sqe::read(1, 5, 0), GUARD | REFERENCE, 5).is_success());
}

#[test]
fn a_write_that_went_wrong_inside_is_found_by_its_protection_information() {
    for (rule, code) in [
        ("write => corrupt=100^0xff", status::GUARD_CHECK),
        ("write => misdirect=9", status::REFERENCE_TAG_CHECK),
    ] {
        let mut rig = protected_block(&[rule], 3, 1);
        let lba = if code == status::GUARD_CHECK { 5 } else { 9 };
        for sqe in [Sqe::read(1, lba, 0), Sqe::verify(1, lba, 0), Sqe::compare(1, lba, 0)] {
            let reference = u32::try_from(lba).expect("small");
            let found = on_block(&mut rig, sqe, GUARD | REFERENCE, reference);
            assert_eq!(found.code, code, "{rule}");
        }
        let log = Sqe::get_log_page(1, u32::MAX, 15, 0);
        assert_eq!(rig.admin_page(log).1[16..24], lba.to_le_bytes());
    }
}

#[test]
fn a_corruption_on_the_way_to_the_host_is_for_the_host_to_find() {
    let mut rig = protected_block(&["read nth=2 => corrupt=0^0xff"], 3, 1);
    let before = memory(&rig, DATA, 4096);
    assert!(on_block(&mut rig, Sqe::read(1, 5, 0), GUARD, 5).is_success());
    assert_eq!(memory(&rig, DATA, 1)[0], !before[0]);
}

#[test]
fn blocks_without_protection_information_pass_every_check() {
    let mut rig = protected_block(&[], 3, 1);
    assert!(on_block(&mut rig, Sqe::read(1, 77, 0), GUARD | REFERENCE, 77).is_success());
    assert_eq!(memory(&rig, METADATA, 8), [0xff; 8]);
    assert!(on_block(&mut rig, Sqe::write_zeroes(1, 5, 0), 0, 5).is_success());
    assert!(on_block(&mut rig, Sqe::read(1, 5, 0), GUARD | REFERENCE, 5).is_success());
    assert_eq!(memory(&rig, METADATA, 8), [0xff; 8]);
    assert!(on_block(&mut rig, Sqe::write_zeroes(1, 5, 599), prinfo::ACTION, 5).is_success());
    assert!(on_block(&mut rig, Sqe::read(1, 604, 0), GUARD | REFERENCE, 604).is_success());
    assert_eq!(memory(&rig, METADATA, 8), [0, 0, 0, 0, 0, 0, 2, 0x5c]);
}

#[test]
fn compare_ignores_protection_information_and_sees_other_metadata() {
    let mut rig = protected_block(&[], 5, 1);
    let compare = Sqe::compare(1, 5, 0);
    rig.memory_write(METADATA + 56, &[0x55; 8]);
    assert!(on_block(&mut rig, compare, GUARD, 5).is_success());
    rig.memory_write(METADATA + 55, &[1]);
    assert_eq!(on_block(&mut rig, compare, GUARD, 5).code, status::COMPARE_FAILURE);
    for sqe in [compare, Sqe::verify(1, 5, 0)] {
        let refused = on_block(&mut rig, sqe, prinfo::ACTION, 5);
        assert_eq!(refused.code, status::INVALID_PROTECTION_INFORMATION);
    }
}

#[test]
fn verify_checks_the_tags_of_blocks_far_from_the_first() {
    let mut rig = protected_block(&[], 3, 2);
    assert!(on_block(&mut rig, Sqe::write_zeroes(1, 0, 999), prinfo::ACTION, 40).is_success());
    let verify = Sqe::verify(1, 0, 999);
    assert!(on_block(&mut rig, verify, GUARD | REFERENCE, 40).is_success());
    assert_eq!(on_block(&mut rig, verify, REFERENCE, 41).code, status::REFERENCE_TAG_CHECK);
    assert!(on_block(&mut rig, Sqe::write_zeroes(1, 700, 0), prinfo::ACTION, 1).is_success());
    assert_eq!(on_block(&mut rig, verify, REFERENCE, 40).code, status::REFERENCE_TAG_CHECK);
    let log = Sqe::get_log_page(1, u32::MAX, 15, 0);
    assert_eq!(rig.admin_page(log).1[16..24], 700_u64.to_le_bytes());
}

#[test]
fn the_storage_tag_is_the_hosts_and_checked_if_it_wants() {
    let mut rig = Rig::new();
    format(&mut rig, 9, true, 1);
    let with_tag = |sqe: Sqe, tag: u32, is_checked: bool, prinfo: u32| {
        let mut sqe = with_prinfo(sqe, prinfo, 5);
        sqe.cdw12 = Rw12(sqe.cdw12.get()).with_stc(is_checked.into()).0.into();
        sqe.cdw3 = tag.into();
        sqe
    };
    let write = with_buffers(&rig, Sqe::write(1, 5, 0, false), 1, Pointers::Sgl);
    assert!(rig.run(1, with_tag(write, 0xabcd, false, prinfo::ACTION)).0.is_success());
    let read = with_buffers(&rig, Sqe::read(1, 5, 0), 1, Pointers::Sgl);
    for (tag, is_checked, is_good) in
        [(0xabcd, true, true), (0xabcc, true, false), (0xabcc, false, true)]
    {
        let (status, _) = rig.run(1, with_tag(read, tag, is_checked, GUARD | REFERENCE));
        assert_eq!(status.is_success(), is_good);
        assert!(is_good || status.code == status::STORAGE_TAG_CHECK);
    }
}
