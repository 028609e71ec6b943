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
}
