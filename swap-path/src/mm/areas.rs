//! Which area a page goes to, and giving slots back (Linux `get_swap_pages`, `folio_free_swap`).

use core::cmp::Reverse;

use block::BlockDevice;
use hal::UserMemory;

use super::Mm;
use super::table::Folio;
use crate::events::Event;
use crate::frame_id::FrameId;
use crate::path::CLUSTER_PAGES_MAX;
use crate::{AreaId, Bug, SwapArea, SwapEntry};

/// The order of areas: the higher first.
type Rank = (i16, Reverse<u64>, Reverse<usize>);

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Puts an area to use. Its priority is lower than that of all areas that came without one before
    /// it, and negative (Linux `swapon` without `-p`).
    pub fn add_area(&mut self, area: SwapArea<D::Page>) -> AreaId {
        self.default_priority = self.default_priority.saturating_sub(1);
        self.add_area_with_priority(area, self.default_priority)
    }

    /// Puts an area to use with a priority: areas of a higher one are filled first, those of the same one
    /// take turns.
    pub fn add_area_with_priority(&mut self, mut area: SwapArea<D::Page>, priority: i16) -> AreaId {
        self.areas_ever += 1;
        area.id = AreaId(self.areas_ever);
        area.priority = priority;
        if self.config.knobs.has_slot_checksums {
            area.keep_checksums();
        }
        self.tracer.emit(Event::SwapOn {
            area: area.id,
            path: area.path(),
            pages: area.size_pages(),
        });
        self.areas.push(area);
        AreaId(self.areas_ever)
    }

    /// Gives the folio slots in a row, if there are any. It is in the swap cache then.
    pub(super) fn alloc_slots(&mut self, head: FrameId) -> Option<SwapEntry> {
        let Folio { page, order, .. } = *self.frames.folio(head);
        let mut first = self.free_slots(order, head);
        if first.is_none() && order == 0 {
            self.strip_cached_slot();
            first = self.free_slots(order, head);
        }
        let Some(first) = first else {
            self.tracer.emit(Event::NoSlot { page: page as u64 });
            return None;
        };
        self.frames.folio_mut(head).entry = Some(first);
        for offset in 0..1_u32 << order {
            let entry = SwapEntry { slot: first.slot + offset, ..first };
            self.tracer.emit(Event::SlotAlloc { page: page as u64 + u64::from(offset), entry });
        }
        Some(first)
    }

    fn free_slots(&mut self, order: u8, head: FrameId) -> Option<SwapEntry> {
        let mut tried = None;
        while let Some((rank, at)) = self.best_area(tried) {
            tried = Some(rank);
            let turn = self.turns;
            let area = &mut self.areas[at];
            if area.is_off || order > 0 && !area.takes_folios() {
                continue;
            }
            let Some(slot) = area.slots.alloc(order, head) else { continue };
            area.handed_out += 1 << order;
            if area.handed_out >= CLUSTER_PAGES_MAX {
                (area.handed_out, area.turn) = (0, turn + 1);
                self.turns += 1;
            }
            return Some(SwapEntry { area: area.id, slot });
        }
        None
    }

    /// The first area in rank behind `tried`.
    fn best_area(&self, tried: Option<Rank>) -> Option<(Rank, usize)> {
        let is_ignored = self.config.bugs.has(Bug::PriorityIgnored);
        let rank = |(at, area): (usize, &SwapArea<D::Page>)| {
            let (priority, turn) = if is_ignored { (0, 0) } else { (area.priority, area.turn) };
            ((priority, Reverse(turn), Reverse(at)), at)
        };
        let ranks = self.areas.iter().enumerate().map(rank);
        ranks.filter(|(rank, _)| tried.is_none_or(|tried| *rank < tried)).max()
    }

    /// Swap is full: takes the slots of a folio that is in memory anyway (Linux
    /// `__try_to_reclaim_swap`). The folio is the only copy then, so it counts as dirty.
    fn strip_cached_slot(&mut self) {
        let found = self.areas.iter().filter(|area| !area.is_off).find_map(|area| {
            let mut cached = area.slots.iter_used().filter_map(|slot| area.slots.cached(slot));
            cached.find(|head| self.frames.folio(*head).is_mapped)
        });
        if let Some(head) = found {
            self.forget_slots(head);
        }
    }

    /// The mapped folio's slots are given back; it is the only copy from now on.
    pub(super) fn forget_slots(&mut self, head: FrameId) {
        let Folio { page, entry, order, .. } = *self.frames.folio(head);
        let Some(first) = entry else { return };
        let folio = self.frames.folio_mut(head);
        (folio.entry, folio.is_dirty) = (None, true);
        for offset in 0..1_u32 << order {
            let entry = SwapEntry { slot: first.slot + offset, ..first };
            self.area_of(entry).slots.uncache(entry.slot, head);
            self.tracer.emit(Event::SlotFree { page: page as u64 + u64::from(offset), entry });
        }
    }

    pub(super) fn area_of(&mut self, entry: SwapEntry) -> &mut SwapArea<D::Page> {
        self.areas
            .iter_mut()
            .find(|area| area.id == entry.area)
            .expect("a page's slot is in an active area")
    }
}
