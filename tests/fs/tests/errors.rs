//! The n-th request or allocation fails, for every n.

use fs_proof::disk::Victim;
use fs_proof::errors::{What, until_clean};
use fs_proof::session::Tally;
use fs_proof::{ace, op::Op};

/// Requests of each kind that fail, once or for ever, and allocations of memory.
fn whats() -> Vec<What> {
    let mut whats = vec![What::Memory];
    for times in [1, u64::MAX] {
        let victims = [Victim::Read, Victim::Write, Victim::Flush];
        whats.extend(victims.map(|victim| What::Io(victim, times, false)));
        whats.push(What::Io(Victim::Write, times, true));
    }
    whats
}

/// Plays every `step`-th operation from the `first` on, with what makes it durable and another change after it.
#[track_caller]
fn explore(first: usize, step: usize) {
    let (mut runs, mut sum) = (0, Tally::default());
    for op in ace::operations().into_iter().skip(first).step_by(step) {
        let durable =
            [Op::Fsync(op.subject().to_owned()), Op::Append(String::from("bar"), 1), Op::Sync];
        let workload: Vec<Op> = [op].into_iter().chain(durable).collect();
        for what in whats() {
            match until_clean(&ace::setup(), &workload, what, None) {
                Ok((met, tally)) => {
                    runs += met + 1;
                    sum.add(&tally);
                }
                Err((n, failure)) => panic!("{what:?} number {n}: {failure}"),
            }
        }
    }
    println!("{runs} runs: {sum:?}");
    assert!(runs > 500 && sum.shutdowns > 50 && sum.losses > 5, "{runs} {sum:?}");
}

#[test]
fn whatever_fails_in_an_operation_dirty_pages_are_lost_only_aloud() {
    let mut sum = Tally::default();
    for op in ace::operations() {
        for what in whats() {
            let workload = [ace::dirty_pages(), op.clone()];
            match until_clean(&ace::setup(), &workload, what, None) {
                Ok((_, tally)) => sum.add(&tally),
                Err((n, failure)) => panic!("{what:?} number {n}: {failure}"),
            }
        }
    }
    println!("{sum:?}");
    assert!(sum.failed > 50 && sum.losses > 5, "{sum:?}");
}

#[test]
fn whatever_fails_in_every_even_operation_the_promises_are_kept() {
    explore(0, 2);
}

#[test]
fn whatever_fails_in_every_odd_operation_the_promises_are_kept() {
    explore(1, 2);
}
