//! Turning areas off.

use block::BlockDevice;
use block::ram::OpKind;
use hal::UserPage;
use hal::trace::Layer;
use iomap::Errno;
use swap_path::events::{BusErrorReason, Event};
use swap_path::{AreaId, PageView, PathKind, SwapoffError, mkswap, swapon};

use crate::bench::Setup;
use crate::host::{Host, Inode};

#[test]
fn swapoff_brings_every_page_back() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        bench.load_all();
        let swapped = bench.swapped().len() as u64;
        let used = u64::from(bench.mm.areas()[0].used_pages());
        let report = bench.mm.swapoff(bench.area).unwrap();
        bench.check();
        assert_eq!(report.path, *path);
        assert_eq!(report.pages_read, swapped);
        assert_eq!(report.pages_cached, used - swapped);
        assert_eq!(report.poisoned, []);
        assert!(bench.mm.areas().is_empty());
        assert!(!bench.host.state.is_claimed.get(), "the file is released");
        bench.disk.remove();
        assert_eq!(bench.load_all(), [], "{path}");
        assert_eq!(bench.store_all(2), []);
    }
}

#[test]
fn a_page_that_was_clean_in_the_swap_cache_survives_swapoff_and_the_next_swapon() {
    let mut bench = Setup::new(PathKind::Swap).build();
    bench.store_all(1);
    bench.load_all();
    bench.mm.swapoff(bench.area).unwrap();
    // Without an area nothing can be evicted: not even what was clean.
    assert_eq!(bench.mm.page_out(64), 0);
    let area = swapon(&bench.host, &bench.disk, Inode, PathKind::Extents).unwrap();
    assert_eq!(bench.mm.add_area(area), AreaId(2), "an id is never reused");
    assert_eq!(bench.load_all(), []);
    assert_eq!(bench.mm.page_out(64), 64);
    bench.check();
    assert_eq!(bench.load_all(), []);
    assert!(bench.mm.resident_pages() <= 16, "the limit holds again");
    bench.check();
}

#[test]
fn a_slot_that_cannot_be_read_costs_its_page_alone() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        let page = bench.swapped()[10];
        let (slot, _) = bench.slot(page).unwrap();
        bench.break_slot(OpKind::Read, slot);
        let report = bench.mm.swapoff(bench.area).unwrap();
        bench.check();
        let [lost] = report.poisoned[..] else {
            panic!("{path}: {report:?}");
        };
        assert_eq!(lost.page, UserPage(page as u64));
        assert_eq!(lost.entry.slot, slot);
        assert_eq!(lost.cause.learned_by, Layer::Driver);
        assert_eq!(lost.cause.errno, Errno::ENODATA);
        assert_eq!(bench.load_all(), [page]);
        bench.disk.clear_faults();
        assert_eq!(bench.load_all(), [page], "lost is lost");
        assert!(bench.events().contains(&Event::BusError {
            page: page as u64,
            access: hal::Access::Read,
            reason: BusErrorReason::Poisoned
        }));

        bench.mm.discard(UserPage(page as u64));
        bench.expected[page] = 0;
        assert_eq!(bench.mm.page(UserPage(page as u64)), Some(PageView::Untouched));
    }
}

#[test]
fn swapoff_without_memory_changes_nothing() {
    for path in PathKind::LOCAL {
        let mut setup = Setup::new(*path);
        setup.memory = 20 + 30;
        let mut bench = setup.build();
        bench.store_all(1);
        let swapped = bench.swapped();
        let error = bench.mm.swapoff(bench.area).unwrap_err();
        let pages = swapped.len() as u64;
        assert_eq!(error, SwapoffError::OutOfMemory { pages });
        assert_eq!(error.errno(), Errno::ENOMEM);
        assert_eq!(bench.swapped(), swapped);
        assert_eq!(bench.pool.free_pages(), 30, "the frames went back");
        bench.check();
        assert_eq!(bench.load_all(), []);
    }
}

#[test]
fn pages_of_an_area_that_is_turned_off_go_to_the_one_that_is_left() {
    for path in PathKind::LOCAL {
        let mut setup = Setup::new(*path);
        // Room for the frames, and for a few more: all at once they would not fit.
        setup.memory = 20 + 30;
        let mut bench = setup.build();
        bench.store_all(1);
        bench.load_all();
        let swapped = bench.swapped().len();
        assert!(swapped > 40, "{swapped}");
        let blocks = bench.disk.geometry().size_blocks;
        let other = Host::new(100, 7, blocks - 300, iomap::MapKind::Mapped);
        mkswap(&*other, &*bench.disk, Inode, [2; 16], "left").unwrap();
        let area = swapon(&other, &bench.disk, Inode, *path).unwrap();
        let left = bench.mm.add_area(area);
        bench.mm.swapoff(bench.area).unwrap();
        bench.check();
        assert_eq!(bench.mm.areas().len(), 1);
        assert!(bench.mm.areas()[0].id() == left && bench.mm.areas()[0].used_pages() >= 40);
        assert!(bench.mm.resident_pages() <= 16 + 8, "{path}: {}", bench.mm.resident_pages());
        assert_eq!(bench.load_all(), [], "{path}");
    }
}

#[test]
fn frames_for_pages_that_are_lost_go_back() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        let free = bench.pool.free_pages();
        let swapped = bench.swapped();
        bench.break_disk(OpKind::Read);
        let report = bench.mm.swapoff(bench.area).unwrap();
        assert_eq!(report.poisoned.len(), swapped.len());
        assert_eq!(bench.pool.free_pages(), free, "{path}");
        bench.check();
    }
}

#[test]
fn an_area_that_is_not_active_is_einval() {
    let mut bench = Setup::new(PathKind::Swap).build();
    let error = bench.mm.swapoff(AreaId(2)).unwrap_err();
    assert_eq!(error, SwapoffError::NotActive(AreaId(2)));
    assert_eq!(error.errno(), Errno::EINVAL);
    bench.mm.swapoff(bench.area).unwrap();
    bench.mm.swapoff(bench.area).unwrap_err();
}

#[test]
fn the_trace_says_what_swapoff_did() {
    let mut bench = Setup::new(PathKind::Swap).build();
    bench.store_all(1);
    let swapped = bench.swapped().len() as u32;
    let (slot, _) = bench.slot(0).unwrap();
    bench.break_slot(OpKind::Read, slot);
    bench.events();
    bench.mm.swapoff(bench.area).unwrap();
    let events = bench.events();
    assert!(matches!(events[0], Event::SwapOffBegin { .. }));
    assert_eq!(
        events.last(),
        Some(&Event::SwapOff {
            area: bench.area,
            path: PathKind::Swap,
            pages_read: swapped - 1,
            pages_lost: 1
        })
    );
    assert!(events.iter().any(|event| matches!(event, Event::Poison { page: 0, .. })));
}
