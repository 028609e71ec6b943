//! Who goes out, and what happens when there is no room.

use std::rc::Rc;

use block::ram::RamDisk;
use hal::testing::{DmaPool, SoftUserMemory};
use hal::{UserAddr, UserPage};
use iomap::MapKind;
use swap_path::events::Event;
use swap_path::{Mm, MmConfig, MmError, PathKind, ReclaimPolicy, mkswap, swapon};

use crate::bench::Setup;
use crate::host::{Host, Inode};

/// Page faults that a page in constant use causes while the others stream by.
fn faults_of_a_hot_page(policy: ReclaimPolicy) -> usize {
    let mut setup = Setup::new(PathKind::Swap);
    setup.config.policy = policy;
    let mut bench = setup.build();
    for page in 0..64 {
        bench.store(page, 1).unwrap();
        if page >= 10 {
            bench.store(10, page as u64).unwrap();
        }
    }
    let is_hot = |event: &&Event| matches!(event, Event::Fault { page: 10, .. });
    bench.events().iter().filter(is_hot).count()
}

#[test]
fn the_accessed_bit_keeps_a_hot_page_in_memory() {
    assert_eq!(faults_of_a_hot_page(ReclaimPolicy::SecondChance), 1);
    assert!(faults_of_a_hot_page(ReclaimPolicy::Fifo) > 2);
}

#[test]
fn both_policies_keep_every_page_right() {
    for policy in [ReclaimPolicy::Fifo, ReclaimPolicy::SecondChance] {
        for path in PathKind::LOCAL {
            let mut setup = Setup::new(*path);
            setup.config.policy = policy;
            let mut bench = setup.build();
            for tag in 1..=2 {
                assert_eq!(bench.store_all(tag), []);
                assert_eq!(bench.load_all(), []);
            }
            bench.check();
        }
    }
}

#[test]
fn every_cluster_size_works() {
    for path in PathKind::LOCAL {
        for cluster_pages in 1..=32 {
            let mut setup = Setup::new(*path);
            setup.config = MmConfig { cluster_pages, ..MmConfig::new(64) };
            setup.pages = 90;
            let mut bench = setup.build();
            assert_eq!(bench.store_all(1), []);
            assert_eq!(bench.load_all(), []);
            bench.check();
        }
    }
}

#[test]
fn a_full_swap_takes_the_slots_of_pages_in_memory_and_then_ends_in_out_of_memory() {
    for path in PathKind::LOCAL {
        let mut setup = Setup::new(*path);
        setup.swap_pages = 31;
        let mut bench = setup.build();
        let told = bench.store_all(1);
        // 30 slots, 16 frames, 4 in reserve.
        assert_eq!(told, (50..64).collect::<Vec<_>>(), "{path}");
        bench.check();
        assert!(bench.load(0).is_err(), "no frame, and none to be had");
        // With one frame to move in, nothing is lost: the slot of the page that came in goes to the
        // next one that goes out.
        bench.mm.discard(UserPage(49));
        bench.expected[49] = 0;
        for tag in 2..=4 {
            for page in 0..49 {
                bench.load(page).unwrap();
                bench.store(page, tag).unwrap();
                bench.check();
            }
        }
    }
}

#[test]
fn a_second_area_is_used_when_the_first_is_full() {
    let mut setup = Setup::new(PathKind::Extents);
    setup.swap_pages = 31;
    let mut bench = setup.build();
    // On the lower half of the same device.
    let host = Host::new(60, 13, 200, MapKind::Mapped);
    mkswap(&*host, &*bench.disk, Inode, [8; 16], "second").unwrap();
    let second = swapon(&host, &bench.disk, Inode, PathKind::Swap).unwrap();
    let second = bench.mm.add_area(second);
    for tag in 1..=2 {
        assert_eq!(bench.store_all(tag), []);
        assert_eq!(bench.load_all(), []);
    }
    let used: Vec<_> = bench.mm.areas().iter().map(|area| area.used_pages()).collect();
    assert!(used[0] == 30 && used[1] > 0, "{used:?}");
    bench.mm.swapoff(bench.area).unwrap();
    bench.check();
    bench.mm.page_out(64);
    assert_eq!(bench.load_all(), []);
    bench.mm.swapoff(second).unwrap();
    assert_eq!(bench.load_all(), []);
    assert!(!host.state.is_claimed.get());
}

#[test]
fn without_swap_the_limit_and_the_reserve_are_all_there_is() {
    let pool = DmaPool::new(40);
    let disk = Rc::new(RamDisk::new(pool.clone(), 1));
    let user = Rc::new(SoftUserMemory::new(pool, 64));
    let mut mm = Mm::new(MmConfig::new(16), user, disk).unwrap();
    let results: Vec<_> =
        (0..64u64).map(|page| mm.store(UserAddr(page * 4096), &[1]).is_ok()).collect();
    assert!(results[..20].iter().all(|&ok| ok) && results[20..].iter().all(|&ok| !ok));
    mm.discard(UserPage(3));
    mm.store(UserAddr(63 * 4096), &[1]).unwrap();
    mm.check_invariants().unwrap();
}

#[test]
fn a_configuration_out_of_range_is_refused_with_its_number() {
    let build = |config| {
        let pool = DmaPool::new(8);
        let disk = Rc::new(RamDisk::new(pool.clone(), 1));
        Mm::new(config, Rc::new(SoftUserMemory::new(pool, 4)), disk).err()
    };
    let config = MmConfig::new(4);
    assert_eq!(build(config), None);
    assert_eq!(build(MmConfig::new(1)), Some(MmError::ResidentLimit(1)));
    assert_eq!(
        build(MmConfig { cluster_pages: 3, ..config }),
        Some(MmError::Cluster { pages: 3, pages_max: 2 })
    );
    assert_eq!(build(MmConfig { reclaim_failures_max: 0, ..config }), Some(MmError::NoAttempt));
    assert_eq!(build(MmConfig::new(5)), Some(MmError::OutOfMemory { frames: 9 }));
}

#[test]
fn a_dropped_address_space_leaves_no_mapping_to_its_frames() {
    let pool = DmaPool::new(40);
    let disk = Rc::new(RamDisk::new(pool.clone(), 1));
    let user = Rc::new(SoftUserMemory::new(pool.clone(), 8));
    let mut mm = Mm::new(MmConfig::new(16), Rc::clone(&user), disk).unwrap();
    mm.store(UserAddr(0), &[1; 8 * 4096]).unwrap();
    drop(mm);
    assert_eq!(pool.free_pages(), 40);
    let is_mapped = |page| hal::UserMemory::unmap(&*user, UserPage(page)).is_some();
    assert!(!(0..8).any(is_mapped));
}
