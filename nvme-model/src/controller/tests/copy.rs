//! Copy: ranges, limits, namespaces, protection information.

use nvme_spec::command::{Copy12, FormatNvm10, Rw12, prinfo};
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::identify::IdentifyNamespace;
use nvme_spec::{Sqe, Status, feature, status};

use crate::rig::{DATA, Rig};

fn range(slba: u64, blocks: u16) -> CopyRange {
    CopyRange { slba, nlb_z: blocks - 1, ..CopyRange::default() }
}

/// Copies ranges to `slba` on, as `how` says beyond their number.
fn copy(rig: &mut Rig, slba: u64, ranges: &[CopyRange], how: Copy12) -> Status {
    let format = CopyFormat::new(how.desfmt() as u8).expect("a format");
    let bytes: Vec<u8> = ranges
        .iter()
        .flat_map(|range| range.encode(format)[..format.entry_bytes()].to_vec())
        .collect();
    rig.memory_write(DATA, &bytes);
    let how = how.with_nr_z(ranges.len() as u32 - 1);
    rig.run(1, Sqe::copy(1, slba, how).with_prp(DATA, DATA + 4096)).0
}

fn plain(rig: &mut Rig, slba: u64, ranges: &[CopyRange]) -> Status {
    copy(rig, slba, ranges, Copy12(0))
}

fn firsts(rig: &mut Rig, lbas: std::ops::Range<u64>) -> Vec<u8> {
    lbas.map(|lba| rig.read_block(lba).expect("readable")[0]).collect()
}

fn counted() -> Rig {
    let mut rig = Rig::new();
    for lba in 0..8 {
        rig.write_block(lba, lba as u8 + 1, lba % 2 == 0);
    }
    rig
}

#[test]
fn ranges_follow_each_other_at_the_destination() {
    let mut rig = counted();
    assert!(plain(&mut rig, 100, &[range(4, 2), range(0, 1), range(6, 2)]).is_success());
    assert_eq!(firsts(&mut rig, 99..106), [0, 5, 6, 1, 7, 8, 0]);
}

#[test]
fn overlapping_ranges_are_copied_as_they_were() {
    let mut rig = counted();
    assert!(plain(&mut rig, 1, &[range(0, 4)]).is_success());
    assert_eq!(firsts(&mut rig, 0..6), [1, 1, 2, 3, 4, 6]);
}

#[test]
fn the_limits_of_identify_hold_exactly() {
    let mut rig = Rig::new();
    let (_, page) = rig.admin_page(Sqe::identify(0, 1));
    let id = IdentifyNamespace::from_prefix(&page).expect("4096 bytes");
    let (longest, most) = (id.mssrl.get(), id.mcl.get());
    let ranges_max = usize::from(id.msrc_z) + 1;
    let exceeded = status::COMMAND_SIZE_LIMIT_EXCEEDED;
    assert!(plain(&mut rig, 512, &[range(0, longest)]).is_success());
    assert_eq!(plain(&mut rig, 512, &[range(0, longest + 1)]).code, exceeded);
    assert!(plain(&mut rig, 512, &vec![range(0, 1); ranges_max]).is_success());
    assert_eq!(plain(&mut rig, 512, &vec![range(0, 1); ranges_max + 1]).code, exceeded);
    let whole = vec![range(0, longest); most as usize / usize::from(longest)];
    assert!(plain(&mut rig, 0, &whole).is_success());
    let more: Vec<CopyRange> = whole.iter().copied().chain([range(0, 1)]).collect();
    assert_eq!(plain(&mut rig, 0, &more).code, exceeded);
}

#[test]
fn a_copy_that_fails_writes_nothing() {
    let mut rig = counted();
    rig.run(1, Sqe::write_uncorrectable(1, 50, 0));
    for (ranges, slba, code) in [
        (vec![range(0, 1), range(1023, 2)], 10, status::LBA_OUT_OF_RANGE),
        (vec![range(0, 2)], 1023, status::LBA_OUT_OF_RANGE),
        (vec![range(0, 1), range(50, 1)], 10, status::UNRECOVERED_READ),
    ] {
        assert_eq!(plain(&mut rig, slba, &ranges).code, code);
    }
    assert_eq!(firsts(&mut rig, 10..12), [0, 0]);
    assert_eq!(rig.read_block(1023).expect("readable")[0], 0);
}

#[test]
fn forms_that_do_not_fit_are_refused() {
    let mut rig = counted();
    let one = [range(0, 1)];
    let code = copy(&mut rig, 10, &one, Copy12(0).with_desfmt(1)).code;
    assert_eq!(code, status::INVALID_FORMAT);
    let unknown = Sqe::copy(1, 10, Copy12(0).with_desfmt(4)).with_prp(DATA, 0);
    assert_eq!(rig.run(1, unknown).0.code, status::INVALID_FIELD);
}

