//! All images that a power cut may leave.

use std::ops::Range;

use super::dice;
use super::group::Outcomes;
use super::{Atomicity, Change};
use crate::media::{Media, MediaError};
use crate::radix::Radix;

/// What happened to blocks, oldest first.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// They are on the media for good: whatever is older cannot come back over them.
    Settled(Range<u64>),
    /// They may or may not be there.
    Open(Change),
}

/// The part of a change that a power cut leaves or loses as one, without what settled blocks hide.
#[derive(Clone, Debug)]
struct Piece {
    change: usize,
    /// What it was before anything hid a part of it; its chances are keyed by that.
    whole: Range<u64>,
    ranges: Vec<Range<u64>>,
}

/// Pieces that hide one another, oldest first, and their outcomes.
#[derive(Clone, Debug)]
struct Group {
    pieces: Vec<usize>,
    outcomes: Outcomes,
}

/// All images that a power cut may leave, as choices: each piece of each open change survived or not,
/// and newer ones hide older ones. Two images are different if some block has its content from a
/// different change.
#[derive(Clone, Debug)]
pub struct CrashSpace {
    changes: Vec<Change>,
    /// Oldest first.
    pieces: Vec<Piece>,
    groups: Vec<Group>,
}

/// One of the images: which pieces survived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashImage {
    /// By piece.
    survivors: Vec<bool>,
}

/// What became of consecutive blocks of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The change's key.
    pub key: u64,
    /// The blocks. A settled or newer change may hide some of them.
    pub blocks: Range<u64>,
    /// Whether they survived.
    pub is_kept: bool,
}

impl CrashSpace {
    /// The space after these steps, oldest first, on a drive of so many blocks.
    pub(crate) fn new(size_blocks: u64, atomicity: &Atomicity, steps: Vec<Step>) -> Self {
        let mut settled = Radix::new(size_blocks, false);
        let mut changes = Vec::new();
        let mut pieces = Vec::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Settled(range) => settled.set(range, &true),
                Step::Open(change) => {
                    let first = pieces.len();
                    for whole in change.pieces(atomicity) {
                        let ranges = settled.parts_without(whole.clone(), &true);
                        if !ranges.is_empty() {
                            pieces.push(Piece { change: changes.len(), whole, ranges });
                        }
                    }
                    // Both lists are turned round at the end.
                    pieces.get_mut(first..).unwrap_or_default().reverse();
                    changes.push(change);
                }
            }
        }
        let last = changes.len().saturating_sub(1);
        changes.reverse();
        pieces.reverse();
        for piece in &mut pieces {
            piece.change = last.saturating_sub(piece.change);
        }
        let groups = group(&pieces);
        Self { changes, pieces, groups }
    }

    /// How many images there are; `None` if more than 128 bits can count, or if so many pieces hide
    /// each other that they were not counted. [`CrashSpace::bits`] is a bound then.
    #[must_use]
    pub fn count(&self) -> Option<u128> {
        self.groups
            .iter()
            .try_fold(1_u128, |product, group| product.checked_mul(group.outcomes.count()?.into()))
    }

    /// The binary logarithm of the number of images, rounded down group by group: a lower bound, exact
    /// where blocks were written once.
    #[must_use]
    pub fn bits(&self) -> u64 {
        let least = |group: &Group| (group.pieces.len() as u64).saturating_add(1);
        let bits = |group: &Group| group.outcomes.count().unwrap_or(least(group)).max(1).ilog2();
        self.groups.iter().map(|group| u64::from(bits(group))).fold(0, u64::saturating_add)
    }

    /// Image number `index` of [`CrashSpace::count`]. Number 0 is the one in which nothing survived.
    #[must_use]
    pub fn nth(&self, index: u128) -> Option<CrashImage> {
        if index >= self.count()? {
            return None;
        }
        let mut survivors = vec![false; self.pieces.len()];
        let mut rest = index;
        for group in &self.groups {
            let count = u128::from(group.outcomes.count()?);
            let digit = u64::try_from(rest.checked_rem(count)?).ok()?;
            rest = rest.checked_div(count)?;
            for (place, piece) in group.pieces.iter().enumerate() {
                if let Some(survivor) = survivors.get_mut(*piece) {
                    *survivor = group.outcomes.has(digit, place);
                }
            }
        }
        Some(CrashImage { survivors })
    }

    /// Every image, once; nothing if they cannot be counted.
    pub fn iter(&self) -> impl Iterator<Item = CrashImage> {
        let mut next = 0_u128;
        std::iter::from_fn(move || {
            let image = self.nth(next)?;
            next = next.saturating_add(1);
            Some(image)
        })
    }

    /// An image by chance, the same for the same seed. Each seed first draws how likely a piece
    /// survives, from never to always in eighths, so that full and empty images come up as well as
    /// mixed ones; every image has a chance.
    #[must_use]
    pub fn sample(&self, seed: u64) -> CrashImage {
        let eighths = dice::below(seed, 0, 9);
        let survives = |piece: &Piece| {
            let key = self.changes.get(piece.change).map_or(0, |change| change.key);
            let stream = dice::draw(seed, key.wrapping_add(1));
            dice::below(stream, piece.whole.start, 8) < eighths
        };
        CrashImage { survivors: self.pieces.iter().map(survives).collect() }
    }

    /// The image in which nothing of the open changes survived.
    #[must_use]
    pub fn nothing(&self) -> CrashImage {
        CrashImage { survivors: vec![false; self.pieces.len()] }
    }

    /// The image in which everything survived.
    #[must_use]
    pub fn everything(&self) -> CrashImage {
        CrashImage { survivors: vec![true; self.pieces.len()] }
    }

    /// The open changes, oldest first.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What the image says about each open change, oldest first, neighbours of one fate as one.
    pub fn fates(&self, image: &CrashImage) -> Vec<Fate> {
        let mut fates: Vec<Fate> = Vec::new();
        for (change, whole, is_kept) in self.decided(image) {
            match fates.last_mut() {
                Some(fate)
                    if fate.key == change.key
                        && fate.blocks.end == whole.start
                        && fate.is_kept == is_kept =>
                {
                    fate.blocks.end = whole.end;
                }
                _ => fates.push(Fate { key: change.key, blocks: whole.clone(), is_kept }),
            }
        }
        fates
    }

    fn decided(&self, image: &CrashImage) -> impl Iterator<Item = (&Change, &Range<u64>, bool)> {
        self.pieces.iter().zip(&image.survivors).filter_map(|(piece, is_kept)| {
            Some((self.changes.get(piece.change)?, &piece.whole, *is_kept))
        })
    }

    /// Writes what survived to media that holds what is settled.
    ///
    /// # Errors
    /// [`MediaError`] of the media.
    pub fn apply(&self, image: &CrashImage, media: &mut dyn Media) -> Result<(), MediaError> {
        self.kept(image).try_for_each(|(change, ranges)| {
            ranges.iter().try_for_each(|range| change.apply(range, media))
        })
    }

    /// What survived, oldest first: changes and the blocks of them that nothing settled hides.
    pub(crate) fn kept(
        &self,
        image: &CrashImage,
    ) -> impl Iterator<Item = (&Change, &[Range<u64>])> {
        let kept = self.pieces.iter().zip(&image.survivors).filter(|(_, is_kept)| **is_kept);
        kept.filter_map(|(piece, _)| {
            Some((self.changes.get(piece.change)?, piece.ranges.as_slice()))
        })
    }
}

