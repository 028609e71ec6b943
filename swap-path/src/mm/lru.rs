//! The lists that reclaim takes its victims from (Linux `struct lruvec`): doubly linked through the
//! frames, so that any folio leaves in constant time and nothing is ever allocated.

use super::table::FrameTable;
use crate::frame_id::FrameId;

/// A list of folios in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Victims, the next one first.
    Inactive,
    /// Folios that were used again ([`super::ReclaimPolicy::TwoLists`] only).
    Active,
}

/// A folio's place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    pub(super) list: Option<List>,
    prev: Option<FrameId>,
    pub(super) next: Option<FrameId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    first: Option<FrameId>,
    last: Option<FrameId>,
    len: usize,
}

/// The ends of both lists.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lru {
    inactive: Ends,
    active: Ends,
}

impl Lru {
    const fn ends(&mut self, list: List) -> &mut Ends {
        match list {
            List::Inactive => &mut self.inactive,
            List::Active => &mut self.active,
        }
    }

    pub(super) const fn first(&self, list: List) -> Option<FrameId> {
        match list {
            List::Inactive => self.inactive.first,
            List::Active => self.active.first,
        }
    }

    /// Folios on the list.
    pub(super) const fn len(&self, list: List) -> usize {
        match list {
            List::Inactive => self.inactive.len,
            List::Active => self.active.len,
        }
    }
}

impl<P> FrameTable<P> {
    /// Puts a folio at the end of a list.
    pub(super) fn push_back(&mut self, head: FrameId, list: List) {
        let ends = self.lru.ends(list);
        let prev = ends.last.replace(head);
        ends.len += 1;
        match prev {
            Some(prev) => self.links_mut(prev).next = Some(head),
            None => self.lru.ends(list).first = Some(head),
        }
        let links = self.links_mut(head);
        assert!(links.list.is_none(), "a folio is on one list");
        *links = Links { list: Some(list), prev, next: None };
    }

    /// Takes a folio off its list, if it is on one.
    pub(super) fn unlink(&mut self, head: FrameId) {
        let Links { list, prev, next } = core::mem::take(self.links_mut(head));
        let Some(list) = list else { return };
        match prev {
            Some(prev) => self.links_mut(prev).next = next,
            None => self.lru.ends(list).first = next,
        }
        match next {
            Some(next) => self.links_mut(next).prev = prev,
            None => self.lru.ends(list).last = prev,
        }
        self.lru.ends(list).len -= 1;
    }

    /// The oldest folio of the list, taken off it.
    pub(super) fn pop_front(&mut self, list: List) -> Option<FrameId> {
        let head = self.lru.first(list)?;
        self.unlink(head);
        Some(head)
    }

    /// The folios of a list, oldest first.
    pub(super) fn iter_list(&self, list: List) -> impl Iterator<Item = FrameId> + '_ {
        core::iter::successors(self.lru.first(list), |id| self.links(*id).next)
    }
}
