//! Taking a folio apart (Linux `split_folio`).

use block::BlockDevice;
use hal::UserMemory;

use super::Mm;
use super::lru::List;
use super::page::Pte;
use super::reclaim::Pass;
use super::table::Folio;
use crate::events::Event;
use crate::frame_id::FrameId;
use crate::{Bug, SwapEntry};

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Makes each page a folio of its own, with its own slot if there were slots. Whatever the page
    /// table says stays, and so does the place: on the list of the folio, or on none.
    pub(super) fn split(&mut self, head: FrameId) {
        let folio = *self.frames.folio(head);
        let list = self.frames.links(head).list;
        self.frames.unlink(head);
        let page = folio.page as u64;
        self.tracer.emit(Event::FolioSplit { page, pages: folio.pages() as u32 });
        self.stats.folio_splits += 1;
        // Off the list it is off the hardware's page table too, and only then frames can be mixed up.
        let is_mixed = list.is_none() && self.config.bugs.has(Bug::SplitSwapped);
        let mut rest = Some(head);
        for offset in 0..folio.pages() {
            let Some(id) = rest else { break };
            let entry =
                folio.entry.map(|first| SwapEntry { slot: first.slot + offset as u32, ..first });
            let page = folio.page + if is_mixed { offset ^ 1 } else { offset };
            rest = self.frames.cut(id, Folio { order: 0, page, entry, ..folio });
            if is_mixed {
                self.ptes[page] = Pte::Present(id);
            }
            if let Some(entry) = entry {
                self.area_of(entry).slots.uncache(entry.slot, head);
                self.area_of(entry).slots.cache(entry.slot, id);
            }
            if let Some(list) = list {
                self.frames.push_back(id, list);
            }
        }
    }

    /// Splits a folio that cannot be written as a whole, and evicts its pages one by one. It is off the
    /// hardware's page table.
    pub(super) fn evict_split(&mut self, head: FrameId, pass: &mut Pass) {
        let Folio { page, order, .. } = *self.frames.folio(head);
        self.split(head);
        for page in page..page + (1 << order) {
            let Pte::Present(id) = self.ptes[page] else { continue };
            self.evict(id, pass);
            if self.batch.len() >= self.config.cluster_pages {
                self.write_batch(pass);
            }
        }
    }

    /// Splits the folio that the page is part of, so that something can be done to the page alone.
    pub(super) fn split_around(&mut self, frame: FrameId) {
        let head = self.frames.head_of(frame);
        if self.frames.folio(head).order > 0 {
            assert_ne!(self.frames.links(head).list, None::<List>, "a mapped folio is on a list");
            self.split(head);
        }
    }
}
