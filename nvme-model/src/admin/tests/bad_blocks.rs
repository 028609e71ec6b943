//! Bad blocks, to all who are asked about them: Get LBA Status, its log, the self-test, and commands.

use nvme_spec::log::SELF_TEST_EXTENDED;
use nvme_spec::{Sqe, status};

use super::lba_status::listed_of;
use super::log_page;
use super::self_test::{newest, start};
use crate::fault::RuleStatus;
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, FaultPlan, RamMedia};

const RULE: &str = "read lba=10..14 => status=media/unrecovered-read until-rewrite";

fn read(rig: &mut Rig, nsid: u32, lba: u64) -> bool {
    rig.run(1, Sqe::read(nsid, lba, 0).with_prp(DATA, 0)).0.is_success()
}

fn write(rig: &mut Rig, nsid: u32, lba: u64, nlb_z: u16) {
    assert!(rig.run(1, Sqe::write_zeroes(nsid, lba, nlb_z)).0.is_success());
}

/// The first bad block that an extended self-test of a namespace finds.
fn tested(rig: &mut Rig, nsid: u32) -> Option<(u32, u64)> {
    assert_eq!(start(rig, SELF_TEST_EXTENDED, nsid), status::SUCCESS);
    rig.settle();
    match newest(rig) {
        (0x20, ..) => None,
        (_, _, nsid, lba) => Some((nsid, lba)),
    }
}

/// The namespaces of the log page.
fn logged(rig: &mut Rig) -> Vec<u8> {
    let (status, page) = rig.admin_page(log_page(0x0e, 0, 256, 0));
    assert!(status.is_success());
    let mut at = 16;
    (0..page[4])
        .map(|_| {
            let nsid = page[at];
            at += 16 + 16 * usize::from(page[at + 4]);
            nsid
        })
        .collect()
}

fn two_namespaces() -> Rig {
    let rules = vec![RULE.parse().expect(RULE)];
    let plan = FaultPlan { seed: 1, rules };
    let mut rig = Rig::over(Config::default(), &[(1, 64), (2, 64)], plan);
    rig.enable();
    rig.create_pair(1, 1);
    rig
}

fn rule_status(rig: &Rig) -> RuleStatus {
    rig.controller.faults().statuses().next().expect("a rule")
}

#[test]
fn a_rule_without_a_namespace_keeps_the_blocks_of_each_for_itself() {
    let mut rig = two_namespaces();
    assert!(!read(&mut rig, 1, 11) && !read(&mut rig, 2, 12), "bad in both");
    assert_eq!((listed_of(1, &mut rig), listed_of(2, &mut rig)), (vec![(11, 1)], vec![(12, 1)]));
    assert_eq!((tested(&mut rig, 1), tested(&mut rig, 2)), (Some((1, 11)), Some((2, 12))));
    assert_eq!(logged(&mut rig), [1, 2]);

    write(&mut rig, 1, 10, 3);
    assert!(read(&mut rig, 1, 11) && !read(&mut rig, 2, 11), "healed where it was written");
    assert_eq!((listed_of(1, &mut rig), listed_of(2, &mut rig)), (vec![], vec![(11, 2)]));
    assert_eq!((tested(&mut rig, 1), tested(&mut rig, 2)), (None, Some((2, 11))));
    assert_eq!(logged(&mut rig), [2]);
    assert_eq!(rule_status(&rig), RuleStatus::Armed, "there are bad blocks left");

    write(&mut rig, 2, 0, 63);
    assert!((10..14).all(|lba| read(&mut rig, 1, lba) && read(&mut rig, 2, lba)));
    assert_eq!(
        (listed_of(2, &mut rig), tested(&mut rig, 2), logged(&mut rig)),
        (vec![], None, vec![])
    );
    assert_eq!(rule_status(&rig), RuleStatus::Over);
}

#[test]
fn a_snapshot_has_the_bad_blocks_of_each_namespace() {
    let mut rig = two_namespaces();
    assert!(!read(&mut rig, 2, 12));
    write(&mut rig, 1, 10, 3);
    let mut snapshot = rig.clone();
    write(&mut rig, 2, 10, 3);
    assert_eq!(rule_status(&rig), RuleStatus::Over);
    assert_eq!(rule_status(&snapshot), RuleStatus::Armed);
    assert!(read(&mut snapshot, 1, 12), "healed before it");
    assert_eq!(listed_of(2, &mut snapshot), [(12, 1)], "told before it");
    assert!(!read(&mut snapshot, 2, 13), "not healed by what came after it");
}

#[test]
fn another_namespace_with_the_identifier_of_one_that_is_gone_has_blocks_of_its_own() {
    let mut rig = two_namespaces();
    assert!(!read(&mut rig, 2, 12));
    write(&mut rig, 2, 10, 0);
    let (now_ns, trace) = (rig.now_ns, &mut rig.trace);
    rig.controller.remove_namespace(now_ns, 2, trace).expect("there");
    let media = Box::new(RamMedia::new(64, 4096));
    rig.controller.add_namespace(now_ns, 2, media, trace).expect("a free identifier");
    assert_eq!(listed_of(2, &mut rig), [], "no command has met a bad block of it");
    assert!(!read(&mut rig, 2, 10), "nothing was rewritten in it");
    assert_eq!(listed_of(2, &mut rig), [(10, 1)]);
}

#[test]
fn a_power_cut_makes_bad_again_what_was_rewritten_in_that_namespace_s_cache_only() {
    let mut rig = two_namespaces();
    let mut rewrite = |nsid, lba, is_fua| {
        assert!(rig.run(1, Sqe::write(nsid, lba, 0, is_fua).with_prp(DATA, 0)).0.is_success());
    };
    (10..14).for_each(|lba| rewrite(1, lba, lba == 10));
    (10..14).for_each(|lba| rewrite(2, lba, false));
    assert_eq!(rule_status(&rig), RuleStatus::Over);
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert_eq!(rule_status(&rig), RuleStatus::Armed);
    assert!(read(&mut rig, 1, 10), "its rewrite reached the media");
    assert!((11..14).all(|lba| !read(&mut rig, 1, lba)), "theirs did not");
    assert!((10..14).all(|lba| !read(&mut rig, 2, lba)), "nor any of this namespace");
}

#[test]
fn a_spoiled_block_that_was_rewritten_is_good_for_all_and_bad_again_without_the_cache() {
    let mut rig = Rig::new();
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 20, 3)).0.is_success());
    assert_eq!((listed_of(1, &mut rig), tested(&mut rig, 1)), (vec![(20, 4)], Some((1, 20))));
    assert!(rig.write_block(20, 7, false).is_success());
    assert!(rig.write_block(22, 7, false).is_success());
    assert_eq!(listed_of(1, &mut rig), [(21, 1), (23, 1)], "not what the cache has");
    assert_eq!(tested(&mut rig, 1), Some((1, 21)));
    assert!(read(&mut rig, 1, 20) && !read(&mut rig, 1, 21));
    let mut flushed = rig.clone();
    assert!(flushed.run(1, Sqe::flush(1)).0.is_success());
    for (rig, expected) in [(&mut rig, vec![(20, 4)]), (&mut flushed, vec![(21, 1), (23, 1)])] {
        rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
        rig.now_ns = 0;
        rig.disable();
        rig.enable();
        rig.create_pair(1, 1);
        assert_eq!(listed_of(1, rig), expected);
        assert_eq!(tested(rig, 1), Some((1, expected[0].0)));
        assert!(!read(rig, 1, expected[0].0));
    }
}
