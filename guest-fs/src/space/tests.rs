//! Bitmaps, busy runs and the choice of groups.

use proptest::prelude::*;

use super::bits::{choose, fill, free_run, is_all_set, is_any_set, summary};
use super::*;
use crate::format::group::{BITMAP_WORDS, GroupInfo, Words};
use crate::format::superblock::{GROUP_BLOCKS, Layout};

fn full_but(free: &[core::ops::Range<u64>]) -> Words {
    let mut words = [u64::MAX; BITMAP_WORDS];
    free.iter().for_each(|range| fill(&mut words, range, false));
    words
}

#[test]
fn the_shortest_run_that_fits_is_taken() {
    let words = full_but(&[5..7, 100..400, 1000..1010, 5000..5003]);
    assert_eq!(choose(&words, None, 2), Some(5..7));
    assert_eq!(choose(&words, None, 3), Some(5000..5003));
    assert_eq!(choose(&words, None, 4), Some(1000..1004));
    assert_eq!(choose(&words, None, 11), Some(100..111));
    assert_eq!(choose(&words, None, 9999), Some(100..400), "the longest, if none fits");
    assert_eq!(choose(&words, Some(300), 9999), Some(300..400), "at the goal, if that is free");
    assert_eq!(choose(&words, Some(4), 2), Some(5..7));
    assert_eq!(choose(&full_but(&[]), Some(9), 1), None);
    assert_eq!(summary(&words), (2 + 300 + 10 + 3, 300));
}

#[test]
fn a_busy_run_is_not_chosen_before_it_may_be() {
    let mut busy = Busy::default();
    let group = 3;
    let start = Layout::group_start(group);
    busy.add(Run { start: start + 100, blocks: 10 });
    let mut words = full_but(&[100..105, 105..112]);
    busy.mask(group, &mut words);
    assert_eq!(choose(&words, Some(100), 4), Some(110..112));
    busy.remove(Run { start: start + 100, blocks: 10 });
    assert!(busy.is_empty());
}

#[test]
fn groups_with_a_long_enough_run_come_first() {
    let info = |free, longest| GroupInfo { free, longest, has_bitmap: true };
    let groups = Groups::new(vec![info(9, 3), info(50, 20), info(0, 0), info(8, 8)]);
    let mut search = Search::new(3, 8);
    let order: Vec<_> = std::iter::from_fn(|| groups.next(&mut search)).collect();
    assert_eq!(order, [3, 1, 0]);
    assert_eq!(groups.free(), 67);
}

#[test]
fn a_fresh_group_has_everything_free_but_its_fixed_blocks() {
    let layout = Layout::plan([0; 16], [0; 32], 2 * GROUP_BLOCKS + 500, 256).unwrap();
    for group in 0..3 {
        let words = fresh_words(&layout, group);
        let info = fresh_info(&layout, group);
        assert_eq!(summary(&words), (info.free, info.longest), "group {group}");
        let start = Layout::group_start(group);
        for bit in 0..GROUP_BLOCKS {
            let is_set = is_any_set(&words, &(bit..bit + 1));
            assert_eq!(is_set, !layout.is_data_run(start + bit, 1), "group {group}, bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn runs_agree_with_a_table(
        ranges in prop::collection::vec((0..GROUP_BLOCKS - 300, 1..300_u64, any::<bool>()), 0..40),
        from in 0..GROUP_BLOCKS,
    ) {
        let mut words = [0; BITMAP_WORDS];
        let mut model = vec![false; GROUP_BLOCKS as usize];
        for (start, blocks, is_set) in ranges {
            fill(&mut words, &(start..start + blocks), is_set);
            model[start as usize..(start + blocks) as usize].fill(is_set);
        }
        let start = (from..GROUP_BLOCKS).find(|bit| !model[*bit as usize]);
        let end = |start| (start..GROUP_BLOCKS).find(|bit| model[*bit as usize]);
        let expected = start.map(|start| start..end(start).unwrap_or(GROUP_BLOCKS));
        prop_assert_eq!(free_run(&words, from), expected);
        let range = from..(from + 5).min(GROUP_BLOCKS);
        let part = &model[range.start as usize..range.end as usize];
        prop_assert_eq!(is_all_set(&words, &range), part.iter().all(|bit| *bit));
        prop_assert_eq!(is_any_set(&words, &range), part.iter().any(|bit| *bit));
        let free = model.iter().filter(|bit| !**bit).count();
        prop_assert_eq!(summary(&words).0 as usize, free);
    }
}
