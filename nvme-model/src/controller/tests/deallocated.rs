//! Deallocated and unwritten blocks: what they read as, and that they can be made to fail.

use nvme_spec::command::Rw12;
use nvme_spec::dsm::{DsmRange, RANGES_MAX};
use nvme_spec::{Sqe, feature, status};

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, FaultPlan};

const DULBE: u32 = 1 << 16;

/// A controller that fails reads of deallocated blocks.
fn strict() -> Rig {
    let mut rig = Rig::new();
    set(&mut rig, DULBE);
    rig
}

fn set(rig: &mut Rig, value: u32) {
    let mut sqe = Sqe::set_features(feature::ERROR_RECOVERY, value);
    sqe.nsid = 1.into();
    assert!(rig.admin(sqe).0.is_success());
}

fn is_deallocated(rig: &mut Rig, lba: u64) -> bool {
    match rig.read_block(lba) {
        Ok(_) => false,
        Err(status) => {
            assert_eq!(status.code, status::DEALLOCATED_BLOCK);
            true
        }
    }
}

fn write_zeroes(rig: &mut Rig, slba: u64, nlb_z: u16, is_deallocating: bool) {
    let mut sqe = Sqe::write_zeroes(1, slba, nlb_z);
    sqe.cdw12 = Rw12(sqe.cdw12.get()).with_deac(is_deallocating.into()).0.into();
    assert!(rig.run(1, sqe).0.is_success());
}

#[test]
fn a_block_is_there_from_its_first_write_to_its_deallocation() {
    let mut rig = strict();
    assert!(is_deallocated(&mut rig, 5));
    rig.write_block(5, 1, false);
    assert!(!is_deallocated(&mut rig, 5), "in the cache");
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    assert!(!is_deallocated(&mut rig, 5), "on the media");
    rig.memory_write(DATA, &DsmRange::new(5, 1).to_bytes());
    assert!(rig.run(1, Sqe::deallocate(1, 0).with_prp(DATA, 0)).0.is_success());
    assert!(is_deallocated(&mut rig, 5));
    set(&mut rig, 0);
    assert_eq!(rig.read_block(5).expect("not asked for")[0], 0);
}

#[test]
fn write_zeroes_deallocates_only_if_it_is_asked_to() {
    let mut rig = strict();
    for lba in 4..8 {
        rig.write_block(lba, 7, true);
    }
    write_zeroes(&mut rig, 4, 1, false);
    write_zeroes(&mut rig, 6, 0, true);
    write_zeroes(&mut rig, 20, 0, false);
    let holes: Vec<u64> = (3..9).filter(|lba| is_deallocated(&mut rig, *lba)).collect();
    assert_eq!(holes, [3, 6, 8]);
    assert!(!is_deallocated(&mut rig, 20));
    assert_eq!(rig.read_block(4).expect("zeros")[0], 0);
}

#[test]
fn compare_and_verify_find_the_first_hole() {
    let mut rig = strict();
    rig.write_block(5, 0, true);
    rig.memory_write(DATA, &[0; 2 * 4096]);
    let compare = Sqe::compare(1, 5, 1).with_prp(DATA, DATA + 4096);
    for sqe in [Sqe::verify(1, 5, 1), compare] {
        assert_eq!(rig.run(1, sqe).0.code, status::DEALLOCATED_BLOCK);
        let log = Sqe::get_log_page(1, u32::MAX, 15, 0);
        assert_eq!(rig.admin_page(log).1[16..24], 6_u64.to_le_bytes());
    }
}

#[test]
fn a_power_cut_takes_back_a_first_write_that_was_only_cached() {
    let mut rig = strict();
    rig.write_block(5, 1, false);
    rig.write_block(6, 1, true);
    let now_ns = rig.now_ns;
    rig.controller.power_cut(now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    rig.create_pair(1, 1);
    set(&mut rig, DULBE);
    assert!(is_deallocated(&mut rig, 5));
    assert!(!is_deallocated(&mut rig, 6));
}

#[test]
fn all_256_ranges_of_a_dataset_management_are_looked_at_whatever_the_attributes() {
    for (attributes, is_zeroed) in
        [(0, false), (1, false), (2, false), (3, false), (4, true), (7, true)]
    {
        let mut rig = Rig::with(Config::default(), FaultPlan::none());
        for lba in [0, 510] {
            rig.write_block(lba, 7, true);
        }
        let mut ranges: Vec<DsmRange> =
            (0..RANGES_MAX as u64).map(|i| DsmRange::new(i * 2, 1)).collect();
        let run = |rig: &mut Rig, ranges: &[DsmRange]| {
            let bytes: Vec<u8> = ranges.iter().flat_map(DsmRange::to_bytes).collect();
            rig.memory_write(DATA, &bytes);
            let mut sqe = Sqe::deallocate(1, 255).with_prp(DATA, 0);
            sqe.cdw11 = attributes.into();
            rig.run(1, sqe).0
        };
        ranges[255] = DsmRange::new(1024, 1);
        assert_eq!(run(&mut rig, &ranges).code, status::LBA_OUT_OF_RANGE);
        assert_eq!(rig.read_block(0).expect("untouched")[0], 7);
        ranges[255] = DsmRange::new(510, 1);
        assert!(run(&mut rig, &ranges).is_success());
        for lba in [0, 510] {
            assert_eq!(rig.read_block(lba).expect("readable")[0] == 0, is_zeroed);
        }
    }
}
