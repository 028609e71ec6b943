//! Allocating and freeing in a transaction: the bitmaps are metadata like any other.

use block::BlockDevice;
use iomap::Errno;

use super::Transaction;
use crate::events::Event;
use crate::format::Structure;
use crate::format::group::{GroupInfo, Words, encode_bitmap, store_info, store_words, words};
use crate::format::superblock::Layout;
use crate::meta::{Fault, MetaRead, MetaWrite};
use crate::space::{Run, Search, bits, fresh_words};

impl<D: BlockDevice> Transaction<'_, D> {
    /// Allocates up to `wanted` blocks in one run, at `goal` if possible, else in its group.
    ///
    /// # Errors
    /// `ENOSPC`, and what reading a bitmap gives.
    pub(crate) fn alloc(&mut self, ino: u64, goal: Option<u64>, wanted: u64) -> Result<Run, Fault> {
        self.own_space()?;
        let (first, room) = {
            let state = self.core.state();
            (goal.map_or(state.groups.rotor(), Layout::group_of), state.unclaimed())
        };
        // Not into what others were promised.
        let wanted = if self.may_use_reserve { wanted } else { wanted.min(room) };
        if wanted == 0 {
            return Err(Errno::ENOSPC.into());
        }
        let mut search = Search::new(first, wanted);
        loop {
            let group = self.core.state().groups.next(&mut search);
            let group = group.ok_or(Errno::ENOSPC)?;
            if let Some(run) = self.alloc_in(group, goal, wanted)? {
                self.taken = self.taken.saturating_add(run.blocks);
                {
                    let state = &mut *self.core.state();
                    state.groups.set_rotor(group);
                    state.taken = state.taken.saturating_add(run.blocks);
                }
                self.core.emit(Event::Alloc {
                    ino,
                    context: self.context,
                    block: run.start,
                    blocks: u32::try_from(run.blocks).unwrap_or(u32::MAX),
                });
                return Ok(run);
            }
        }
    }

    fn alloc_in(
        &mut self,
        group: u64,
        goal: Option<u64>,
        wanted: u64,
    ) -> Result<Option<Run>, Fault> {
        let mut bitmap = self.bitmap(group)?;
        let mut taken = bitmap;
        self.core.state().busy.mask(group, &mut taken);
        for run in &self.freed {
            if Layout::group_of(run.start) == group {
                bits::fill(&mut taken, &Self::in_group(*run), true);
            }
        }
        let start = Layout::group_start(group);
        let goal = goal.filter(|goal| Layout::group_of(*goal) == group);
        let goal = goal.map(|goal| goal.saturating_sub(start));
        let Some(range) = bits::choose(&taken, goal, wanted) else { return Ok(None) };
        let run = Run {
            start: start.saturating_add(range.start),
            blocks: range.end.saturating_sub(range.start),
        };
        if !self.core.layout.is_data_run(run.start, run.blocks) {
            let block = Layout::bitmap_at(group);
            let identity = self.core.layout.identity(Structure::Bitmap, block, 0);
            return Err(identity.field("the fixed blocks marked in use").into());
        }
        bits::fill(&mut bitmap, &range, true);
        self.store_bitmap(group, &bitmap)?;
        Ok(Some(run))
    }

    /// Frees a run of `ino`. It may be reused when this transaction is durable.
    ///
    /// # Errors
    /// `EUCLEAN` and a shutdown if the run is free already; what reading a bitmap gives.
    pub(crate) fn free(&mut self, ino: u64, run: Run) -> Result<(), Fault> {
        self.own_space()?;
        let group = Layout::group_of(run.start);
        let mut bitmap = self.bitmap(group)?;
        let range = Self::in_group(run);
        let is_data = self.core.layout.is_data_run(run.start, run.blocks);
        if !is_data || !bits::is_all_set(&bitmap, &range) {
            let what = "a block that is freed is free already";
            return Err(self.core.inconsistent(what).into());
        }
        bits::fill(&mut bitmap, &range, false);
        self.store_bitmap(group, &bitmap)?;
        self.freed.push(run);
        self.core.emit(Event::Free {
            ino,
            context: self.context,
            block: run.start,
            blocks: u32::try_from(run.blocks).unwrap_or(u32::MAX),
        });
        Ok(())
    }

    fn in_group(run: Run) -> core::ops::Range<u64> {
        let start = Layout::group_start(Layout::group_of(run.start));
        run.start.saturating_sub(start)..run.end().saturating_sub(start)
    }

    fn info(&self, group: u64) -> GroupInfo {
        let changed = self.groups.get(&group).copied();
        changed.unwrap_or_else(|| self.core.state().groups.get(group))
    }

    fn bitmap(&self, group: u64) -> Result<Words, Fault> {
        if !self.info(group).has_bitmap {
            return Ok(fresh_words(&self.core.layout, group));
        }
        let image = self.read(Structure::Bitmap, Layout::bitmap_at(group), 0)?;
        Ok(words(&image))
    }

    fn store_bitmap(&mut self, group: u64, bitmap: &Words) -> Result<(), Fault> {
        let block = Layout::bitmap_at(group);
        if self.info(group).has_bitmap {
            store_words(self.edit(Structure::Bitmap, block, 0)?, bitmap);
        } else {
            self.overwrite(block, encode_bitmap(&self.core.layout, group, bitmap))?;
        }
        let (free, longest) = bits::summary(bitmap);
        let info = GroupInfo { free, longest, has_bitmap: true };
        let (table, slot) = self.core.layout.table_place(group);
        store_info(self.edit(Structure::GroupTable, table, 0)?, slot, info);
        self.groups.insert(group, info);
        Ok(())
    }
}
