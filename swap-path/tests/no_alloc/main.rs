//! No allocation inside swap I/O: counted.
//!
//! Everything below swap-path here allocates nothing by itself, so what is counted is this crate's
//! and the iomap library's.

mod disk;
#[path = "../swap/host.rs"]
mod host;

use std::rc::Rc;

use hal::testing::{DmaPool, SoftUserMemory};
use hal::{UserAddr, UserPage};
use iomap::MapKind;
use swap_path::{Bug, Mm, MmConfig, PathKind, SwaponOptions, mkswap, swapon_with};

use disk::{BLOCKS, FrugalDisk};
use host::{Host, Inode};

const PAGES: u64 = 64;

struct Machine {
    disk: Rc<FrugalDisk>,
    host: Rc<Host>,
    mm: Mm<SoftUserMemory, FrugalDisk>,
}

fn machine(path: PathKind) -> Machine {
    machine_with(SwaponOptions::new(path))
}

fn machine_with(options: SwaponOptions) -> Machine {
    let pool = DmaPool::new(64);
    let disk = Rc::new(FrugalDisk::new(pool.clone()));
    let host = Host::new(100, 13, BLOCKS, MapKind::Mapped);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    let area = swapon_with(&host, &disk, Inode, &options).unwrap();
    let user = Rc::new(SoftUserMemory::new(pool, PAGES as usize));
    let mut mm = Mm::new(MmConfig::new(16), user, Rc::clone(&disk)).unwrap();
    mm.add_area(area);
    // The table of the double grows up to its highest page: that is not what is counted.
    mm.store(UserAddr((PAGES - 1) * 4096), &[1]).unwrap();
    mm.discard(UserPage(PAGES - 1));
    Machine { disk, host, mm }
}

/// Touches every page; returns how many accesses got a bus error.
fn pass(machine: &mut Machine, is_store: bool) -> u64 {
    let mut buffer = [1; 16];
    let mut told = 0;
    for page in 0..PAGES {
        let addr = UserAddr(page * 4096 + 100);
        let result = if is_store {
            machine.mm.store(addr, &buffer)
        } else {
            machine.mm.load(addr, &mut buffer)
        };
        told += u64::from(result.is_err());
    }
    told
}

/// Allocations while the address space is written and read twice over.
fn allocations(machine: &mut Machine) -> u64 {
    let before = *machine.mm.stats();
    let counted = allocation_counter::measure(|| {
        for is_store in [true, false, true, false] {
            assert_eq!(pass(machine, is_store), 0);
        }
    });
    let after = machine.mm.stats();
    assert!(after.swapped_out_pages >= before.swapped_out_pages + 96);
    assert!(after.swapped_in_pages >= before.swapped_in_pages + 96);
    counted.count_total
}

#[test]
fn faults_reclaim_and_swap_io_allocate_nothing() {
    for path in [PathKind::Extents, PathKind::Swap] {
        let mut machine = machine(path);
        assert_eq!(allocations(&mut machine), 0, "{path}");
    }
}

#[test]
fn the_direct_io_engine_is_seen_to_allocate() {
    assert!(allocations(&mut machine(PathKind::Dio)) > 0);
}

/// [`Bug::PoolFromHeap`] is the one bug that changes nothing but this count.
#[test]
fn a_swap_path_that_asks_the_heap_is_caught() {
    let mut options = SwaponOptions::new(PathKind::Swap);
    options.bugs = options.bugs.with(Bug::PoolFromHeap);
    let mut machine = machine_with(options);
    assert!(allocations(&mut machine) >= machine.mm.stats().swap_outs);
}

#[test]
fn errors_allocate_nothing() {
    for path in [PathKind::Extents, PathKind::Swap] {
        let mut machine = machine(path);
        pass(&mut machine, true);
        let bad = machine.host.block(7);
        let counted = allocation_counter::measure(|| {
            machine.disk.bad_block.set(Some((false, bad)));
            assert_eq!(pass(&mut machine, false), 1, "{path}");
            assert_eq!(pass(&mut machine, true), 1, "{path}");
            machine.disk.bad_block.set(Some((true, bad)));
            assert_eq!(pass(&mut machine, true), 0, "{path}");
            assert_eq!(pass(&mut machine, true), 0, "{path}");
        });
        assert!(machine.mm.stats().read_errors > 1);
        assert!(machine.mm.stats().write_errors > 0);
        assert_eq!(counted.count_total, 0, "{path}");
    }
}

#[test]
fn out_of_memory_allocates_nothing() {
    for path in [PathKind::Extents, PathKind::Swap] {
        let mut machine = machine(path);
        let area = machine.mm.areas()[0].id();
        machine.mm.swapoff(area).unwrap();
        let counted = allocation_counter::measure(|| {
            assert_eq!(pass(&mut machine, true), PAGES - 20, "{path}");
        });
        assert_eq!(counted.count_total, 0, "{path}");
    }
}
