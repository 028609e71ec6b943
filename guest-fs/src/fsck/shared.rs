//! Blocks that several files have, against the tree that counts their owners.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use block::BlockDevice;

use super::{Check, Finding};
use crate::btree::Tree;
use crate::format::superblock::Layout;
use crate::refcount::{self, Owners};
use crate::space::Run;

/// Runs of files that may share blocks: at each block where the number of owners changes, by how much.
#[derive(Default)]
pub(super) struct SharedRuns(BTreeMap<u64, i64>);

impl SharedRuns {
    pub(super) fn add(&mut self, run: Run) {
        for (block, change) in [(run.start, 1_i64), (run.end(), -1)] {
            let delta = self.0.entry(block).or_default();
            *delta = delta.saturating_add(change);
        }
    }

    /// Every run of blocks that are all alike.
    fn owners(&self) -> Vec<Owners> {
        let mut runs = Vec::new();
        let (mut start, mut owners) = (0, 0_i64);
        for (block, delta) in &self.0 {
            if owners > 0 {
                let run = Run { start, blocks: block.saturating_sub(start) };
                push(&mut runs, Owners { run, owners: u32::try_from(owners).unwrap_or(u32::MAX) });
            }
            (start, owners) = (*block, owners.saturating_add(*delta));
        }
        runs
    }
}

/// Adds a run, as part of the last one if it continues it.
fn push(runs: &mut Vec<Owners>, next: Owners) {
    if let Some(last) = runs.last_mut()
        && last.owners == next.owners
        && last.run.end() == next.run.start
        && Layout::group_of(last.run.start) == Layout::group_of(next.run.start)
    {
        last.run.blocks = last.run.blocks.saturating_add(next.run.blocks);
        return;
    }
    runs.push(next);
}

impl<D: BlockDevice> Check<'_, D> {
    /// Claims shared blocks and staging runs, and compares owners with the tree.
    pub(super) fn owners(&mut self) {
        let layout = self.layout;
        let mut said = Vec::new();
        self.tree(Tree::refcounts(&layout), |check, key, value| {
            let (record, is_staging) = refcount::decode(key, value);
            if is_staging {
                check.report.staged = check.report.staged.saturating_add(1);
                check.claim(layout.refcounts, record.run);
            } else {
                push(&mut said, record);
            }
        });
        let runs = self.shared.owners();
        for Owners { run, .. } in &runs {
            self.claim(layout.refcounts, *run);
        }
        let mut expected = Vec::new();
        for owners in runs.into_iter().filter(|owners| owners.owners > 1) {
            push(&mut expected, owners);
        }
        let mut said = said.into_iter();
        let mut expected = expected.into_iter();
        loop {
            match (said.next(), expected.next()) {
                (None, None) => return,
                (found, expected) if found == expected => {}
                (found, expected) => {
                    let block = found.into_iter().chain(expected).map(|o| o.run.start).min();
                    let found = found.map_or(1, |owners| owners.owners);
                    let expected = expected.map_or(1, |owners| owners.owners);
                    let block = block.unwrap_or(0);
                    // Everything after the first difference would differ too.
                    return self.found(Finding::BadOwners { block, found, expected });
                }
            }
        }
    }
}
