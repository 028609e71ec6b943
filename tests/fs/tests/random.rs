//! Random histories against the model.

use fs_proof::random::{Plan, run};
use fs_proof::session::Tally;

/// Plays histories of `ops` operations on drives of these sizes, in pages. Gives what happened in all of them.
#[track_caller]
fn play(ops: u64, seed: u64, disks: &[u64], faults: u64, is_cached: bool) -> Tally {
    let mut sum = Tally::default();
    for (seed, disk_blocks) in (seed..).zip(disks) {
        let (disk_blocks, shutdowns) = (*disk_blocks, 4);
        let plan = Plan { seed, ops, disk_blocks, faults, shutdowns, is_cached };
        match run(&plan, None) {
            Ok(tally) => sum.add(&tally),
            Err((number, failure)) => panic!("{plan:?}, operation {number}: {failure}"),
        }
    }
    println!("{sum:?}");
    sum
}

/// So many pages that a drive is full most of the time, sometimes, and never.
const DISKS: [u64; 4] = [345, 420, 700, 1400];

#[test]
fn histories_of_pages_and_direct_io_with_faults_cuts_and_full_drives_agree_with_the_model() {
    let sum = play(20_000, 1, &DISKS, 20, true);
    assert!(sum.full > 500 && sum.failed > 50 && sum.losses > 5, "{sum:?}");
    assert!(sum.user_shutdowns > 200, "{sum:?}");
    assert!(sum.shutdowns > 20 && sum.cuts > 100 && sum.remounts > 50, "{sum:?}");
}

#[test]
fn histories_of_direct_io_with_faults_cuts_and_full_drives_agree_with_the_model() {
    let sum = play(20_000, 101, &DISKS, 30, false);
    assert!(sum.full > 500 && sum.failed > 50 && sum.shutdowns > 20, "{sum:?}");
}

#[test]
fn histories_without_faults_never_fail_but_for_want_of_space() {
    let sum = play(20_000, 201, &DISKS, 0, true);
    assert_eq!((sum.failed, sum.losses, sum.shutdowns), (0, 0, 0));
    assert!(sum.full > 500 && sum.cuts > 100 && sum.user_shutdowns > 200, "{sum:?}");
}
