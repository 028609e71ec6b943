use std::vec::Vec;

use super::*;

const FRAME: FrameId = FrameId(7);
const CLUSTER: u32 = super::super::clusters::CLUSTER as u32;

fn map(size: u32) -> SlotMap {
    SlotMap::new(size, &[], Bugs::default())
}

/// A slot with one page in it, and nothing in memory.
fn fill(map: &mut SlotMap) -> Option<u32> {
    let slot = map.alloc(0, FRAME)?;
    assert!(map.share(slot));
    map.uncache(slot, FRAME);
    Some(slot)
}

#[test]
fn the_header_and_bad_pages_are_never_handed_out() {
    let mut map = SlotMap::new(100, &[3, 64, 64, 1000], Bugs::default());
    assert_eq!(map.size(), 97);
    let mut slots: Vec<_> = (0..97).map(|_| fill(&mut map).unwrap()).collect();
    assert_eq!(fill(&mut map), None);
    slots.sort_unstable();
    let good = |slot: &u32| ![0, 3, 64].contains(slot);
    assert_eq!(slots, (0..100).filter(good).collect::<Vec<_>>());
    assert_eq!(map.used(), 97);
}

#[test]
fn neighbours_in_time_are_neighbours_on_the_device() {
    let mut map = map(256);
    let slots: Vec<_> = (0..200).map(|_| fill(&mut map).unwrap()).collect();
    let jumps = slots.windows(2).filter(|pair| pair[0] + 1 != pair[1]);
    assert_eq!(jumps.count(), 0, "{slots:?}");
}

#[test]
fn a_free_cluster_is_preferred_to_holes() {
    let mut map = map(4 * CLUSTER);
    for _ in 0..2 * CLUSTER {
        fill(&mut map).unwrap();
    }
    map.put(5);
    let slots: Vec<_> = (0..2 * CLUSTER - 1).map(|_| fill(&mut map).unwrap()).collect();
    assert!(!slots.contains(&5), "{slots:?}");
    assert_eq!(fill(&mut map), Some(5));
    assert_eq!(fill(&mut map), None);
}

#[test]
fn a_cluster_that_became_free_is_used_again_as_a_whole() {
    let mut map = map(4 * CLUSTER);
    for slot in 1..4 * CLUSTER {
        assert_eq!(fill(&mut map), Some(slot));
    }
    let cluster = 2 * CLUSTER..3 * CLUSTER;
    map.put(5);
    cluster.clone().for_each(|slot| map.put(slot));
    for slot in cluster {
        assert_eq!(fill(&mut map), Some(slot));
    }
    assert_eq!(fill(&mut map), Some(5));
}

#[test]
fn a_shared_slot_is_free_when_its_last_page_has_gone() {
    let mut map = map(3);
    let slot = fill(&mut map).unwrap();
    assert!(map.share(slot) && map.share(slot));
    for count in [3, 2, 1] {
        assert_eq!(map.count(slot), count);
        assert_eq!(map.used(), 1);
        map.put(slot);
    }
    assert_eq!(map.used(), 0);
    assert_eq!(map.iter_used().count(), 0);
}

#[test]
fn a_slot_without_pages_is_kept_as_long_as_a_folio_is_cached() {
    let mut map = map(3);
    let slot = map.alloc(0, FRAME).unwrap();
    assert_eq!((map.used(), map.cached(slot)), (1, Some(FRAME)));
    assert!(map.share(slot));
    map.put(slot);
    assert_eq!(map.used(), 1);
    map.uncache(slot, FRAME);
    assert_eq!((map.used(), map.cached(slot)), (0, None));
}

#[test]
fn a_slot_that_is_used_again_is_not_zero() {
    let mut map = map(2);
    let slot = fill(&mut map).unwrap();
    map.set_zero(slot..slot + 1, true);
    map.set_failed(slot, true);
    map.put(slot);
    assert_eq!(fill(&mut map), Some(slot));
    assert!(!map.is_zero(slot) && !map.has_failed(slot));
}

#[test]
fn a_folio_gets_an_aligned_run_of_free_slots() {
    let mut map = map(4 * 512);
    assert_eq!(fill(&mut map), Some(1));
    assert_eq!(map.alloc(9, FRAME), Some(512), "the first run has the header in it");
    assert_eq!(map.alloc(2, FRAME), Some(1024));
    assert_eq!(map.alloc(9, FRAME), Some(1536));
    assert_eq!(map.alloc(9, FRAME), None);
    assert_eq!(map.alloc(2, FRAME), Some(4), "small folios fit into what is left");
    assert_eq!(fill(&mut map), Some(2));
    assert_eq!(map.used(), 2 + 512 + 4 + 512 + 4);
    for slot in 512..1024 {
        assert_eq!(map.cached(slot), Some(FRAME));
        map.uncache(slot, FRAME);
    }
    assert_eq!(map.alloc(9, FRAME), Some(512));
}

#[test]
#[should_panic(expected = "is freed by a page that is in it")]
fn nobody_frees_a_slot_that_he_is_not_in() {
    let mut map = map(10);
    let slot = fill(&mut map).unwrap();
    map.put(slot);
    map.put(slot);
}

#[test]
#[should_panic(expected = "caches another folio")]
fn nobody_takes_another_folio_out_of_the_cache() {
    let mut map = map(10);
    let slot = map.alloc(0, FRAME).unwrap();
    map.uncache(slot, FrameId(8));
}

#[test]
fn an_area_of_a_header_alone_has_no_slot() {
    assert_eq!(map(1).alloc(0, FRAME), None);
    assert_eq!(map(0).alloc(0, FRAME), None);
}

#[test]
fn a_slot_costs_eight_bytes_and_a_cluster_two() {
    assert_eq!(map(64 * CLUSTER).memory_bytes(), (64 * CLUSTER * 8 + 64 * 2) as usize);
}

#[test]
fn a_slot_that_goes_from_one_folio_to_another_still_counts_as_taken() {
    let mut map = map(100);
    let first = map.alloc(2, FrameId(7)).unwrap();
    for slot in first..first + 4 {
        map.uncache(slot, FrameId(7));
        map.cache(slot, FrameId(20 + slot));
    }
    assert_eq!(map.used(), 4);
    // The header's cluster is never empty, so no large folio gets its slot.
    for frame in 50..52 {
        let run = map.alloc(5, FrameId(frame)).unwrap();
        assert!(run >= 32, "slots {run} and on");
    }
    assert_eq!(map.alloc(5, FrameId(60)), None);
}
