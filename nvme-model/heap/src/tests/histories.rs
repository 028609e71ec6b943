//! Any history of blocks that come, go and change their size, against a list of those there are.

use proptest::prelude::*;

use super::block::CLASS_BYTES;
use super::*;

/// One step: what to do, with which block of those there are, of which size, aligned to what, filled with what.
type Step = (u8, prop::sample::Index, usize, u32, u8);

/// Mostly the size of blocks, and others, some next to it.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => Just(CLASS_BYTES),
        1 => CLASS_BYTES - 9..CLASS_BYTES + 9,
        1 => 1_usize..9000,
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..8_u8, any::<prop::sample::Index>(), size(), 0..8_u32, any::<u8>());
    prop::collection::vec(step, 0..1500)
}

/// Plays a history. What is in a block is looked at whenever it is touched, and in the end.
fn play(heap: &TestHeap, steps: &[Step]) {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (what, which, size, align, fill) in steps {
        let count = blocks.len();
        match what {
            0..=4 => blocks.push(Block::new(heap, *size, 1 << align, *fill)),
            5 => blocks.push(Block::zeroed(heap, *size, 1 << align)),
            6 if count > 0 => drop(blocks.swap_remove(which.index(count))),
            7 if count > 0 => blocks[which.index(count)].resize(*size),
            _ => {}
        }
    }
    let mut places: Vec<_> = blocks.iter().map(|block| (block.place(), block.size())).collect();
    places.sort_unstable();
    for pair in places.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:x?} overlap");
    }
    let ours = blocks.iter().filter(|block| block.is_ours()).count();
    let slots = TestHeap::SHAPE.slots;
    assert!(heap.slabs().mapped() >= ours.div_ceil(slots), "{ours} blocks in too few slabs");
    blocks.iter_mut().for_each(Block::check);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_keep_what_they_hold_and_slabs_go_with_the_last_block(steps in steps()) {
        static HEAP: TestHeap = TestHeap::new();
        play(&HEAP, &steps);
        prop_assert!(HEAP.slabs().mapped() <= 1, "only the last slab stays");
    }
}