/// Puts pieces that overlap, directly or through others, into one group.
fn group(pieces: &[Piece]) -> Vec<Group> {
    let mut places: Vec<(&Range<u64>, usize)> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        places.extend(piece.ranges.iter().map(|range| (range, index)));
    }
    places.sort_by_key(|(range, index)| (range.start, *index));
    let mut leader: Vec<usize> = (0..pieces.len()).collect();
    let mut cluster: Option<(u64, usize)> = None;
    for (range, index) in places {
        match &mut cluster {
            Some((end, member)) if range.start < *end => {
                join(&mut leader, *member, index);
                *end = range.end.max(*end);
            }
            _ => cluster = Some((range.end, index)),
        }
    }
    let mut members: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
    for index in 0..pieces.len() {
        members.entry(lead(&leader, index)).or_default().push(index);
    }
    let ranges = |index: &usize| pieces.get(*index).map_or(&[][..], |piece| &piece.ranges);
    let outcomes =
        |pieces: &Vec<usize>| Outcomes::of(&pieces.iter().map(ranges).collect::<Vec<_>>());
    members.into_values().map(|pieces| Group { outcomes: outcomes(&pieces), pieces }).collect()
}

/// The least index of the group that `index` is in.
fn lead(leader: &[usize], mut index: usize) -> usize {
    while let Some(above) = leader.get(index).filter(|above| **above != index) {
        index = *above;
    }
    index
}

fn join(leader: &mut [usize], a: usize, b: usize) {
    let (a, b) = (lead(leader, a), lead(leader, b));
    if let Some(slot) = leader.get_mut(a.max(b)) {
        *slot = a.min(b);
    }
}
