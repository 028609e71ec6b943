//! Every planted bug is found. A tester that does not find them finds nothing.

use fs_proof::hunt::Catch;
use fs_proof::hunt::Tester::{self, Cuts, Errors, FullDrive, Histories, LogLaps, Unmounts};
use guest_fs::planted::Planted::{self, *};

/// Who finds which bug.
const HUNTS: [(Planted, Tester); 33] = [
    (NoFlushBeforeCommit, Cuts(4096)),
    (CommitWithoutFua, Cuts(4096)),
    (CommitBeforeImages, Cuts(4096)),
    (CommitBeforeData, Cuts(4096)),
    (TornBatchReplayed, Cuts(4096)),
    (RevokeForgotten, Histories(20)),
    (RevokeIgnored, Histories(20)),
    (BitmapNotLogged, Cuts(4096)),
    (CheckpointWithoutFlush, Histories(0)),
    (LogOverwritesTail, LogLaps),
    (FsyncWithoutForce, Cuts(4096)),
    (SizeNotDirty, Cuts(4096)),
    (FlushErrorIgnored, Errors),
    (LogErrorIgnored, Errors),
    (OrphansForgotten, Histories(20)),
    (StagingNotNoted, Histories(20)),
    (EarlyReuse, Histories(20)),
    (OwnerForgotten, Cuts(4096)),
    (CopyOnWriteForgotten, Cuts(4096)),
    (ConvertBeforeData, Errors),
    (RenameInTwoSteps, Cuts(4096)),
    (TailNotZeroed, Histories(20)),
    (LinkNotCounted, Cuts(4096)),
    (ReserveForgotten, FullDrive),
    (ClaimsKept, Histories(0)),
    (ConvertBeforePages, Errors),
    (SizeLostAtWriteback, Cuts(4096)),
    (WritebackErrorUntold, Histories(20)),
    (PagesKeptAtDirectWrite, Histories(0)),
    (PagesIgnoredAtDirectRead, Histories(0)),
    (PagesDroppedEarly, Errors),
    (ZerosOverDirectWrite, Histories(0)),
    (UnmountWithoutFlush, Unmounts),
];

/// Hunts every third bug, from the `first` on, and prints who found it, by which oracle, after how many units.
#[track_caller]
fn hunt(first: usize) {
    let mut hidden = Vec::new();
    for (bug, tester) in HUNTS.into_iter().skip(first).step_by(3) {
        match tester.hunt(Some(bug)) {
            Some(Catch { failure, units }) => {
                println!(
                    "| {bug:?} | {tester} | {:?} | {units} | {}",
                    failure.oracle, failure.what
                );
            }
            None => hidden.push(bug),
        }
    }
    assert_eq!(hidden, [], "not found");
}

#[test]
fn every_planted_bug_is_found_1_of_3() {
    hunt(0);
}

#[test]
fn every_planted_bug_is_found_2_of_3() {
    hunt(1);
}

#[test]
fn every_planted_bug_is_found_3_of_3() {
    hunt(2);
}

#[test]
fn every_bug_has_its_hunt() {
    assert_eq!(HUNTS.map(|(bug, _)| bug), Planted::ALL);
}

#[test]
fn without_a_bug_nothing_is_found() {
    for tester in [Cuts(4096), Errors, Unmounts, Histories(0), Histories(20), FullDrive, LogLaps] {
        if let Some(catch) = tester.hunt(None) {
            panic!("{tester}, after {} units: {}", catch.units, catch.failure);
        }
    }
}
