//! The promise of the `swap` path, counted: a million swap I/Os on the real filesystem, with faults of every
//! kind and a shutdown in the middle, and not one transaction, lock, log write, or allocation.

use campaign::rig::{Pass, Rig, Setup};
use swap_path::PathKind;

/// What a run came to.
#[derive(Debug, Default)]
struct Counted {
    swap_ios: u64,
    failed: u64,
    deeds: u64,
    allocations: u64,
    told: u64,
    wrong: u64,
}

/// Passes over four times the memory until there were so many swap I/Os.
fn count(path: PathKind, swap_ios: u64, has_shutdown: bool) -> Counted {
    let setup =
        Setup { is_audited: true, cluster_pages: 2, transfer_blocks_max: 1, ..Setup::new(path) };
    let mut rig = Rig::new(&setup).unwrap();
    let mut counted = Counted::default();
    // The page table of the double grows up to its highest page: that is not what is counted.
    rig.store_pass(1);
    rig.disk.is_failing.set(true);
    let mut is_down = false;
    for tag in 2.. {
        let ios = rig.audit.swap_ios.get();
        if ios >= swap_ios {
            break;
        }
        if has_shutdown && !is_down && ios >= swap_ios / 2 {
            rig.shut_down().unwrap();
            is_down = true;
        }
        for is_store in [true, false] {
            let mut pass = Pass::default();
            let measured = allocation_counter::measure(|| {
                pass = if is_store { rig.store_pass(tag) } else { rig.load_pass() };
            });
            counted.allocations += measured.count_total;
            counted.told += pass.told;
            counted.wrong += pass.wrong;
        }
    }
    counted.swap_ios = rig.audit.swap_ios.get();
    counted.failed = rig.audit.failed.get();
    counted.deeds = rig.audit.deeds.get();
    counted
}

#[test]
fn the_swap_path_keeps_its_promise_a_million_times() {
    const SWAP_IOS: u64 = 1_000_000;
    let counted = count(PathKind::Swap, SWAP_IOS, true);
    println!("{counted:?}");
    assert!(counted.swap_ios >= SWAP_IOS && counted.failed > SWAP_IOS / 400, "{counted:?}");
    assert!(counted.told > 0, "faults reach the workload: {counted:?}");
    assert_eq!((counted.deeds, counted.allocations, counted.wrong), (0, 0, 0), "{counted:?}");
}

/// The control: direct I/O is seen to do all of that.
#[test]
fn direct_io_is_seen_to_lock_and_to_allocate() {
    let counted = count(PathKind::Dio, 3_000, false);
    assert!(counted.deeds > 0 && counted.allocations > 0, "{counted:?}");
}

/// Claim 11 in figures: what each path asks of the heap for a swap I/O on a written file.
#[test]
fn only_direct_io_asks_the_heap_for_a_swap_io() {
    for path in PathKind::LOCAL {
        let setup = Setup { is_audited: true, ..Setup::new(*path) };
        let mut rig = Rig::new(&setup).unwrap();
        // The page table of the double grows up to its highest page: that is not what is counted.
        rig.store_pass(1);
        rig.load_pass();
        let before = rig.audit.swap_ios.get();
        let measured = allocation_counter::measure(|| {
            rig.store_pass(2);
            rig.load_pass();
        });
        let swap_ios = rig.audit.swap_ios.get() - before;
        let each = measured.count_total as f64 / swap_ios as f64;
        println!("{path}: {each:.2} allocations for each of {swap_ios} swap I/Os");
        match path {
            PathKind::Extents | PathKind::Swap => assert_eq!(measured.count_total, 0, "{path}"),
            _ => assert!(measured.count_total >= swap_ios, "{path}: {each:.2}"),
        }
    }
}
