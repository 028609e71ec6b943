//! Data pointers: from a bio's pages to PRP1, PRP2 and the list page.
// Spec: NVMe-Base-2.0c 4.1.1 "Physical Region Page Entry and List"

use hal::{DmaBuf, PAGE_BYTES};
use nvme_spec::prp::ENTRY_BYTES;

/// The most pages of one command: one in PRP1, the others in a single list page.
pub(crate) const PAGES_MAX: u32 = 1 + (PAGE_BYTES as u64 / ENTRY_BYTES) as u32;

/// PRP1 and PRP2 for `pages`; writes the list into `list` where one is needed. `None` if there is no
/// page, or more than [`PAGES_MAX`].
///
/// Each page of a bio begins at a page start, so no entry has an offset.
#[inline]
pub(crate) fn build<D: DmaBuf>(pages: &[D], list: &D) -> Option<(u64, u64)> {
    match pages {
        [] => None,
        [only] => Some((only.iova().0, 0)),
        [first, second] => Some((first.iova().0, second.iova().0)),
        [first, others @ ..] => {
            let mut at = 0_usize;
            for page in others {
                let end = at.checked_add(ENTRY_BYTES as usize)?;
                if end > list.size_bytes() {
                    return None;
                }
                list.write(at, &page.iova().0.to_le_bytes());
                at = end;
            }
            Some((first.iova().0, list.iova().0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hal::testing::{DmaPool, PoolDma};
    use proptest::prelude::*;

    /// Walks the data pointer as a controller does.
    fn walk(pool: &DmaPool, pages: usize, (prp1, prp2): (u64, u64)) -> Vec<u64> {
        let mut addresses = vec![prp1];
        if pages == 2 {
            addresses.push(prp2);
        } else {
            for i in 0..pages as u64 - 1 {
                let mut entry = [0; 8];
                pool.read_at(hal::Iova(prp2 + 8 * i), &mut entry).unwrap();
                addresses.push(u64::from_le_bytes(entry));
            }
        }
        addresses
    }

    fn pages(pool: &DmaPool, count: usize) -> Vec<PoolDma> {
        (0..count).map(|_| pool.alloc(1).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn the_controller_finds_exactly_the_pages_in_order(
            count in 1..=PAGES_MAX as usize,
            swaps in proptest::collection::vec((0..600_usize, 0..600_usize), 0..20),
        ) {
            let pool = DmaPool::new(PAGES_MAX as usize + 1);
            let list = pool.alloc(1).unwrap();
            let mut pages = pages(&pool, count);
            for (a, b) in swaps {
                pages.swap(a % count, b % count);
            }
            let expected: Vec<u64> = pages.iter().map(|page| page.iova().0).collect();
            prop_assert_eq!(walk(&pool, count, build(&pages, &list).unwrap()), expected);
        }
    }

    #[test]
    fn no_page_and_too_many_pages_are_refused() {
        let pool = DmaPool::new(PAGES_MAX as usize + 2);
        let list = pool.alloc(1).unwrap();
        assert_eq!(build(&[], &list), None);
        let pages = pages(&pool, PAGES_MAX as usize + 1);
        assert_eq!(build(&pages, &list), None);
        assert!(build(&pages[1..], &list).is_some());
    }
}
