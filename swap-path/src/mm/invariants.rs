//! What must hold between two calls. For tests and for the laboratory's own doubts.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;

use block::BlockDevice;
use hal::{DmaBuf, UserMemory};

use super::lru::List;
use super::page::Pte;
use super::table::FolioIo;
use super::{IO_VECTORS, Mm};
use crate::SwapEntry;
use crate::frame_id::FrameId;

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Checks every page, folio, frame and slot against each other. Allocates; linear in their number.
    ///
    /// # Errors
    /// The first thing that does not hold, in words.
    pub fn check_invariants(&self) -> Result<(), String> {
        if !self.batch.is_empty() || self.io_vectors.len() != IO_VECTORS {
            return Err(String::from("pages are left over from an I/O"));
        }
        let folios = self.check_folios()?;
        self.check_pages(&folios)?;
        self.check_slots()?;
        self.check_frames(&folios)
    }

    fn listed(&self) -> impl Iterator<Item = FrameId> + '_ {
        self.frames.iter_list(List::Inactive).chain(self.frames.iter_list(List::Active))
    }

    /// Every folio on a list: its frames and their pages; its slots know it.
    fn check_folios(&self) -> Result<BTreeMap<FrameId, usize>, String> {
        let mut frames = BTreeMap::new();
        for head in self.listed() {
            let folio = self.frames.folio(head);
            if folio.io != FolioIo::Idle {
                return Err(format!("folio {head:?} is in flight while nothing runs"));
            }
            for (offset, id) in self.frames.frames_of(head).enumerate() {
                let page = folio.page + offset;
                if folio.is_mapped && self.ptes[page] != Pte::Present(id) {
                    return Err(format!("page {page} does not know its frame {id:?}"));
                }
                if frames.insert(id, page).is_some() {
                    return Err(format!("frame {id:?} is in two folios"));
                }
                let Some(first) = folio.entry else { continue };
                let entry = SwapEntry { slot: first.slot + offset as u32, ..first };
                let area = self.areas.iter().find(|area| area.id == entry.area);
                if area.and_then(|area| area.slots.cached(entry.slot)) != Some(head) {
                    return Err(format!("slot {entry} does not know its folio {head:?}"));
                }
            }
        }
        Ok(frames)
    }

    fn check_pages(&self, folios: &BTreeMap<FrameId, usize>) -> Result<(), String> {
        if let Some(page) = self.ptes.iter().rposition(|pte| *pte != Pte::None)
            && page >= self.touched_end
        {
            return Err(format!("page {page} counts as untouched"));
        }
        for (page, pte) in self.ptes.iter().enumerate() {
            if let Pte::Present(id) = pte
                && folios.get(id) != Some(&page)
            {
                return Err(format!("page {page} has frame {id:?}, which denies it"));
            }
        }
        Ok(())
    }

    /// Slots count the pages that are in them, and are free only if nobody needs them.
    fn check_slots(&self) -> Result<(), String> {
        let mut counts: BTreeMap<SwapEntry, u16> = BTreeMap::new();
        for pte in &self.ptes {
            if let Pte::Swap(entry) = pte {
                *counts.entry(*entry).or_default() += 1;
            }
        }
        for area in &self.areas {
            let mut used = 0;
            for slot in area.slots.iter_used() {
                used += 1;
                let entry = SwapEntry { area: area.id, slot };
                let (counted, there) = (area.slots.count(slot), counts.remove(&entry).unwrap_or(0));
                let folio = area.slots.cached(slot).map(|head| self.frames.folio(head));
                if counted != there || slot == 0 || there == 0 && folio.is_none() {
                    return Err(format!("slot {entry} counts {counted} pages, there are {there}"));
                }
                if folio.is_some_and(|folio| folio.entry.is_none()) {
                    return Err(format!("slot {entry} has a folio that denies it"));
                }
            }
            if used != area.used_pages() {
                let (id, said) = (area.id, area.used_pages());
                return Err(format!("area {id} counts {said} used slots, there are {used}"));
            }
        }
        counts.keys().next().map_or(Ok(()), |entry| Err(format!("a page is in free slot {entry}")))
    }

    fn check_frames(&self, folios: &BTreeMap<FrameId, usize>) -> Result<(), String> {
        let free: BTreeSet<_> = self.frames.iter_free().collect();
        let all: BTreeSet<_> = folios.keys().chain(&free).collect();
        let buffers: BTreeSet<_> = all.iter().map(|id| self.frames.buf(**id).iova()).collect();
        let (total, least) = (self.frames.total(), self.config.frames());
        let is_right = free.len() == self.frames.free_len()
            && buffers.len() == total
            && folios.len() + free.len() == total
            && total >= least;
        if is_right {
            return Ok(());
        }
        Err(format!(
            "{} frames are free and {} in use, {total} exist and {least} are the least",
            free.len(),
            folios.len()
        ))
    }
}
