//! Compare, Verify and Write Uncorrectable.

use nvme_spec::{Sqe, status};

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Event};

fn compare(rig: &mut Rig, lba: u64, value: u8) -> nvme_spec::Status {
    rig.memory_write(DATA, &[value; 4096]);
    rig.run(1, Sqe::compare(1, lba, 0).with_prp(DATA, 0)).0
}

#[test]
fn compare_tells_equal_from_different_in_cache_and_on_media() {
    let mut rig = Rig::new();
    for is_fua in [false, true] {
        rig.write_block(5, 7, is_fua);
        assert!(compare(&mut rig, 5, 7).is_success());
        let differs = compare(&mut rig, 5, 8);
        assert_eq!((differs.code, differs.dnr), (status::COMPARE_FAILURE, true));
        assert_eq!(rig.read_block(5).expect("good")[0], 7, "nothing is written");
    }
    assert!(compare(&mut rig, 6, 0).is_success(), "never written");
}

#[test]
fn a_failed_compare_names_the_first_block_that_differs() {
    let mut rig = Rig::new();
    rig.write_block(11, 7, true);
    rig.memory_write(DATA, &[0; 2 * 4096]);
    let two = Sqe::compare(1, 10, 1).with_prp(DATA, DATA + 4096);
    assert_eq!(rig.run(1, two).0.code, status::COMPARE_FAILURE);
    let log = Sqe::get_log_page(1, u32::MAX, 15, 0);
    let (_, page) = rig.admin_page(log);
    assert_eq!(page[16..24], 11_u64.to_le_bytes());
}

#[test]
fn uncorrectable_blocks_fail_every_read_until_they_are_written_again() {
    let mut rig = Rig::new();
    rig.write_block(12, 9, false);
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 10, 3)).0.is_success());
    for lba in 10..14 {
        let failed = rig.read_block(lba).expect_err("unreadable");
        assert_eq!((failed.code, failed.dnr), (status::UNRECOVERED_READ, true));
        assert_eq!(compare(&mut rig, lba, 0).code, status::UNRECOVERED_READ);
    }
    rig.read_block(9).expect("before");
    rig.read_block(14).expect("after");
    let verified = rig.run(1, Sqe::verify(1, 0, 99)).0;
    assert_eq!(verified.code, status::UNRECOVERED_READ);
    rig.write_block(10, 1, false);
    assert_eq!(rig.read_block(10).expect("healed")[0], 1);
    assert!(rig.run(1, Sqe::write_zeroes(1, 11, 0)).0.is_success());
    assert_eq!(rig.read_block(11).expect("healed")[0], 0);
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    rig.read_block(12).expect_err("an older cached write heals nothing");
}

#[test]
fn a_power_cut_takes_back_a_rewrite_that_was_only_cached() {
    let mut rig = Rig::new();
    rig.run(1, Sqe::write_uncorrectable(1, 10, 1));
    rig.write_block(10, 3, false);
    rig.write_block(11, 4, true);
    assert_eq!(rig.read_block(10).expect("in the cache")[0], 3);
    let now_ns = rig.now_ns;
    rig.controller.power_cut(now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    rig.create_pair(1, 1);
    rig.read_block(10).expect_err("unreadable again");
    assert_eq!(rig.read_block(11).expect("durable")[0], 4);
}

#[test]
fn verify_reads_everything_and_may_be_longer_than_any_transfer() {
    let mut rig = Rig::new();
    assert!(rig.run(1, Sqe::verify(1, 0, 1023)).0.is_success());
    let read: u32 = rig
        .seen(|event| match event {
            Event::MediaRead { blocks, .. } => Some(*blocks),
            _ => None,
        })
        .iter()
        .sum();
    assert_eq!(read, 1024);
    for sqe in [
        Sqe::verify(1, 1, 1023),
        Sqe::write_uncorrectable(1, u64::MAX, 0),
        Sqe::compare(1, 1024, 0).with_prp(DATA, 0),
    ] {
        assert_eq!(rig.run(1, sqe).0.code, status::LBA_OUT_OF_RANGE);
    }
}

#[test]
fn rules_by_block_see_the_new_commands() {
    let mut rig = Rig::faulty(&["verify lba=5 => status=media/guard-check"]);
    assert!(!rig.run(1, Sqe::verify(1, 3, 3)).0.is_success());
    assert!(rig.run(1, Sqe::verify(1, 3, 1)).0.is_success());
}
