//! Which blocks come from slabs, and when slabs come and go.

use super::block::{CLASS_BYTES, HEADER_BYTES};
use super::*;

const SLOTS: usize = TestHeap::SHAPE.slots;

fn blocks(heap: &TestHeap, count: usize) -> Vec<Block<'_>> {
    (0..count).map(|number| Block::new(heap, CLASS_BYTES, 8, number as u8)).collect()
}

fn mapped(heap: &TestHeap) -> usize {
    heap.slabs().mapped()
}

#[test]
fn bytes_behind_the_header_begin_with_a_line() {
    let heap = TestHeap::new();
    for block in blocks(&heap, 2 * SLOTS) {
        assert_eq!((block.place() + HEADER_BYTES) % 64, 0);
    }
}

#[test]
fn other_sizes_and_alignments_are_the_systems() {
    let heap = TestHeap::new();
    for (size, align) in [(CLASS_BYTES - 1, 8), (CLASS_BYTES + 1, 8), (4096, 8), (CLASS_BYTES, 32)]
    {
        for block in [Block::new(&heap, size, align, 7), Block::zeroed(&heap, size, align)] {
            assert!(!block.is_ours());
        }
    }
    assert_eq!(mapped(&heap), 0);
    for align in [1, 8, 16] {
        assert!(Block::new(&heap, CLASS_BYTES, align, 7).is_ours());
    }
    assert_eq!(mapped(&heap), 1);
}

#[test]
fn a_slab_is_filled_to_its_last_slot_and_the_next_block_needs_another() {
    let heap = TestHeap::new();
    for count in 1..=3 * SLOTS + 1 {
        // Nothing is given back, so no slot is used twice.
        std::mem::forget(Block::new(&heap, CLASS_BYTES, 8, 7));
        assert_eq!(mapped(&heap), count.div_ceil(SLOTS), "{count} blocks");
    }
}

/// Five blocks in three slabs: all orders in which they can go, on one heap.
#[test]
fn slabs_go_with_their_last_block_in_whatever_order_blocks_go() {
    let heap = TestHeap::new();
    let mut orders = vec![Vec::new()];
    for _ in 0..5 {
        let longer = |order: &Vec<usize>| {
            let next: Vec<_> = (0..5).filter(|number| !order.contains(number)).collect();
            next.into_iter().map(|number| [&order[..], &[number]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 120);
    for order in orders {
        let mut all: Vec<_> = blocks(&heap, 2 * SLOTS + 1).into_iter().map(Some).collect();
        assert_eq!(mapped(&heap), 3);
        let kept = [0, SLOTS - 1, SLOTS, 2 * SLOTS - 1, 2 * SLOTS].map(|at| all[at].take());
        drop(all);
        let mut kept = kept;
        for number in order {
            kept[number].take();
            let held = slabs_with(&kept);
            assert!(mapped(&heap) >= held, "a slab with blocks is there");
            assert!(mapped(&heap) <= held + 1, "at most one is empty");
        }
        assert_eq!(mapped(&heap), 1);
    }
}

/// How many slabs these blocks are in.
fn slabs_with(blocks: &[Option<Block<'_>>]) -> usize {
    let mut slabs: Vec<_> =
        blocks.iter().flatten().map(|block| block.place() / crate::shape::SLAB_BYTES).collect();
    slabs.sort_unstable();
    slabs.dedup();
    slabs.len()
}

#[test]
fn a_block_that_comes_and_goes_at_the_edge_of_a_slab_maps_nothing() {
    let heap = TestHeap::new();
    let _full = blocks(&heap, SLOTS);
    let first = Block::new(&heap, CLASS_BYTES, 8, 1).place();
    for _ in 0..3 {
        assert_eq!(mapped(&heap), 2);
        assert_eq!(Block::new(&heap, CLASS_BYTES, 8, 2).place(), first, "the warm one again");
    }
}

#[test]
fn blocks_whose_number_goes_up_and_down_around_that_of_a_slab_map_nothing() {
    let heap = TestHeap::new();
    let mut first = blocks(&heap, SLOTS);
    let mut spares = Vec::new();
    for _ in 0..3 {
        let second = Block::new(&heap, CLASS_BYTES, 8, 1);
        assert_eq!(mapped(&heap), 2);
        spares.push(second.place());
        first.pop();
        drop(second);
        assert_eq!(mapped(&heap), 2, "one without blocks is kept");
        first.push(Block::new(&heap, CLASS_BYTES, 8, 2));
    }
    assert_eq!(spares, [spares[0]; 3]);
}

#[test]
fn a_block_that_is_used_again_and_should_be_zero_is() {
    let heap = TestHeap::new();
    let used = Block::new(&heap, CLASS_BYTES, 8, 0xff).place();
    let mut block = Block::zeroed(&heap, CLASS_BYTES, 8);
    assert_eq!(block.place(), used);
    block.check();
}

#[test]
fn a_block_may_change_its_size_into_the_class_and_out_of_it() {
    let heap = TestHeap::new();
    let mut block = Block::new(&heap, 100, 8, 3);
    for (size, is_ours) in
        [(CLASS_BYTES, true), (CLASS_BYTES, true), (9000, false), (CLASS_BYTES, true), (1, false)]
    {
        block.resize(size);
        assert_eq!(block.is_ours(), is_ours);
    }
}
