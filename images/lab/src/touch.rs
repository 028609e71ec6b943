//! Which page is touched next, by seed: the access patterns of the workloads.

use crate::pattern::splitmix64;
use crate::spec::Op;

/// Pages of one small area.
pub(crate) const AREA_PAGES: u64 = 8;

/// Accesses of a window before it moves.
const WINDOW_STAY: u64 = 32;

/// One access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) page: u64,
    pub(crate) is_store: bool,
    /// The area around the page is given up afterwards.
    pub(crate) is_last: bool,
}

/// The source of accesses: the same seed and word give the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Touches {
    word: Op,
    pages: u64,
    state: u64,
    nth: u64,
}

impl Touches {
    /// Accesses to `pages` pages (at least 1) in the manner of `word`.
    pub(crate) fn new(word: Op, pages: u64, seed: u64) -> Self {
        Self { word, pages: pages.max(1), state: splitmix64(seed), nth: 0 }
    }

    /// How many a word makes.
    pub(crate) const fn count(&self) -> u64 {
        4 * self.pages
    }

    fn below(&mut self, n: u64) -> u64 {
        self.state = splitmix64(self.state);
        self.state % n.max(1)
    }

    /// The next access.
    pub(crate) fn next(&mut self) -> Access {
        let (pages, nth) = (self.pages, self.nth);
        self.nth += 1;
        let page = match self.word {
            Op::TouchShifting => {
                let window = (pages / 4).max(1);
                (nth / WINDOW_STAY * window / 2 + self.below(window)) % pages
            }
            Op::TouchZipf => self.zipf(),
            Op::TouchAreas => {
                // Every page of an area, one after the other.
                let areas = (pages / AREA_PAGES).max(1);
                let area = splitmix64(nth / AREA_PAGES) % areas;
                (area * AREA_PAGES + nth % AREA_PAGES) % pages
            }
            _ => self.below(pages),
        };
        let stores = if self.word == Op::TouchWrites { 9 } else { 5 };
        let is_store = self.below(10) < stores;
        let is_end = self.word == Op::TouchAreas && nth % AREA_PAGES == AREA_PAGES - 1;
        Access { page, is_store, is_last: is_end && self.below(4) == 0 }
    }

    /// Each power of two of pages as often as the others: exponent 1, without floating point.
    fn zipf(&mut self) -> u64 {
        let levels = u64::from(self.pages.ilog2()) + 1;
        let level = self.below(levels);
        let rank = (1 << level) + self.below(1 << level);
        // Hot pages lie apart from each other.
        (rank - 1) % self.pages * 7 % self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const PAGES: u64 = 64;

    fn accesses(word: Op) -> Vec<Access> {
        let mut touches = Touches::new(word, PAGES, 3);
        (0..touches.count()).map(|_| touches.next()).collect()
    }

    fn hits(accesses: &[Access]) -> Vec<usize> {
        let mut hits = vec![0; PAGES as usize];
        accesses.iter().for_each(|access| hits[access.page as usize] += 1);
        hits.sort_unstable();
        hits
    }

    #[test]
    fn a_power_law_prefers_few_pages_and_chance_prefers_none() {
        let (zipf, even) = (hits(&accesses(Op::TouchZipf)), hits(&accesses(Op::TouchRandom)));
        let top = |hits: &[usize]| hits[60..].iter().sum::<usize>();
        assert!(top(&zipf) > 2 * top(&even), "{zipf:?} {even:?}");
    }

    #[test]
    fn a_window_moves_and_is_small() {
        let accesses = accesses(Op::TouchShifting);
        for (nth, window) in accesses.chunks(WINDOW_STAY as usize).enumerate() {
            let start = nth as u64 * 8 % PAGES;
            let inside = |access: &Access| (access.page + PAGES - start) % PAGES < 16;
            assert!(window.iter().all(inside), "window {nth}");
        }
    }

    #[test]
    fn nine_of_ten_accesses_write_where_that_is_said() {
        let stores = |word| accesses(word).iter().filter(|access| access.is_store).count();
        assert!(stores(Op::TouchWrites) > 210 && stores(Op::TouchRandom) < 150);
    }

    #[test]
    fn small_areas_are_used_whole_and_some_are_given_up() {
        let accesses = accesses(Op::TouchAreas);
        for area in accesses.chunks(AREA_PAGES as usize) {
            let first = area[0].page;
            assert!((first..).zip(area).all(|(page, access)| access.page == page));
            assert!(area[..7].iter().all(|access| !access.is_last));
        }
        let last = accesses.iter().filter(|access| access.is_last).count();
        assert!((1..20).contains(&last), "{last}");
    }

    #[test]
    fn the_same_seed_gives_the_same_accesses_and_another_one_others() {
        assert_eq!(accesses(Op::TouchRandom), accesses(Op::TouchRandom));
        let mut other = Touches::new(Op::TouchRandom, PAGES, 4);
        let other: Vec<_> = (0..16).map(|_| other.next()).collect();
        assert_ne!(accesses(Op::TouchRandom)[..16], other);
    }
}
