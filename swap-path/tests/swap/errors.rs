//! A device that fails.

use block::ram::{Fault, OpKind};
use hal::trace::Layer;
use hal::{BusError, UserAddr};
use iomap::{Errno, FailureKind};
use swap_path::PathKind;
use swap_path::events::{BusErrorReason, Event};

use crate::bench::{MEDIUM, Setup};

#[test]
fn failed_swap_outs_lose_nothing_and_end_in_out_of_memory() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.break_disk(OpKind::Write);
        let told = bench.store_all(1);
        // 16 frames and 4 in reserve; everybody else is told.
        assert_eq!(told, (20..64).collect::<Vec<_>>(), "{path}");
        bench.check();
        assert_eq!(bench.mm.resident_pages(), 20);
        for page in 0..20 {
            bench.load(page).unwrap();
        }
        let events = bench.events();
        let out_of_memory = |event: &&Event| matches!(event, Event::OutOfMemory { .. });
        assert_eq!(events.iter().filter(out_of_memory).count(), 44);
        assert!(events.contains(&Event::ReserveUsed { page: 19, resident_pages: 19 }));

        bench.disk.clear_faults();
        assert_eq!(bench.store_all(2), [], "{path}");
        assert_eq!(bench.load_all(), []);
        assert!(bench.mm.resident_pages() <= 16, "the reserve is back");
        bench.check();
    }
}

#[test]
fn a_reclaim_gives_up_after_a_bounded_number_of_failures() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.break_disk(OpKind::Write);
        for page in 0..16 {
            bench.store(page, 1).unwrap();
        }
        let is_write = |event: &&Event| matches!(event, Event::SwapOutBegin { .. });
        bench.events();
        // First whole clusters, then, as those have failed, single pages.
        for page in 16..20 {
            bench.store(page, 1).unwrap();
            let events = bench.events();
            assert_eq!(events.iter().filter(is_write).count(), 4, "{path}");
        }
    }
}

#[test]
fn one_bad_block_keeps_one_page_in_memory_and_no_more() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.break_slot(OpKind::Write, 6);
        for tag in 1..=3 {
            assert_eq!(bench.store_all(tag), [], "{path}");
            assert_eq!(bench.load_all(), []);
        }
        bench.check();
        bench.mm.page_out(64);
        bench.mm.page_out(64);
        assert_eq!(bench.mm.resident_pages(), 1, "{path}");
    }
}

#[test]
fn every_page_of_a_failed_write_is_named_with_who_learned_first() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.break_slot(OpKind::Write, 2);
        bench.store_all(1);
        let causes: Vec<_> = bench
            .events()
            .iter()
            .filter_map(|event| match event {
                Event::WriteError { page, entry, cause } => Some((*page, entry.slot, *cause)),
                _ => None,
            })
            .collect();
        // First the cluster of four, then the one page alone, again and again.
        let pages: Vec<_> = causes.iter().map(|cause| (cause.0, cause.1)).collect();
        assert_eq!(pages[..4], [(0, 1), (1, 2), (2, 3), (3, 4)], "{path}");
        assert!(pages[4..].iter().all(|page| *page == (1, 2)), "{pages:?}");
        let cause = causes[0].2;
        assert_eq!(cause.path, *path);
        assert_eq!(cause.errno, Errno::ENODATA);
        assert_eq!(cause.learned_by, Layer::Driver);
        assert_eq!(cause.kind, FailureKind::Completion);
        assert_eq!(cause.device, Some(MEDIUM));
    }
}

#[test]
fn a_cluster_of_which_one_command_fails_gives_every_page_back_to_its_owner() {
    for path in PathKind::LOCAL {
        for nth in 0..4 {
            let mut setup = Setup::new(*path);
            setup.transfer_blocks_max = 1;
            let mut bench = setup.build();
            for page in 0..16 {
                bench.store(page, 1).unwrap();
            }
            bench.disk.add_fault(Fault::nth(OpKind::Write, nth, MEDIUM));
            bench.store(16, 1).unwrap();
            assert_eq!(bench.mm.stats().write_errors, 1);
            assert_eq!(bench.load_all(), [], "{path}, command {nth}");
            bench.check();
        }
    }
}

#[test]
fn a_failed_swap_in_is_told_with_its_address_and_can_be_tried_again() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        let page = bench.swapped()[5];
        let (slot, _) = bench.slot(page).unwrap();
        bench.break_slot(OpKind::Read, slot);
        bench.events();
        let addr = UserAddr(page as u64 * 4096);
        for _ in 0..2 {
            assert_eq!(bench.load(page), Err(BusError { addr }), "{path}");
            bench.check();
        }
        assert_eq!(bench.slot(page), Some((slot, true)), "the slot is kept");
        let events = bench.events();
        let errors = events.iter().filter_map(|event| match event {
            Event::ReadError { page, cause, .. } => Some((*page, cause.learned_by, cause.errno)),
            _ => None,
        });
        let error = (page as u64, Layer::Driver, Errno::ENODATA);
        assert_eq!(errors.collect::<Vec<_>>(), [error, error]);
        assert!(events.contains(&Event::BusError {
            page: page as u64,
            access: hal::Access::Read,
            reason: BusErrorReason::SwapIn
        }));

        bench.disk.clear_faults();
        bench.load(page).unwrap();
        assert_eq!(bench.load_all(), []);
    }
}

#[test]
fn a_store_to_a_page_that_cannot_be_read_is_told_too() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        let page = bench.swapped()[0];
        bench.break_disk(OpKind::Read);
        assert!(bench.store(page, 2).is_err(), "{path}");
        bench.disk.clear_faults();
        bench.load(page).unwrap();
    }
}

#[test]
fn a_device_that_is_gone_takes_only_what_is_swapped() {
    for path in PathKind::LOCAL {
        let mut bench = Setup::new(*path).build();
        bench.store_all(1);
        let swapped = bench.swapped();
        let resident: Vec<_> = (0..64).filter(|page| !swapped.contains(page)).collect();
        bench.disk.remove();
        for page in resident {
            bench.load(page).unwrap();
        }
        for page in swapped {
            assert!(bench.load(page).is_err(), "{path}");
        }
        bench.check();
    }
}
