//! Pages of the host's memory that commands in flight use.

use std::collections::{BTreeMap, BTreeSet};

/// The smallest page that a host can have.
const PAGE_BYTES: u64 = 4096;

/// A command's pages, and whether the controller writes them.
#[derive(Clone, Debug)]
struct Used {
    pages: BTreeSet<u64>,
    is_written: bool,
}

/// The pages of all commands in flight, by the command's number.
#[derive(Clone, Debug, Default)]
pub(crate) struct PagesInFlight(BTreeMap<u64, Used>);

impl PagesInFlight {
    /// Forgets commands that are no longer in flight.
    pub(crate) fn retain(&mut self, is_in_flight: impl Fn(u64) -> bool) {
        self.0.retain(|number, _| is_in_flight(*number));
    }

    /// A command uses these ranges of memory; `true` if it or another one writes to a page of both.
    pub(crate) fn add(
        &mut self,
        number: u64,
        ranges: impl Iterator<Item = (u64, u64)>,
        is_written: bool,
    ) -> bool {
        let page = |address: u64| address.checked_div(PAGE_BYTES).unwrap_or(0);
        let pages = ranges.filter(|(_, length)| *length > 0).flat_map(|(address, length)| {
            page(address)..=page(address.saturating_add(length.saturating_sub(1)))
        });
        let pages: BTreeSet<u64> = pages.collect();
        let is_shared = self
            .0
            .values()
            .any(|other| (is_written || other.is_written) && !other.pages.is_disjoint(&pages));
        self.0.insert(number, Used { pages, is_written });
        is_shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readers_of_a_page_are_no_finding_and_a_writer_is() {
        let mut pages = PagesInFlight::default();
        let at = |address: u64| std::iter::once((address, 512));
        assert!(!pages.add(1, at(0x1000), false));
        assert!(!pages.add(2, at(0x1800), false));
        assert!(pages.add(3, at(0x1e00), true), "the last bytes of the same page");
        assert!(!pages.add(4, at(0x2000), true));
        pages.retain(|number| number == 4);
        assert!(!pages.add(5, at(0x1000), true));
        assert!(pages.add(6, [(0x1fff, 2)].into_iter(), false), "two pages");
    }
}
