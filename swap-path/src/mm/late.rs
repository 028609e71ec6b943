//! [`crate::Bug::EarlyCompletion`]: a write is reported as done, and made when the next one comes. By then
//! its frames hold something else.

use alloc::vec::Vec;

use block::BlockDevice;
use hal::UserMemory;
use iomap::{Context, Direction};

use super::Mm;
use super::writeback::Victim;
use crate::SwapEntry;
use crate::frame_id::FrameId;

/// A write that nobody waits for.
#[derive(Debug)]
pub(super) struct LateWrite {
    entry: SwapEntry,
    frames: Vec<FrameId>,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Makes the write before this one, and remembers this one.
    pub(super) fn write_late(&mut self, entry: SwapEntry, run: &[Victim]) {
        let heads = run.iter().map(|victim| victim.head);
        let frames = heads.flat_map(|head| self.frames.frames_of(head)).collect();
        let Some(late) = self.late.replace(LateWrite { entry, frames }) else { return };
        // Frames that are with a write of this very moment are left out, and with them the whole of it.
        if !late.frames.iter().all(|id| self.frames.is_here(*id)) {
            return;
        }
        let mut pages = Vec::new();
        late.frames.iter().for_each(|id| pages.extend(self.frames.lend_one(*id)));
        let is_on = self.areas.iter().any(|area| area.id == late.entry.area);
        if is_on {
            let (direction, context) = (Direction::Write, Context::SwapOut);
            let area = self.area_of(late.entry);
            // Nobody would learn of an error.
            let _ = area.rw(direction, late.entry.slot, &mut pages, context);
        }
        let mut back = pages.into_iter();
        late.frames.iter().for_each(|id| self.frames.take_back_one(*id, back.next()));
    }
}
