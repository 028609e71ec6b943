//! Random histories against the model, and the n-th request that fails.

use fs_proof::disk::Victim;
use fs_proof::errors::{What, until_clean};
use fs_proof::random::{Plan, run};
use fs_proof::{ace, op::Op};

#[test]
fn random_histories_with_faults_cuts_and_a_full_drive_agree_with_the_model() {
    for (seed, disk_blocks) in [(1, 360), (2, 420), (3, 700), (4, 1400)] {
        let plan = Plan { seed, ops: 2_000, disk_blocks, faults: 30 };
        match run(&plan, None) {
            Ok(tally) => println!("{plan:?}: {tally:?}"),
            Err((number, failure)) => panic!("{plan:?}, operation {number}: {failure}"),
        }
    }
}

/// Requests of each kind that fail, once or for ever, and allocations of memory.
fn whats() -> Vec<What> {
    let mut whats = vec![What::Memory];
    for times in [1, u64::MAX] {
        whats.extend(
            [Victim::Read, Victim::Write, Victim::Flush].map(|v| What::Io(v, times, false)),
        );
        whats.push(What::Io(Victim::Write, times, true));
    }
    whats
}

#[test]
fn whatever_request_or_allocation_fails_the_promises_are_kept() {
    let (mut runs, mut shutdowns) = (0, 0);
    for op in ace::operations() {
        let durable =
            [Op::Fsync(op.subject().to_owned()), Op::Append(String::from("bar"), 1), Op::Sync];
        let workload: Vec<Op> = [op].into_iter().chain(durable).collect();
        for what in whats() {
            match until_clean(&ace::setup(), &workload, what, None) {
                Ok((met, tally)) => {
                    runs += met + 1;
                    shutdowns += tally.shutdowns;
                }
                Err((n, failure)) => panic!("{what:?} number {n}: {failure}"),
            }
        }
    }
    println!("{runs} runs, {shutdowns} shutdowns");
    assert!(runs > 1_000 && shutdowns > 100);
}
