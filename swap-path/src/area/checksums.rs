//! A checksum for each slot, in memory: what a drive does wrong and calls a success shows when the page comes back.
//!
//! Linux has nothing of the kind for swap. It costs eight bytes a slot and a look at every page that goes or comes.

use alloc::vec;
use alloc::vec::Vec;

use hal::{DmaBuf, PAGE_BYTES};

/// Bytes that are looked at together.
const CHUNK: usize = 512;

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// What each slot was written with; nothing at all if nobody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Checksums(Vec<u64>);

impl Checksums {
    /// For slots up to `size`. Allocates.
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![0; size])
    }

    /// The pages went to the slots from `first` on.
    pub(crate) fn note<P: DmaBuf>(&mut self, first: u32, pages: &[P]) {
        let slots = self.0.iter_mut().skip(first as usize);
        slots.zip(pages).for_each(|(known, page)| *known = sum(page));
    }

    /// The first of the pages from slot `first` on that is not the one that was written.
    pub(crate) fn first_wrong<P: DmaBuf>(&self, first: u32, pages: &[P]) -> Option<u32> {
        let known = self.0.iter().skip(first as usize);
        let wrong = known.zip(pages).position(|(known, page)| *known != sum(page))?;
        Some(first + wrong as u32)
    }
}

/// FNV-1a over words: each step is a bijection, so a single word that differs always shows.
fn sum<P: DmaBuf>(page: &P) -> u64 {
    let mut bytes = [0; CHUNK];
    let mut sum = FNV_START;
    for offset in (0..PAGE_BYTES).step_by(CHUNK) {
        page.read(offset, &mut bytes);
        for word in bytes.as_chunks::<8>().0 {
            sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(FNV_PRIME);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use hal::testing::DmaPool;

    #[test]
    fn a_page_that_comes_back_otherwise_is_noticed_and_one_that_does_not_is_not() {
        let pool = DmaPool::new(2);
        let pages = [pool.alloc(1).unwrap(), pool.alloc(1).unwrap()];
        pages[1].write(0, &[7; PAGE_BYTES]);
        let mut sums = Checksums::new(9);
        sums.note(4, &pages);
        assert_eq!(sums.first_wrong(4, &pages), None);
        pages[1].write(4095, &[6]);
        assert_eq!(sums.first_wrong(4, &pages), Some(5));
        assert_eq!(sums.first_wrong(5, &pages[1..]), Some(5));
    }

    #[test]
    fn without_checksums_every_page_is_right() {
        let page = [DmaPool::new(1).alloc(1).unwrap()];
        assert_eq!(Checksums::default().first_wrong(0, &page), None);
    }
}
