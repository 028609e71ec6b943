//! A healthy machine.

use hal::{UserAddr, UserPage};
use iomap::MapKind;
use swap_path::events::{BusErrorReason, Event};
use swap_path::{PageView, PathKind};

use crate::bench::Setup;

#[test]
fn an_address_space_of_four_times_the_memory_reads_back() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        for tag in 1..=3 {
            assert_eq!(bench.store_all(tag), []);
            bench.check();
            assert_eq!(bench.load_all(), []);
            bench.check();
        }
        assert!(bench.mm.resident_pages() <= 16);
        assert!(bench.mm.stats().swapped_out_pages >= 3 * 48);
        assert_eq!(bench.mm.stats().bus_errors, 0);
    }
}

#[test]
fn only_the_swap_file_is_written_and_never_its_header() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        bench.store_all(2);
        let allowed: Vec<_> = (1..100).map(|slot| bench.host.block(slot)).collect();
        let writes = bench.writes();
        assert!(!writes.is_empty());
        for (block, count) in writes {
            for block in block..block + count {
                assert!(allowed.contains(&block), "{path}: block {block}");
            }
        }
    }
}

#[test]
fn pages_never_touched_read_as_zeros_and_cost_no_swap() {
    let mut bench = Setup::new(PathKind::Swap).build();
    assert_eq!(bench.load_all(), []);
    assert_eq!(bench.load_all(), []);
    assert_eq!(bench.writes(), []);
    assert_eq!(bench.mm.areas()[0].used_pages(), 0);
    bench.check();
}

#[test]
fn a_frame_that_is_used_again_shows_nothing_of_its_last_owner() {
    let mut bench = Setup::new(PathKind::Extents).build();
    for page in 0..48 {
        bench.store(page, 9).unwrap();
    }
    for page in 48..64 {
        bench.load(page).unwrap();
    }
}

#[test]
fn clean_pages_are_dropped_without_writing_them_again() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        bench.load_all();
        bench.writes();
        let before = bench.mm.stats().clean_drop_pages;
        bench.load_all();
        assert_eq!(bench.writes(), [], "{path}");
        assert!(bench.mm.stats().clean_drop_pages > before);
    }
}

#[test]
fn a_store_to_a_page_with_a_good_slot_makes_the_slot_stale() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        bench.load(0).unwrap();
        // The page is clean and has a slot now; the store changes it without a fault.
        bench.store(0, 2).unwrap();
        bench.mm.page_out(64);
        assert!(matches!(bench.mm.page(UserPage(0)), Some(PageView::Swapped { .. })));
        bench.load(0).unwrap();
    }
}

#[test]
fn neighbours_go_out_together() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        let stats = *bench.mm.stats();
        assert_eq!(stats.swapped_out_pages / stats.swap_outs, 4, "{stats:?}");
        // The file is in pieces of 13 blocks: some clusters of 4 need two commands.
        assert!(bench.writes().iter().any(|&(_, blocks)| blocks == 4));
    }
}

#[test]
fn pages_that_got_dirty_in_any_order_go_out_in_the_order_of_their_slots() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        for page in 0..8 {
            bench.store(page, 1).unwrap();
        }
        bench.mm.page_out(8);
        for page in [3, 1, 2, 0] {
            bench.store(page, 2).unwrap();
        }
        bench.writes();
        bench.mm.page_out(4);
        assert_eq!(bench.writes(), [(bench.host.block(1), 4)], "{path}");
        bench.load_all();
    }
}

#[test]
fn an_access_over_a_page_boundary_works_while_both_pages_are_out() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        bench.mm.page_out(64);
        let addr = UserAddr(3 * 4096 - 5);
        bench.mm.store(addr, b"0123456789").unwrap();
        bench.mm.page_out(64);
        let mut seen = [0; 10];
        bench.mm.load(addr, &mut seen).unwrap();
        assert_eq!(&seen, b"0123456789");
        bench.check();
    }
}

#[test]
fn an_access_out_of_range_is_a_bus_error_and_changes_nothing() {
    let mut bench = Setup::new(PathKind::Swap).build();
    bench.sink.take();
    let end = 64 * 4096;
    let error = bench.mm.store(UserAddr(end - 1), &[1, 2]).unwrap_err();
    assert_eq!(error.addr, UserAddr(end));
    let error = bench.mm.load(UserAddr(u64::MAX), &mut [0; 2]).unwrap_err();
    assert_eq!(error.addr, UserAddr(u64::MAX));
    assert!(matches!(
        bench.events()[..],
        [
            Event::BusError { page: 64, reason: BusErrorReason::OutOfRange, .. },
            Event::BusError { .. }
        ]
    ));
    bench.load(63).unwrap();
}

#[test]
fn a_page_given_up_reads_as_zeros_and_frees_its_slot() {
    let mut bench = Setup::new(PathKind::Swap).build();
    bench.store_all(1);
    for page in [0, 63] {
        bench.mm.discard(UserPage(page));
        bench.expected[page as usize] = 0;
        bench.check();
    }
    bench.load_all();
    assert!(bench.mm.areas()[0].used_pages() <= 62);
}

#[test]
fn who_runs_transactions_on_an_unwritten_file() {
    for path in PathKind::LOCAL {
        let mut setup = Setup::new(*path);
        setup.kind = MapKind::Unwritten;
        let mut bench = setup.build();
        bench.store_all(1);
        let transactions = bench.host.state.swap_transactions.get();
        // Unwritten blocks read as zeros through the DIO mapping: `dio` must have converted them.
        let converts = matches!(path, PathKind::Dio | PathKind::DioLocked);
        assert_eq!(transactions > 0, converts, "{path}");
        if *path != PathKind::DioRaw {
            assert_eq!(bench.load_all(), [], "{path}");
        }
    }
}

#[test]
fn without_end_io_an_unwritten_file_reads_back_as_zeros_and_nobody_is_told() {
    let mut setup = Setup::new(PathKind::DioRaw);
    setup.kind = MapKind::Unwritten;
    let mut bench = setup.build();
    bench.store_all(1);
    let swapped = bench.swapped();
    assert!(!swapped.is_empty());
    for page in swapped {
        assert_eq!(bench.load_is_right(page), Ok(false), "page {page}");
    }
}

#[test]
fn extents_never_asks_the_filesystem() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        bench.load_all();
        let asks = bench.host.state.swap_asks.get();
        assert_eq!(asks == 0, *path == PathKind::Extents, "{path}: {asks}");
    }
}

#[test]
fn the_same_workload_gives_the_same_trace() {
    let run = |path| {
        let mut bench = Setup::new(path).build();
        bench.store_all(1);
        bench.load_all();
        bench.mm.swapoff(bench.area).unwrap();
        bench.sink.take()
    };
    for path in PathKind::LOCAL {
        assert_eq!(run(*path), run(*path));
    }
}
