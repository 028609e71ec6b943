//! Rules about blocks and what a Copy moves: its sources and its destination.

use nvme_spec::command::Copy12;
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::{Sqe, Status, status};

use crate::rig::{DATA, Rig};

/// A source: namespace (of formats that name it), first block, blocks.
type Source = (u32, u64, u16);

/// Copies to `slba` on in namespace 1, with entries of this format.
fn copy(rig: &mut Rig, format: u8, slba: u64, sources: &[Source]) -> Status {
    let form = CopyFormat::new(format).expect("a format");
    let encode = |&(nsid, slba, blocks): &Source| {
        let range = CopyRange { nsid, slba, nlb_z: blocks - 1, ..CopyRange::default() };
        range.encode(form)[..form.entry_bytes()].to_vec()
    };
    let bytes: Vec<u8> = sources.iter().flat_map(encode).collect();
    rig.memory_write(DATA, &bytes);
    let how = Copy12(0).with_desfmt(format.into()).with_nr_z(sources.len() as u32 - 1);
    rig.run(1, Sqe::copy(1, slba, how).with_prp(DATA, DATA + 4096)).0
}

/// How often the first rule fired.
fn fired(rig: &Rig) -> u64 {
    rig.controller.faults().counts().next().expect("a rule").1.fired
}

#[test]
fn a_rule_about_blocks_sees_the_sources_and_the_destination_of_a_copy() {
    let two: &[Source] = &[(7, 40, 2), (9, 60, 3)];
    for (rule, expected) in [
        ("copy lba=39..40", false),
        ("copy lba=40", true),
        ("io lba=41..45", true),
        ("copy lba=42..60", false),
        ("copy lba=62", true),
        ("copy lba=63..100", false),
        ("copy lba=99..101", true),
        ("io lba=104", true),
        ("copy lba=105", false),
        ("read lba=40", false),
        ("copy not{ lba=40 }", false),
        ("copy all{ lba=41 | lba=61 | lba=104 } not{ lba=50 }", true),
        ("copy nsid=1", true),
        ("copy nsid=7", false),
    ] {
        for format in 0..CopyFormat::COUNT {
            let mut rig = Rig::faulty(&[&format!("{rule} => expect")]);
            copy(&mut rig, format, 100, two);
            assert_eq!(fired(&rig), u64::from(expected), "{rule}, format {format}");
        }
    }
}

#[test]
fn with_a_namespace_a_rule_means_the_blocks_of_that_one() {
    let sources: &[Source] = &[(7, 40, 2), (1, 60, 3)];
    // Formats 0 and 1 have no field for it: all sources are the destination's neighbours.
    for (rule, unnamed, named) in [
        ("copy nsid=1 lba=40", true, false),
        ("copy nsid=7 lba=40", false, true),
        ("copy nsid=1 lba=60", true, true),
        ("copy nsid=7 lba=60", false, false),
        ("copy nsid=1 lba=104", true, true),
        ("copy nsid=7 lba=104", false, false),
    ] {
        for format in 0..CopyFormat::COUNT {
            let mut rig = Rig::faulty(&[&format!("{rule} => expect")]);
            copy(&mut rig, format, 100, sources);
            let expected = if format < 2 { unnamed } else { named };
            assert_eq!(fired(&rig), u64::from(expected), "{rule}, format {format}");
        }
    }
}

#[test]
fn what_cannot_be_read_of_a_copy_is_not_seen() {
    let mut rig = Rig::faulty(&["copy lba=0..1024 => expect"]);
    let nowhere = !0xfff;
    rig.run(1, Sqe::copy(1, 100, Copy12(0)).with_prp(nowhere, 0));
    assert_eq!(fired(&rig), 0);
}

#[test]
fn a_copy_from_a_sick_block_fails_and_one_onto_it_heals_it() {
    let mut rig = Rig::faulty(&[
        "copy lba=8..10 => status=media/unrecovered-read until-rewrite",
        "read lba=8..10 => status=media/unrecovered-read until-rewrite",
    ]);
    assert!(copy(&mut rig, 0, 100, &[(1, 0, 2), (1, 10, 1)]).is_success());
    assert_eq!(copy(&mut rig, 0, 100, &[(1, 0, 2), (1, 9, 1)]).code, status::UNRECOVERED_READ);
    rig.read_block(9).expect_err("still bad");
    assert!(rig.write_block(9, 1, false).is_success());
    assert!(copy(&mut rig, 0, 100, &[(1, 9, 1)]).is_success());

    let rules = ["read lba=8..10 => status=media/unrecovered-read until-rewrite"];
    let mut rig = Rig::faulty(&rules);
    rig.write_block(20, 7, false);
    rig.read_block(8).expect_err("bad");
    assert!(copy(&mut rig, 0, 8, &[(1, 20, 1)]).is_success());
    assert_eq!(rig.read_block(8).expect("healed by the copy")[0], 7);
    rig.read_block(9).expect_err("not written");
}

#[test]
fn blocks_are_sick_in_the_namespace_of_the_rule_only() {
    let rule = "copy nsid=7 lba=8..10 => expect until-rewrite";
    let mut rig = Rig::faulty(&[rule]);
    copy(&mut rig, 2, 100, &[(1, 8, 2)]);
    assert_eq!(fired(&rig), 0);
    copy(&mut rig, 2, 8, &[(1, 0, 2)]);
    assert_eq!(fired(&rig), 0, "its destination is in namespace 1");
    copy(&mut rig, 2, 100, &[(7, 9, 1)]);
    assert_eq!(fired(&rig), 1);
}
