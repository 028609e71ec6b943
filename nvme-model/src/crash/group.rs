//! Pieces that hide one another, and the ways in which they can have survived.

use std::ops::Range;

/// A group with more different outcomes than this is not listed, only drawn from.
const OUTCOMES_MAX: usize = 1 << 14;

/// What can have become of a group of pieces. Pieces are named by their place in the group, oldest
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcomes {
    /// All pieces have the same blocks: none of them is seen, or just one.
    Chain(u64),
    /// Every set of pieces that are all seen, at least in part.
    Listed(Vec<u64>),
    /// There are more than that.
    Countless,
}

impl Outcomes {
    pub(super) fn of(pieces: &[&[Range<u64>]]) -> Self {
        let Some((first, others)) = pieces.split_first() else {
            return Self::Chain(0);
        };
        if others.iter().all(|other| other == first) {
            return Self::Chain(pieces.len() as u64);
        }
        match masks(pieces) {
            Some(masks) => list(&masks),
            None => Self::Countless,
        }
    }

    /// How many, if they are listed.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Chain(pieces) => Some(pieces.saturating_add(1)),
            Self::Listed(sets) => Some(sets.len() as u64),
            Self::Countless => None,
        }
    }

    /// Whether a piece survives in outcome `index`.
    pub(super) fn has(&self, index: u64, piece: usize) -> bool {
        match self {
            Self::Chain(_) => (piece as u64).saturating_add(1) == index,
            Self::Listed(sets) => usize::try_from(index)
                .ok()
                .and_then(|index| sets.get(index))
                .is_some_and(|set| set & flag(piece) != 0),
            Self::Countless => false,
        }
    }
}

/// The set of one piece; there are at most 64.
fn flag(index: usize) -> u64 {
    u32::try_from(index).ok().and_then(|index| 1_u64.checked_shl(index)).unwrap_or(0)
}

/// Each piece as a set of the segments into which all their ends cut the blocks; `None` if that needs
/// more bits than there are.
fn masks(pieces: &[&[Range<u64>]]) -> Option<Vec<u128>> {
    if pieces.len() > 64 {
        return None;
    }
    let ends = |range: &Range<u64>| [range.start, range.end];
    let mut cuts: Vec<u64> = pieces.iter().flat_map(|piece| piece.iter()).flat_map(ends).collect();
    cuts.sort_unstable();
    cuts.dedup();
    if cuts.len() > 128 {
        return None;
    }
    let mask = |piece: &&[Range<u64>]| {
        let is_in = |lba: &u64| piece.iter().any(|range| range.contains(lba));
        (0_u32..)
            .zip(&cuts)
            .filter(|(_, lba)| is_in(lba))
            .fold(0_u128, |mask, (index, _)| mask | 1_u128.checked_shl(index).unwrap_or(0))
    };
    Some(pieces.iter().map(mask).collect())
}

/// Every set of pieces none of which is wholly hidden by newer ones of the set: those and only those
/// give different images.
fn list(masks: &[u128]) -> Outcomes {
    // From the newest to the oldest: what is decided so far, and which blocks that claims.
    let mut partial = vec![(0_u64, 0_u128)];
    for (index, mask) in masks.iter().enumerate().rev() {
        let mut with = Vec::new();
        for (set, claimed) in &partial {
            if mask & !claimed != 0 {
                with.push((set | flag(index), claimed | mask));
            }
        }
        partial.append(&mut with);
        if partial.len() > OUTCOMES_MAX {
            return Outcomes::Countless;
        }
    }
    let mut sets: Vec<u64> = partial.into_iter().map(|(set, _)| set).collect();
    sets.sort_unstable();
    Outcomes::Listed(sets)
}
