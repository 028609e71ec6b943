//! Faults after which what is stored is not what was written.

use nvme_spec::dsm::DsmRange;
use nvme_spec::{Sqe, status};

use crate::rig::{DATA, Rig};

fn firsts(rig: &mut Rig, lbas: std::ops::Range<u64>) -> Vec<u8> {
    lbas.map(|lba| rig.read_block(lba).expect("readable")[0]).collect()
}

fn write_four(rig: &mut Rig, slba: u64, value: u8) {
    rig.memory_write(DATA, &[value; 4 * 4096]);
    rig.memory_write(LIST, &list());
    let write = Sqe::write(1, slba, 3, false).with_prp(DATA, LIST);
    assert!(rig.run(1, write).0.is_success());
}

/// Three pages after the first of the data.
const LIST: u64 = DATA + 8 * 4096;

fn list() -> Vec<u8> {
    (1..4_u64).flat_map(|page| (DATA + page * 4096).to_le_bytes()).collect()
}

#[test]
fn a_torn_write_is_acknowledged_and_only_its_first_blocks_are_stored() {
    let mut rig = Rig::faulty(&["write nth=2 => torn=3"]);
    write_four(&mut rig, 10, 1);
    write_four(&mut rig, 10, 2);
    assert_eq!(firsts(&mut rig, 9..15), [0, 2, 2, 2, 1, 0]);
}

#[test]
fn a_write_torn_inside_a_block_leaves_the_rest_of_the_block_as_it_was() {
    let mut rig = Rig::faulty(&["write nth=2 => torn=4796B"]);
    write_four(&mut rig, 10, 1);
    write_four(&mut rig, 10, 2);
    assert_eq!(firsts(&mut rig, 10..14), [2, 2, 1, 1]);
    let torn = rig.read_block(11).expect("readable");
    assert!(torn[..700].iter().all(|byte| *byte == 2));
    assert!(torn[700..].iter().all(|byte| *byte == 1));
}

#[test]
fn a_tear_at_nothing_stores_nothing_and_one_beyond_the_end_everything() {
    let mut rig = Rig::faulty(&["write nth=1 => torn=0", "write nth=2 => torn=99999B"]);
    write_four(&mut rig, 10, 1);
    write_four(&mut rig, 20, 2);
    assert_eq!(firsts(&mut rig, 10..14), [0; 4]);
    assert_eq!(firsts(&mut rig, 20..24), [2; 4]);
}

#[test]
fn a_misdirected_write_leaves_both_places_wrong() {
    let mut rig = Rig::faulty(&["write nth=3 => misdirect=20"]);
    write_four(&mut rig, 10, 1);
    write_four(&mut rig, 20, 2);
    write_four(&mut rig, 10, 3);
    assert_eq!(firsts(&mut rig, 10..14), [1; 4]);
    assert_eq!(firsts(&mut rig, 20..24), [3; 4]);
}

#[test]
fn a_write_misdirected_beyond_the_end_goes_to_the_last_blocks() {
    let mut rig = Rig::faulty(&["write nth=1 => misdirect=0xffffffffffffffff"]);
    write_four(&mut rig, 10, 7);
    assert_eq!(firsts(&mut rig, 1019..1024), [0, 7, 7, 7, 7]);
}

#[test]
fn a_stale_read_returns_what_was_there_before_the_last_write() {
    let mut rig = Rig::faulty(&["read every=2 => stale-read"]);
    for value in [1, 2, 3] {
        rig.write_block(5, value, value == 2);
    }
    assert_eq!(firsts(&mut rig, 5..6), [3]);
    assert_eq!(firsts(&mut rig, 5..6), [2], "before the last write");
    assert_eq!(firsts(&mut rig, 9..10), [0]);
    assert_eq!(firsts(&mut rig, 9..10), [0], "never written");
    assert_eq!(firsts(&mut rig, 5..6), [3], "the media is as it was");
}

#[test]
fn a_stale_read_of_zeros_returns_what_they_took_the_place_of() {
    for zeroes in [Sqe::write_zeroes(1, 4, 3), Sqe::deallocate(1, 0)] {
        let mut rig = Rig::faulty(&["read => stale-read"]);
        for value in [1, 2] {
            rig.write_block(5, value, value == 1);
        }
        rig.write_block(6, 3, true);
        for expected in [[0, 2, 3, 0], [0; 4]] {
            rig.memory_write(DATA, &DsmRange::new(4, 4).to_bytes());
            assert!(rig.run(1, zeroes.with_prp(DATA, 0)).0.is_success());
            assert_eq!(firsts(&mut rig, 4..8), expected);
        }
    }
}

#[test]
fn a_media_error_until_rewrite_heals_block_by_block() {
    let mut rig = Rig::faulty(&[
        "read lba=10..14 => status=media/unrecovered-read until-rewrite",
        "write lba=12 nth=1 => lost-write",
    ]);
    let bad = |rig: &mut Rig, lba| {
        rig.read_block(lba).is_err_and(|status| status.code == status::UNRECOVERED_READ)
    };
    assert!(bad(&mut rig, 10) && bad(&mut rig, 10) && bad(&mut rig, 13));
    rig.write_block(10, 1, false);
    rig.write_block(12, 1, false);
    assert!(!bad(&mut rig, 10), "healed by the write");
    assert!(bad(&mut rig, 12), "a lost write heals nothing");
    let zeroes = Sqe::write_zeroes(1, 11, 1);
    assert!(rig.run(1, zeroes).0.is_success());
    assert!((10..13).all(|lba| !bad(&mut rig, lba)));
    assert!(bad(&mut rig, 13), "not written");
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert!(bad(&mut rig, 13), "a reset heals nothing");
}
