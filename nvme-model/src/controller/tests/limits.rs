//! MDTS and MQES at their edges.

use nvme_spec::command::FormatNvm10;
use nvme_spec::register as reg;
use nvme_spec::sgl::{KIND_BIT_BUCKET, PSDT_SGL, SglDescriptor};
use nvme_spec::{Sqe, status};

use crate::rig::{DATA, Rig};
use crate::{Config, FaultPlan};

/// A read of so many blocks into nowhere.
fn read(blocks: u32, block_bytes: u32) -> Sqe {
    let bucket = SglDescriptor::new(KIND_BIT_BUCKET, 0, blocks.saturating_mul(block_bytes));
    Sqe::read(1, 0, (blocks - 1) as u16).with_sgl(PSDT_SGL, bucket)
}

#[test]
fn every_mdts_allows_its_last_block_and_not_one_more() {
    for mdts in 1..=10 {
        let mut rig = Rig::with(Config { mdts, ..Config::default() }, FaultPlan::none());
        let most = 1_u32 << mdts;
        if most < 1024 {
            assert_eq!(rig.run(1, read(most + 1, 4096)).0.code, status::INVALID_FIELD);
        }
        assert!(rig.run(1, read(most, 4096)).0.is_success(), "{mdts}");
        // Metadata counts only where it is in the same buffer.
        for (mset, is_good) in [(0, true), (1, false)] {
            let how = FormatNvm10(0).with_lbafl(3).with_mset(mset);
            assert!(rig.admin(Sqe::format_nvm(1, how)).0.is_success());
            let sqe = read(most, 4096 + 8 * mset).with_mptr(DATA);
            assert_eq!(rig.run(1, sqe).0.is_success(), is_good, "{mdts}");
        }
    }
}

#[test]
fn the_largest_zero_based_length_is_65536_blocks() {
    let mut rig = Rig::with(Config { mdts: 10, ..Config::default() }, FaultPlan::none());
    assert_eq!(rig.run(1, read(65_536, 4096)).0.code, status::INVALID_FIELD);
    for sqe in [Sqe::verify(1, 0, 0xffff), Sqe::write_zeroes(1, 0, 0xffff)] {
        assert_eq!(rig.run(1, sqe).0.code, status::LBA_OUT_OF_RANGE);
    }
}

#[test]
fn queues_have_up_to_65536_entries_and_not_one_more_than_mqes_says() {
    for entries in [16, 17, 1000, 65_535, 65_536_u32] {
        let config = Config { queue_entries_max: entries, ..Config::default() };
        let mut rig = Rig::with(config, FaultPlan::none());
        assert_eq!(rig.read32(reg::CAP) & 0xffff, entries - 1, "MQES is zero-based");
        let create = |size_z: u16| Sqe::create_io_cq(2, size_z, Some(1)).with_prp(DATA, 0);
        if let Ok(beyond) = u16::try_from(entries) {
            assert_eq!(rig.admin(create(beyond)).0.code, status::INVALID_QUEUE_SIZE);
        }
        assert_eq!(rig.admin(create(0)).0.code, status::INVALID_QUEUE_SIZE);
        assert!(rig.admin(create((entries - 1) as u16)).0.is_success());
        assert!(rig.admin(Sqe::delete_io_cq(2)).0.is_success());
    }
}
