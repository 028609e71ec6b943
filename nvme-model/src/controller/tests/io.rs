//! Ranges, sizes, addresses, zeroes, durability.

use std::cell::Cell;

use nvme_spec::dsm::DsmRange;
use nvme_spec::{NSID_BROADCAST, Sqe, status};

use crate::rig::{DATA, Rig};
use crate::{Config, Event, FaultPlan, Media, RamMedia};

#[test]
fn blocks_past_the_end_are_out_of_range_whatever_the_arithmetic() {
    let mut rig = Rig::new();
    for (slba, nlb_z) in [(1024, 0), (1023, 1), (u64::MAX, 0), (u64::MAX - 1, 1)] {
        for sqe in [Sqe::read(1, slba, nlb_z), Sqe::write(1, slba, nlb_z, false)] {
            let (status, _) = rig.run(1, sqe.with_prp(DATA, DATA + 4096));
            assert_eq!(status.code, status::LBA_OUT_OF_RANGE);
            assert!(status.dnr);
        }
        let (status, _) = rig.run(1, Sqe::write_zeroes(1, slba, nlb_z));
        assert_eq!(status.code, status::LBA_OUT_OF_RANGE);
    }
}

#[test]
fn a_transfer_over_mdts_is_an_invalid_field_even_with_65536_blocks() {
    let mut rig = Rig::new();
    for nlb_z in [128, 0xffff] {
        let (status, _) = rig.run(1, Sqe::read(1, 0, nlb_z).with_prp(DATA, DATA));
        assert_eq!(status.code, status::INVALID_FIELD);
    }
}

#[test]
fn bad_data_pointers_get_their_status_and_touch_nothing() {
    let mut rig = Rig::new();
    let read = Sqe::read(1, 0, 0);
    assert_eq!(rig.run(1, read.with_prp(DATA + 1, 0)).0.code, status::PRP_OFFSET_INVALID);
    let code = rig.run(1, read.with_prp(DATA + 4, DATA + 8)).0.code;
    assert_eq!(code, status::PRP_OFFSET_INVALID);
    assert_eq!(rig.run(1, read.with_prp(0xdead_0000, 0)).0.code, status::DATA_TRANSFER_ERROR);
    let write = Sqe::write(1, 0, 0, false).with_prp(!0xfff, 0);
    assert_eq!(rig.run(1, write).0.code, status::DATA_TRANSFER_ERROR);
    assert_eq!(rig.controller.cache(1).map(|cache| cache.dirty_blocks()), Some(0));
}

#[test]
fn a_namespace_that_is_not_there_is_invalid_and_broadcast_is_for_flush_only() {
    let mut rig = Rig::new();
    for nsid in [0, 33, NSID_BROADCAST] {
        let (status, _) = rig.run(1, Sqe::read(nsid, 0, 0).with_prp(DATA, 0));
        assert_eq!(status.code, status::INVALID_NAMESPACE);
    }
    // An identifier that could be one, but is none.
    assert_eq!(rig.run(1, Sqe::flush(2)).0.code, status::INVALID_FIELD);
    assert!(rig.run(1, Sqe::flush(NSID_BROADCAST)).0.is_success());
}

#[test]
fn fua_reaches_the_media_and_survives_an_older_cached_version() {
    let mut rig = Rig::new();
    rig.write_block(9, 1, false);
    rig.write_block(9, 2, true);
    assert_eq!(rig.on_media(9), 2);
    rig.run(1, Sqe::flush(1));
    assert_eq!(rig.on_media(9), 2, "the older cached version must not come back");
}

#[test]
fn write_zeroes_and_deallocate_read_as_zeros_whatever_was_cached() {
    let mut rig = Rig::new();
    for lba in 0..8 {
        rig.write_block(lba, 7, lba % 2 == 0);
    }
    assert!(rig.run(1, Sqe::write_zeroes(1, 0, 1)).0.is_success());
    let ranges = [DsmRange::new(3, 2), DsmRange::new(7, 1), DsmRange::new(5, 0)];
    let bytes: Vec<u8> = ranges.iter().flat_map(DsmRange::to_bytes).collect();
    rig.memory_write(DATA, &bytes);
    assert!(rig.run(1, Sqe::deallocate(1, 2).with_prp(DATA, 0)).0.is_success());
    let firsts: Vec<u8> = (0..8).map(|lba| rig.read_block(lba).expect("good")[0]).collect();
    assert_eq!(firsts, [0, 0, 7, 0, 0, 7, 7, 0]);
}

#[test]
fn a_deallocate_with_one_bad_range_does_nothing() {
    let mut rig = Rig::new();
    rig.write_block(3, 7, false);
    let ranges = [DsmRange::new(3, 1), DsmRange::new(1000, 100)];
    let bytes: Vec<u8> = ranges.iter().flat_map(DsmRange::to_bytes).collect();
    rig.memory_write(DATA, &bytes);
    let (status, _) = rig.run(1, Sqe::deallocate(1, 1).with_prp(DATA, 0));
    assert_eq!(status.code, status::LBA_OUT_OF_RANGE);
    assert_eq!(rig.read_block(3).expect("good")[0], 7);
}

#[test]
fn a_full_cache_gives_up_its_oldest_write() {
    let config = Config { cache_blocks_max: 2, ..Config::default() };
    let mut rig = Rig::with(config, FaultPlan::none());
    for (lba, value) in [(5, 1), (3, 2), (4, 3)] {
        rig.write_block(lba, value, false);
    }
    let media: Vec<u8> = (3..6).map(|lba| rig.on_media(lba)).collect();
    assert_eq!(media, [0, 0, 1]);
    let evicted = rig.seen(|event| match event {
        Event::CacheEvict { lba, order, .. } => Some((*lba, *order)),
        _ => None,
    });
    assert_eq!(evicted, [(5, 1)]);
}

#[test]
fn commands_overtake_each_other_by_their_times() {
    let mut rig = Rig::new();
    let slow = rig.submit(1, Sqe::flush(1));
    let fast = rig.submit(1, Sqe::write(1, 0, 0, false).with_prp(DATA, 0));
    rig.settle();
    let order: Vec<u16> = rig.reap(1).iter().map(|cqe| cqe.cid.get()).collect();
    assert_eq!(order, [fast, slow]);
}

/// Bytes that went past the caches when one block was written and compared, on a drive of so many blocks that were all
/// written before.
fn past_caches(blocks: u64, config: Config) -> u64 {
    let mut media = RamMedia::new(blocks, 4096);
    for lba in 0..blocks {
        media.write(lba, &[7; 4096]).expect("memory");
    }
    let mut rig = Rig::on(Box::new(media), config);
    rig.memory.past_caches = Some(Cell::new(0));
    assert!(rig.write_block(5, 1, false).is_success());
    let compare = Sqe::compare(1, 5, 0).with_prp(DATA, 0);
    assert!(rig.run(1, compare).0.is_success());
    assert_eq!(rig.read_block(5), Ok(vec![1; 4096]));
    rig.memory.past_caches.map_or(0, |count| count.get())
}

#[test]
fn what_is_written_goes_past_the_caches_if_the_drive_outgrows_them_and_what_is_compared_never_does()
{
    for has_volatile_cache in [false, true] {
        let config = Config { has_volatile_cache, ..Config::default() };
        assert_eq!(past_caches(8192, config.clone()), 0, "32 MiB are in a cache");
        assert_eq!(past_caches(8193, config), 4096);
    }
}
