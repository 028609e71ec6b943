//! The mail's question, in miniature: the filesystem shuts down under an active swap file.

use hal::trace::Layer;
use iomap::{Errno, FailureKind};
use swap_path::PathKind;
use swap_path::events::Event;

use crate::bench::{Bench, Setup};

fn shut_down(path: PathKind) -> Bench {
    let mut bench = Setup::new(path).build();
    bench.store_all(1);
    bench.host.state.is_shut_down.set(true);
    bench.events();
    bench
}

#[test]
fn extents_and_swap_go_on_as_if_nothing_had_happened() {
    for path in [PathKind::Extents, PathKind::Swap] {
        let mut bench = shut_down(path);
        assert_eq!(bench.load_all(), [], "{path}");
        assert_eq!(bench.store_all(2), []);
        assert_eq!(bench.load_all(), []);
        let report = bench.mm.swapoff(bench.area).unwrap();
        assert_eq!(report.poisoned, []);
        assert!(!bench.host.state.is_claimed.get());
        assert_eq!(bench.load_all(), []);
        bench.check();
    }
}

#[test]
fn dio_loses_every_swapped_page_to_an_owner_who_is_told() {
    let mut bench = shut_down(PathKind::Dio);
    let swapped = bench.swapped();
    assert!(swapped.len() >= 48);
    assert_eq!(swapped.iter().filter(|&&page| bench.load(page).is_ok()).count(), 0);
    let events = bench.events();
    let causes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ReadError { cause, .. } => Some(cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes.len(), swapped.len());
    for cause in causes {
        assert_eq!(cause.errno, Errno::EIO);
        assert_eq!(cause.learned_by, Layer::Filesystem);
        assert_eq!(cause.kind, FailureKind::MapRefused);
        assert_eq!(cause.device, None);
    }
}

#[test]
fn dio_keeps_new_pages_in_memory() {
    let mut bench = shut_down(PathKind::Dio);
    let swapped = bench.swapped();
    let resident: Vec<_> = (0..64).filter(|page| !swapped.contains(page)).collect();
    for page in &resident {
        bench.store(*page, 2).unwrap();
    }
    assert_eq!(bench.mm.page_out(64), 0);
    for page in &resident {
        bench.load(*page).unwrap();
    }
    let write_errors = bench.mm.stats().write_errors;
    assert!(write_errors > 0);
    assert!(bench.events().iter().any(|event| matches!(
        event,
        Event::WriteError { cause, .. } if cause.learned_by == Layer::Filesystem
    )));
    bench.check();
}

#[test]
fn swapoff_of_dio_poisons_what_is_lost_and_releases_the_file() {
    let mut bench = shut_down(PathKind::Dio);
    let swapped = bench.swapped();
    let report = bench.mm.swapoff(bench.area).unwrap();
    let mut lost: Vec<_> = report.poisoned.iter().map(|lost| lost.page.0 as usize).collect();
    lost.sort_unstable();
    assert_eq!(lost, swapped);
    assert!(!bench.host.state.is_claimed.get());
    assert_eq!(bench.load_all(), swapped);
    bench.check();
}