#[test]
fn a_lost_copy_stores_nothing_and_a_torn_one_a_part() {
    for (rule, expected) in [("copy => lost-write", [0, 0]), ("copy => torn=1", [1, 0])] {
        let mut rig = Rig::faulty(&[rule]);
        rig.write_block(0, 1, false);
        rig.write_block(1, 2, false);
        assert!(plain(&mut rig, 10, &[range(0, 2)]).is_success());
        assert_eq!(firsts(&mut rig, 10..12), expected);
    }
}

#[test]
fn protection_information_is_checked_at_the_source_and_made_at_the_destination() {
    // A 64-bit guard, whose entries have the long form.
    let mut rig = Rig::new();
    let how = FormatNvm10(0).with_lbafl(8).with_pi(1);
    assert!(rig.admin(Sqe::format_nvm(1, how)).0.is_success());
    let mut write = Sqe::write(1, 5, 0, false).with_prp(DATA, 0);
    write.cdw12 = Rw12(0).with_prinfo(prinfo::ACTION).0.into();
    write.cdw14 = 5.into();
    rig.memory_write(DATA, &[7; 4096]);
    assert!(rig.run(1, write).0.is_success());
    let checks = prinfo::CHECK_GUARD | prinfo::CHECK_REFERENCE;
    let action = prinfo::ACTION | checks;
    let how = Copy12(0).with_desfmt(1).with_prinfor(action).with_prinfow(prinfo::ACTION);
    let source = CopyRange { tags: 5, ..range(5, 1) };
    let mut run = |sources: &[CopyRange], how: Copy12, reference: u32| {
        let bytes: Vec<u8> =
            sources.iter().flat_map(|r| r.encode(CopyFormat::new(1).expect("one"))).collect();
        rig.memory_write(DATA, &bytes);
        let mut sqe = Sqe::copy(1, 9, how).with_prp(DATA, 0);
        sqe.cdw14 = reference.into();
        rig.run(1, sqe).0
    };
    assert!(run(&[source], how, 9).is_success());
    let wrong = CopyRange { tags: 4, ..source };
    let status = run(&[wrong], how, 9);
    assert_eq!(status.code, status::INVALID_PROTECTION_INFORMATION, "type 1 counts blocks");
    let status = run(&[source], how.with_prinfow(0), 9);
    assert_eq!(status.code, status::INVALID_PROTECTION_INFORMATION, "both ends or none");
    // As it is, the source's reference tag is wrong at the destination.
    let verbatim = how.with_prinfor(checks).with_prinfow(checks);
    assert_eq!(run(&[source], verbatim, 9).code, status::REFERENCE_TAG_CHECK);
    let mut verify = Sqe::verify(1, 9, 0);
    verify.cdw12 = Rw12(0).with_prinfo(checks).0.into();
    verify.cdw14 = 9.into();
    assert!(rig.run(1, verify).0.is_success());
    let mut read = Sqe::read(1, 9, 0).with_prp(DATA, 0);
    read.cdw12 = Rw12(0).with_prinfo(action).0.into();
    read.cdw14 = 9.into();
    assert!(rig.run(1, read).0.is_success());
    assert_eq!(rig.data(4096), [7; 4096]);
}

#[test]
fn formats_2_and_3_name_their_namespaces_once_the_host_says_so() {
    let mut rig = counted();
    let other: Box<dyn crate::Media> = Box::new(crate::RamMedia::new(64, 4096));
    rig.controller.add_namespace(rig.now_ns, 2, other, &mut rig.trace).expect("a second namespace");
    let from = |nsid, slba| CopyRange { nsid, ..range(slba, 1) };
    let how = Copy12(0).with_desfmt(2);
    assert_eq!(copy(&mut rig, 10, &[from(1, 4)], how).code, status::INVALID_FIELD);
    let mut behavior = [0; 512];
    behavior[feature::HOST_BEHAVIOR_CDFE] = 1 << 2 | 1 << 3;
    rig.memory_write(DATA, &behavior);
    let set = Sqe::set_features(feature::HOST_BEHAVIOR, 0).with_prp(DATA, 0);
    assert!(rig.admin(set).0.is_success());
    let bytes = from(1, 5).encode(CopyFormat::new(2).expect("a format"));
    rig.memory_write(DATA, &bytes);
    assert!(rig.run(1, Sqe::copy(2, 7, how).with_prp(DATA, 0)).0.is_success());
    assert!(copy(&mut rig, 10, &[from(2, 7), from(1, 4)], how).is_success());
    assert_eq!(firsts(&mut rig, 10..12), [6, 5]);
    assert_eq!(copy(&mut rig, 10, &[from(3, 7)], how).code, status::INVALID_FIELD);
    assert_eq!(copy(&mut rig, 10, &[from(99, 7)], how).code, status::INVALID_NAMESPACE);
    let smaller: Box<dyn crate::Media> = Box::new(crate::RamMedia::new(64, 512));
    rig.controller
        .add_namespace(rig.now_ns, 3, smaller, &mut rig.trace)
        .expect("a third namespace");
    assert_eq!(copy(&mut rig, 10, &[from(3, 7)], how).code, status::INCOMPATIBLE_FORMAT);
}
