//! A file's content, page by page.

use std::collections::BTreeMap;

use crate::op::PAGE_SECTORS;

/// A page of a file that has a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which; two pages with one block share it.
    pub block: u64,
    /// It holds something; otherwise it reads as zeros.
    pub is_written: bool,
    /// It was changed through the page cache: what it held before may be there until it is made durable.
    pub is_cached: bool,
    /// The byte that fills each sector.
    pub sectors: [u8; PAGE_SECTORS as usize],
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// In sectors.
    pub size: u64,
    /// The pages that have blocks, also beyond the size.
    pub pages: BTreeMap<u64, Page>,
}

impl File {
    /// Is it the same but for what its blocks hold?
    #[must_use]
    pub fn has_shape_of(&self, other: &Self) -> bool {
        let shape = |page: &Page| (page.block, page.is_written);
        let is_alike =
            |((a, x), (b, y)): ((&u64, &Page), (&u64, &Page))| a == b && shape(x) == shape(y);
        self.size == other.size
            && self.pages.len() == other.pages.len()
            && self.pages.iter().zip(&other.pages).all(is_alike)
    }

    /// The byte that fills a sector.
    #[must_use]
    pub fn sector(&self, sector: u64) -> u8 {
        let page = self.pages.get(&(sector / PAGE_SECTORS)).filter(|page| page.is_written);
        page.map_or(0, |page| page.sectors[(sector % PAGE_SECTORS) as usize])
    }

    /// Was a sector's page changed through the page cache?
    #[must_use]
    pub fn is_cached(&self, sector: u64) -> bool {
        self.pages.get(&(sector / PAGE_SECTORS)).is_some_and(|page| page.is_cached)
    }

    /// The block of a sector that holds something.
    #[must_use]
    pub fn written_block(&self, sector: u64) -> Option<u64> {
        let page = self.pages.get(&(sector / PAGE_SECTORS)).filter(|page| page.is_written);
        page.map(|page| page.block)
    }
}
