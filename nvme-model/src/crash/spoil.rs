//! An image that no standard allows: what a drive without atomicity, or with a broken one, leaves.

use super::dice;
use super::{CrashImage, CrashSpace};
use crate::media::{Media, MediaError};

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// So many bytes are new, the rest is old.
    Torn(u16),
    /// The bytes are neither.
    Garbage,
}

/// A damaged block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damaged {
    pub(crate) key: u64,
    pub(crate) lba: u64,
    pub(crate) damage: Damage,
}

impl CrashSpace {
    /// Like [`CrashSpace::apply`], but of the pieces that survive every fourth is torn inside a block or
    /// turned to garbage, by chance. Pieces are single blocks if the space was made without atomicity.
    pub(crate) fn apply_damaged(
        &self,
        image: &CrashImage,
        seed: u64,
        media: &mut dyn Media,
    ) -> Result<Vec<Damaged>, MediaError> {
        let mut damaged = Vec::new();
        for (change, ranges) in self.kept(image) {
            for range in ranges {
                let chance = dice::draw(dice::draw(seed, change.key), range.start);
                let Some(damage) = choose(chance, media.block_bytes()) else {
                    change.apply(range, media)?;
                    continue;
                };
                let mut old = vec![0; media.block_bytes() as usize];
                media.read(range.start, &mut old)?;
                change.apply(range, media)?;
                spoil(range.start, damage, &old, chance, media)?;
                damaged.push(Damaged { key: change.key, lba: range.start, damage });
            }
        }
        Ok(damaged)
    }
}

/// Damages a block that was just written over `old`.
fn spoil(
    lba: u64,
    damage: Damage,
    old: &[u8],
    chance: u64,
    media: &mut dyn Media,
) -> Result<(), MediaError> {
    let mut block = vec![0; old.len()];
    match damage {
        Damage::Garbage => {
            for (word, key) in block.chunks_mut(8).zip(1_u64..) {
                let noise = dice::draw(chance, key).to_le_bytes();
                word.iter_mut().zip(noise).for_each(|(byte, noise)| *byte = noise);
            }
        }
        Damage::Torn(bytes) => {
            media.read(lba, &mut block)?;
            let rest = block.iter_mut().zip(old).skip(bytes.into());
            rest.for_each(|(byte, old)| *byte = *old);
        }
    }
    media.write(lba, &block)
}

/// One in four pieces is damaged: of these half are torn, at any byte but the ends.
fn choose(chance: u64, block_bytes: u32) -> Option<Damage> {
    let (which, at) = (chance & 7, chance >> 3);
    let ends = u64::from(block_bytes).saturating_sub(1).max(1);
    let bytes = at.checked_rem(ends).unwrap_or(0).saturating_add(1);
    match which {
        0 => Some(Damage::Garbage),
        1 => Some(Damage::Torn(u16::try_from(bytes).unwrap_or(u16::MAX))),
        _ => None,
    }
}
