//! Get LBA Status and its log.

use nvme_spec::{AdminOpcode, Sqe, StatusCode, status};

use super::log_page;
use crate::rig::{DATA, Rig};

/// Get LBA Status over `blocks` from `slba` on into `bytes`.
fn ask(rig: &mut Rig, slba: u64, blocks: u32, bytes: u32, action: u32) -> (StatusCode, Vec<u8>) {
    ask_of(1, rig, slba, blocks, bytes, action)
}

fn ask_of(
    nsid: u32,
    rig: &mut Rig,
    slba: u64,
    blocks: u32,
    bytes: u32,
    action: u32,
) -> (StatusCode, Vec<u8>) {
    let mut sqe = Sqe::new(AdminOpcode::GET_LBA_STATUS.0, nsid).with_prp(DATA, 0);
    (sqe.cdw10, sqe.cdw11) = ((slba as u32).into(), ((slba >> 32) as u32).into());
    (sqe.cdw12, sqe.cdw13) = ((bytes / 4 - 1).into(), (action << 24 | blocks).into());
    let (status, page) = rig.admin_page(sqe);
    (status.code, page)
}

/// The list: completion condition, and first block and count of each descriptor.
fn list(page: &[u8]) -> (u8, Vec<(u64, u32)>) {
    let count = u32::from_le_bytes(page[..4].try_into().expect("4 bytes")) as usize;
    let entries = page[8..].chunks(16).take(count);
    let entries = entries.map(|entry| {
        assert_eq!(entry[13], 1);
        let slba = u64::from_le_bytes(entry[..8].try_into().expect("8 bytes"));
        (slba, u32::from_le_bytes(entry[8..12].try_into().expect("4 bytes")))
    });
    (page[4], entries.collect())
}

fn spoiled() -> Rig {
    let mut rig = Rig::new();
    for (slba, nlb_z) in [(100, 9), (40, 0), (900, 3)] {
        assert!(rig.run(1, Sqe::write_uncorrectable(1, slba, nlb_z)).0.is_success());
    }
    rig
}

#[test]
fn blocks_that_cannot_be_read_are_listed_for_the_range_that_was_asked_for() {
    let mut rig = spoiled();
    for action in [0x10, 0x11] {
        let (code, page) = ask(&mut rig, 0, 0, 4096, action);
        assert_eq!(code, status::SUCCESS);
        assert_eq!(list(&page), (2, vec![(40, 1), (100, 10), (900, 4)]));
    }
    let (_, page) = ask(&mut rig, 105, 796, 4096, 0x11);
    assert_eq!(list(&page), (2, vec![(105, 5), (900, 1)]));
    let (_, page) = ask(&mut rig, 0, 0, 8 + 32, 0x11);
    assert_eq!(list(&page), (1, vec![(40, 1), (100, 10)]), "there is more than fits");
    assert_eq!(page[40], 0xee, "nothing beyond what was asked for");
    assert!(rig.write_block(40, 1, true).is_success());
    let (_, page) = ask(&mut rig, 0, 0, 4096, 0x11);
    assert_eq!(list(&page), (2, vec![(100, 10), (900, 4)]), "healed by writing");
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let mut rig = spoiled();
    assert_eq!(ask(&mut rig, 1024, 0, 64, 0x11).0, status::LBA_OUT_OF_RANGE);
    assert_eq!(ask(&mut rig, 1020, 5, 64, 0x11).0, status::LBA_OUT_OF_RANGE);
    assert_eq!(ask(&mut rig, u64::MAX, 5, 64, 0x11).0, status::LBA_OUT_OF_RANGE);
    assert_eq!(ask(&mut rig, 0, 0, 64, 0x12).0, status::INVALID_FIELD);
    assert_eq!(ask(&mut rig, 0, 0, 4, 0x11).0, status::SUCCESS, "half a header");
    for (nsid, code) in [(2, status::INVALID_FIELD), (33, status::INVALID_NAMESPACE)] {
        assert_eq!(rig.admin(Sqe::new(AdminOpcode::GET_LBA_STATUS.0, nsid)).0.code, code);
    }
}

