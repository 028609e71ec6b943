//! The blocks of a rule that rewriting heals, in each namespace for itself.
//!
//! What it does not do: it does not know which namespaces there are. Whoever heals says so.

use std::collections::BTreeMap;
use std::ops::Range;

use super::subject::{NamedBlocks, Subject};
use crate::sick::SickBlocks;

/// What is left of a rule's blocks.
#[derive(Clone, Debug)]
pub(super) struct BadBlocks {
    /// The namespace of a rule that is about one.
    only: Option<u32>,
    /// The blocks, in whichever namespace they are.
    lba: Range<u64>,
    /// What is left of them in namespaces where some were written. In all others it is all of them.
    left: BTreeMap<u32, SickBlocks>,
    /// Those of them that the host was told it cannot read.
    told_unreadable: BTreeMap<u32, SickBlocks>,
    /// None was left anywhere.
    is_healed: bool,
}

impl BadBlocks {
    /// All of these blocks, of the namespace `only` if there is one.
    pub(super) fn new(only: Option<u32>, lba: Range<u64>) -> Self {
        let (left, told_unreadable) = (BTreeMap::new(), BTreeMap::new());
        Self { only, lba, left, told_unreadable, is_healed: false }
    }

    fn is_about(&self, nsid: u32) -> bool {
        self.only.is_none_or(|only| only == nsid)
    }

    /// The bad ones among blocks of a namespace.
    fn among(&self, blocks: NamedBlocks) -> Vec<Range<u64>> {
        let NamedBlocks { nsid, slba, blocks } = blocks;
        match self.left.get(&nsid) {
            _ if !self.is_about(nsid) => Vec::new(),
            Some(left) => left.among(slba, blocks).collect(),
            None => SickBlocks::new(self.lba.clone()).among(slba, blocks).collect(),
        }
    }

    /// Whether a command touches any.
    pub(super) fn are_touched_by(&self, subject: &Subject) -> bool {
        subject.blocks_in(self.only).any(|blocks| !self.among(blocks).is_empty())
    }

    /// The host learns that it cannot read those that a command touches.
    pub(super) fn tell(&mut self, subject: &Subject) {
        for blocks in subject.blocks_in(self.only) {
            for range in self.among(blocks) {
                self.told_unreadable.entry(blocks.nsid).or_default().add(range);
            }
        }
    }

    /// Those of a namespace that the host was told of.
    pub(super) fn told_unreadable(&self, nsid: u32) -> Option<&SickBlocks> {
        self.told_unreadable.get(&nsid)
    }

    /// These blocks were written. Whether none is left in any of `namespaces`, which are all there are.
    pub(super) fn heal(
        &mut self,
        written: NamedBlocks,
        namespaces: impl Iterator<Item = u32>,
    ) -> bool {
        let NamedBlocks { nsid, slba, blocks } = written;
        if self.among(written).is_empty() {
            return self.is_healed;
        }
        let all = || SickBlocks::new(self.lba.clone());
        self.left.entry(nsid).or_insert_with(all).heal(slba, blocks);
        if let Some(told) = self.told_unreadable.get_mut(&nsid) {
            told.heal(slba, blocks);
        }
        let mut others = namespaces.filter(|nsid| self.only.is_none_or(|only| only == *nsid));
        self.is_healed = others.all(|nsid| self.left.get(&nsid).is_some_and(SickBlocks::is_empty));
        self.is_healed
    }

    /// There is no such namespace any more.
    pub(super) fn forget(&mut self, nsid: u32) {
        self.left.remove(&nsid);
        self.told_unreadable.remove(&nsid);
    }

    /// The power was lost, and `never_written` says which blocks of a range no write ever reached on the media of
    /// this namespace: they are bad again. Whether that makes the first that is bad again.
    pub(super) fn relapse(
        &mut self,
        nsid: u32,
        never_written: &dyn Fn(Range<u64>) -> Vec<Range<u64>>,
    ) -> bool {
        // Where nothing was written, everything is bad as it is.
        let Some(left) = self.left.get_mut(&nsid) else {
            return false;
        };
        never_written(self.lba.clone()).into_iter().for_each(|range| left.add(range));
        let is_bad_again = self.is_healed && !left.is_empty();
        self.is_healed &= !is_bad_again;
        is_bad_again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nsid: u32, slba: u64, blocks: u64) -> NamedBlocks {
        NamedBlocks { nsid, slba, blocks }
    }

    /// The bad blocks of a namespace.
    fn lbas(bad: &BadBlocks, nsid: u32) -> Vec<u64> {
        bad.among(at(nsid, 0, 99)).into_iter().flatten().collect()
    }

    #[test]
    fn a_block_is_healed_in_the_namespace_where_it_was_written() {
        let mut bad = BadBlocks::new(None, 10..12);
        let all = || [1, 2].into_iter();
        assert!(!bad.heal(at(1, 11, 5), all()));
        assert_eq!(lbas(&bad, 1), [10]);
        assert_eq!(lbas(&bad, 2), [10, 11]);
        assert!(!bad.heal(at(1, 10, 1), all()));
        assert!(!bad.heal(at(2, 50, 1), all()), "somewhere else");
        assert!(bad.heal(at(2, 0, 99), all()), "the last one anywhere");
        assert_eq!(lbas(&bad, 3), [10, 11], "one that came later");
    }

    #[test]
    fn a_rule_about_one_namespace_is_healed_by_what_is_written_there() {
        let mut bad = BadBlocks::new(Some(2), 10..12);
        let all = || [1, 2].into_iter();
        assert!(bad.among(at(1, 10, 2)).is_empty());
        assert!(!bad.heal(at(1, 10, 2), all()));
        assert_eq!(lbas(&bad, 2), [10, 11]);
        assert!(bad.heal(at(2, 10, 2), all()));
    }

    #[test]
    fn only_what_reached_the_media_stays_healed() {
        let mut bad = BadBlocks::new(None, 10..12);
        assert!(bad.heal(at(1, 10, 2), std::iter::once(1)));
        assert!(!bad.relapse(2, &|range| vec![range]), "bad anyway");
        let second = |range: Range<u64>| SickBlocks::new(11..range.end).ranges();
        assert!(bad.relapse(1, &second));
        assert_eq!(lbas(&bad, 1), [11]);
        assert!(!bad.relapse(1, &second), "bad already");
    }
}
