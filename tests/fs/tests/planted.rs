//! Every planted bug is found. A tester that does not find them finds nothing.

use fs_proof::crash::{Effort, Explorer};
use fs_proof::disk::Victim;
use fs_proof::errors::{What, until_clean};
use fs_proof::op::Op;
use fs_proof::random::{Plan, run};
use fs_proof::{Failure, ace};
use guest_fs::planted::Planted;

/// Who found a bug: the tester, its oracle, and after how many units (images, runs or operations).
#[derive(Debug)]
struct Catch {
    tester: &'static str,
    failure: Failure,
    units: u64,
}

fn by_cuts(bug: Planted, length: u32, step: usize, block_bytes: u32) -> Option<Catch> {
    let effort = Effort { block_bytes, images_max: 16, recut_every: 8, seed: 1 };
    let mut explorer = match Explorer::new(effort, Some(bug)) {
        Ok(explorer) => explorer,
        Err(failure) => return Some(Catch { tester: "mkfs", failure, units: 0 }),
    };
    let tester = ["", "cuts of 1 operation", "cuts of 2 operations"][length as usize];
    for index in (0..ace::count(length)).step_by(step) {
        let sequence = ace::sequence(length, index)?;
        if let Err(failure) = explorer.explore(&ace::setup(), &sequence.ops, sequence.from) {
            let units = explorer.space.images + explorer.space.recovery_images;
            return Some(Catch { tester, failure, units });
        }
    }
    None
}

fn by_errors(bug: Planted) -> Option<Catch> {
    let mut units = 0;
    for op in ace::operations() {
        let workload = [op.clone(), Op::Fsync(op.subject().to_owned()), Op::Sync];
        for victim in [Victim::Write, Victim::Flush] {
            match until_clean(&ace::setup(), &workload, What::Io(victim, 1, false), Some(bug)) {
                Ok((runs, _)) => units += runs + 1,
                Err((n, failure)) => {
                    return Some(Catch {
                        tester: "failing requests",
                        failure,
                        units: units + n + 1,
                    });
                }
            }
        }
    }
    None
}

fn by_chance(bug: Planted) -> Option<Catch> {
    let mut units = 0;
    for seed in 1..40 {
        let plan = Plan { seed, ops: 2_000, disk_blocks: 330 + seed * 10, faults: 20 };
        match run(&plan, Some(bug)) {
            Ok(_) => units += plan.ops,
            Err((number, failure)) => {
                return Some(Catch {
                    tester: "random histories",
                    failure,
                    units: units + number + 1,
                });
            }
        }
    }
    None
}

fn hunt(bug: Planted) -> Option<Catch> {
    by_cuts(bug, 1, 1, 4096)
        .or_else(|| by_cuts(bug, 1, 1, 512))
        .or_else(|| by_errors(bug))
        .or_else(|| by_chance(bug))
        .or_else(|| by_cuts(bug, 2, 7, 4096))
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Planted::ALL {
        match hunt(bug) {
            Some(Catch { tester, failure, units }) => {
                println!("{bug:?} | {tester} | {:?} | {units} | {}", failure.oracle, failure.what);
            }
            None => missed.push(bug),
        }
    }
    assert_eq!(missed, [], "not found");
}
