//! Crash consistency: all sequences of one and of two operations, a sample of three.

use fs_proof::ace;
use fs_proof::crash::{Effort, Explorer, Space};

/// What a power cut never tears, in bytes.
const WHOLE_PAGES: u32 = 4096;
const SECTORS: u32 = 512;

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
        let effort = Effort { block_bytes, images_max: 64, recut_every: 1, seed: 1 };
        let space = explore(effort, 1, 0, 1);
        assert_eq!(space.sequences, ace::count(1));
        assert!(space.recovery_images > space.images, "{space:?}");
    }
}
