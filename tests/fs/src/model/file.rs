//! A file's content, page by page.

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::Seen;
use crate::op::{PAGE_SECTORS, SECTOR};

/// A page of a file that has a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which; two pages with one block share it.
    pub block: u64,
    /// It holds something; otherwise it reads as zeros.
    pub is_written: bool,
    /// The byte that fills each sector.
    pub sectors: [u8; PAGE_SECTORS as usize],
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// In sectors.
    pub size: u64,
    /// The smallest size, in sectors, on the way to this state: a clone empties its target first.
    pub least: u64,
    /// It was changed through the page cache: what it held before, and its size, may be there until it is
    /// made durable.
    pub is_cached: bool,
    /// Which pages have blocks is not known for certain: an operation failed half-way, or a cut took back what
    /// was in the cache. A change of the map may be none then.
    pub is_vague: bool,
    /// What may lie beyond the size in the block of the size: of writes that failed, or that a cut took back. It
    /// shows if a later write moves the size, and its own pages are lost.
    pub ghosts: BTreeSet<u8>,
    /// The pages that have blocks, also beyond the size.
    pub pages: BTreeMap<u64, Page>,
}

impl File {
    /// Is it the same but for what its blocks hold, or may it be?
    #[must_use]
    pub fn may_have_shape_of(&self, other: &Self) -> bool {
        self.size == other.size && (self.is_vague || self.has_map_of(other))
    }

    /// Does each page have the same block, for the same purpose?
    #[must_use]
    pub fn has_map_of(&self, other: &Self) -> bool {
        let shape = |page: &Page| (page.block, page.is_written);
        let is_alike =
            |((a, x), (b, y)): ((&u64, &Page), (&u64, &Page))| a == b && shape(x) == shape(y);
        self.pages.len() == other.pages.len() && self.pages.iter().zip(&other.pages).all(is_alike)
    }

    /// What the rest of the block beyond `size` sectors holds.
    pub fn beyond(&self, size: u64) -> impl Iterator<Item = u8> {
        let rest = size..size.next_multiple_of(PAGE_SECTORS);
        rest.map(|sector| self.sector(sector)).filter(|byte| *byte != 0)
    }

    /// The byte that fills a sector.
    #[must_use]
    pub fn sector(&self, sector: u64) -> u8 {
        let page = self.pages.get(&(sector / PAGE_SECTORS)).filter(|page| page.is_written);
        page.map_or(0, |page| page.sectors[(sector % PAGE_SECTORS) as usize])
    }

    /// The block of a sector that holds something.
    #[must_use]
    pub fn written_block(&self, sector: u64) -> Option<u64> {
        let page = self.pages.get(&(sector / PAGE_SECTORS)).filter(|page| page.is_written);
        page.map(|page| page.block)
    }

    /// Takes over what is really there, with blocks from `fresh` on where it is not what was expected; everywhere,
    /// if nobody knows how far an operation came.
    pub(super) fn adopt(&mut self, seen: &Seen, mut fresh: u64, is_in_doubt: bool) {
        self.size = seen.size_bytes / SECTOR;
        (self.least, self.is_cached) = (self.size, false);
        self.is_vague |= is_in_doubt;
        let (end, tail) = (self.size.div_ceil(PAGE_SECTORS), self.size % PAGE_SECTORS);
        // Beyond the size there is nothing: what is allocated there reads as zeros when the file grows.
        self.pages.retain(|index, page| *index < end || !page.is_written);
        for (index, sectors) in (0..).zip(seen.sectors.chunks(PAGE_SECTORS as usize)) {
            let mut found = [0; PAGE_SECTORS as usize];
            for (byte, sector) in found.iter_mut().zip(sectors) {
                *byte = u8::try_from(*sector).unwrap_or_default();
            }
            let known = self.pages.get_mut(&index).filter(|page| page.is_written);
            let expected = known.as_ref().map_or([0; PAGE_SECTORS as usize], |page| page.sectors);
            let inside = if index + 1 == end && tail > 0 { tail } else { PAGE_SECTORS } as usize;
            let is_as_expected = found[..inside] == expected[..inside];
            match known {
                Some(page) if is_as_expected && !is_in_doubt => page.sectors = found,
                None if is_as_expected => {}
                _ => {
                    let page = Page { block: fresh, is_written: true, sectors: found };
                    self.pages.insert(index, page);
                    self.is_vague = true;
                    fresh += 1;
                }
            }
        }
    }
}
