//! Crash consistency: all sequences of one and of two operations, a sample of three.
//!
//! The tests share the sequences of two among each other, so that they use all CPUs.

use fs_proof::ace;
use fs_proof::crash::{Effort, Explorer, Space};

/// What a power cut never tears, in bytes.
const WHOLE_PAGES: u32 = 4096;
const SECTORS: u32 = 512;

/// Of sequences of two and three operations.
const EFFORT: Effort =
    Effort { block_bytes: WHOLE_PAGES, images_max: 8, recut_every: 16, seed: 20_261_130 };

/// Explores every `step`-th sequence of `length` operations from the `first` on.
#[track_caller]
fn explore(effort: Effort, length: u32, first: u64, step: usize) -> Space {
    let mut explorer = Explorer::new(effort, None).unwrap();
    let setup = ace::setup();
    for index in (first..ace::count(length)).step_by(step) {
        let sequence = ace::sequence(length, index).unwrap();
        if let Err(failure) = explorer.explore(&setup, &sequence.ops, sequence.from) {
            panic!("sequence {index} of length {length}: {failure}");
        }
    }
    println!("length {length}: {:?}", explorer.space);
    explorer.space
}

#[test]
fn every_sequence_of_one_operation_survives_every_cut() {
    for block_bytes in [WHOLE_PAGES, SECTORS] {
        let effort = Effort { block_bytes, images_max: 64, recut_every: 8, seed: 1 };
        let space = explore(effort, 1, 0, 1);
        assert_eq!(space.sequences, ace::count(1));
        assert!(space.recovery_images > space.images, "{space:?}");
    }
}

#[test]
fn every_even_sequence_of_two_operations_survives_every_cut() {
    assert_eq!(explore(EFFORT, 2, 0, 2).sequences, ace::count(2) / 2);
}

#[test]
fn every_odd_sequence_of_two_operations_survives_every_cut() {
    assert_eq!(explore(EFFORT, 2, 1, 2).sequences, ace::count(2) / 2);
}

#[test]
fn some_sequences_of_two_operations_survive_torn_pages() {
    explore(Effort { block_bytes: SECTORS, ..EFFORT }, 2, 0, 13);
}

#[test]
fn some_sequences_of_three_operations_survive_every_cut() {
    explore(EFFORT, 3, 0, 1009);
}