#[test]
fn the_log_lists_them_and_counts_its_changes() {
    let mut rig = spoiled();
    let read = |rig: &mut Rig| {
        let (status, page) = rig.admin_page(log_page(0x0e, 0, 128, 0));
        assert!(status.is_success());
        page
    };
    let page = read(&mut rig);
    let word = |page: &[u8], at: usize| u32::from_le_bytes(page[at..at + 4].try_into().expect("4"));
    assert_eq!((word(&page, 0), word(&page, 4), word(&page, 8)), (16 + 16 + 48, 1, 15));
    assert_eq!((word(&page, 16), word(&page, 20), page[24]), (1, 3, 0x11));
    assert_eq!((word(&page, 32), word(&page, 40)), (40, 1));
    let generation = page[14];
    assert_eq!(read(&mut rig)[14], generation);
    assert!(rig.write_block(40, 1, true).is_success());
    assert_eq!(read(&mut rig)[14], generation + 1);
}

/// What Get LBA Status lists of the whole namespace.
fn listed(rig: &mut Rig) -> Vec<(u64, u32)> {
    listed_of(1, rig)
}

pub(super) fn listed_of(nsid: u32, rig: &mut Rig) -> Vec<(u64, u32)> {
    list(&ask_of(nsid, rig, 0, 0, 4096, 0x10).1).1
}

#[test]
fn blocks_of_a_rule_are_listed_once_a_command_failed_there_and_until_they_are_rewritten() {
    let mut rig = Rig::faulty(&[
        "read lba=100..110 => status=media/unrecovered-read until-rewrite",
        "verify lba=6..9 => status=media/unrecovered-read until-rewrite",
    ]);
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 7, 0)).0.is_success());
    assert_eq!(listed(&mut rig), [(7, 1)], "the drive does not know of the others yet");
    for lba in [105, 103, 104] {
        rig.read_block(lba).expect_err("bad");
    }
    assert_eq!(listed(&mut rig), [(7, 1), (103, 3)]);
    assert_eq!(rig.run(1, Sqe::verify(1, 0, 99)).0.code, status::UNRECOVERED_READ);
    assert_eq!(listed(&mut rig), [(6, 3), (103, 3)], "its blocks and no good ones");
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert_eq!(listed(&mut rig), [(6, 3), (103, 3)], "a reset heals nothing");
    assert!(rig.write_block(104, 1, false).is_success());
    assert_eq!(listed(&mut rig), [(6, 3), (103, 1), (105, 1)]);
    let (_, page) = rig.admin_page(log_page(0x0e, 0, 128, 0));
    let slba = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().expect("8 bytes"));
    assert_eq!((page[20], [slba(32), slba(48), slba(64)]), (3, [6, 103, 105]));
    rig.controller.faults_mut().disarm(0);
    assert_eq!(listed(&mut rig), [(6, 3)], "a rule that is gone");
    assert!(rig.run(1, Sqe::write_zeroes(1, 6, 2)).0.is_success());
    assert_eq!(listed(&mut rig), []);
}

#[test]
fn what_says_nothing_about_unreadable_blocks_that_stay_so_is_not_listed() {
    for rule in [
        "read lba=5 => status=media/unrecovered-read",
        "read lba=5 => status=media/access-denied until-rewrite",
        "read lba=5 => expect until-rewrite",
        "read lba=6 => status=media/unrecovered-read until-rewrite",
        "read nsid=2 lba=5 => status=media/unrecovered-read until-rewrite",
    ] {
        let mut rig = Rig::faulty(&[rule]);
        let _outcome = rig.read_block(5);
        assert_eq!(listed(&mut rig), [], "{rule}");
    }
}
