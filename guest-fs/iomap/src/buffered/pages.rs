//! Getting a page: from the cache, from the device, or a new one.

use alloc::vec;
use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use hal::DmaBuf;

use super::{Buffered, WritebackOps};
use crate::cache::Slot;
use crate::carrier::ZEROS;
use crate::piece::{PAGE, block_at};
use crate::{Context, Errno, FailureKind, IoFailure, Iomap, MapKind};

/// Pages that are written in one go when the cache is full of dirty ones.
const CLEANED_AT_ONCE: u64 = 64;

/// How a page came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// It is in the cache.
    Ready,
    /// The mapping is not true any more.
    Stale,
}

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Is the page here? One in flight is waited for.
    ///
    /// # Errors
    /// `EAGAIN` for one in flight and `is_nowait`.
    pub(super) fn settle_page(
        &self,
        inode: O::Inode,
        index: u64,
        context: Context,
        is_nowait: bool,
    ) -> Result<bool, Errno> {
        loop {
            match self.cache.slot(inode, index) {
                Slot::Absent => return Ok(false),
                Slot::Here => return Ok(true),
                Slot::InFlight if is_nowait => return Err(Errno::EAGAIN),
                Slot::InFlight => {}
            }
            let pos = index.saturating_mul(PAGE);
            let settled = self.wait_writeback(inode, pos..pos.saturating_add(PAGE), context);
            let is_stuck = settled == Err(Errno::EDEADLK);
            if is_stuck && self.cache.slot(inode, index) == Slot::InFlight {
                return Err(Errno::EDEADLK);
            }
            // Any other error is the file's, and kept for its fsync.
        }
    }

    /// A zeroed page that is not in the cache yet, for somebody who has `held` of them already. Makes room for it: a clean page goes, or dirty ones are
    /// written first (Linux `balance_dirty_pages`).
    ///
    /// # Errors
    /// `ENOMEM` if there is neither memory nor a page to give up; `EAGAIN` if that would take a write and
    /// `is_nowait`.
    pub(super) fn new_page(
        &self,
        context: Context,
        held: usize,
        is_nowait: bool,
    ) -> Result<O::Page, Errno> {
        loop {
            if self.cache.has_room(held)
                && let Ok(page) = self.ops.alloc_page(context)
            {
                return Ok(page);
            }
            if let Some(page) = self.recycled() {
                return Ok(page);
            }
            if is_nowait {
                return Err(Errno::EAGAIN);
            }
            // Another task may take what comes free by this: then once more.
            if !self.clean_some(context) {
                return Err(Errno::ENOMEM);
            }
        }
    }

    fn recycled(&self) -> Option<O::Page> {
        let page = self.cache.evict()?;
        page.write(0, &ZEROS);
        Some(page)
    }

    /// Writes what has been dirty for the longest time, and what comes after it in its file; waits for what is on its way.
    /// False if there is nothing of either.
    fn clean_some(&self, context: Context) -> bool {
        let flying = self.cache.flying_files();
        for inode in &flying {
            self.settle(*inode, 0..u64::MAX, context);
        }
        if let Some((inode, index)) = self.cache.oldest_dirty() {
            let pos = index.saturating_mul(PAGE);
            if self.ops.is_held_back(inode, pos) {
                return self.ops.wait_for_pages(inode).is_ok();
            }
            let range = pos..pos.saturating_add(CLEANED_AT_ONCE.saturating_mul(PAGE));
            // An error is the file's, and kept for its fsync.
            let _ = self.writepages(inode, range.clone(), Context::Writeback);
            self.settle(inode, range, Context::Writeback);
            return true;
        }
        if !flying.is_empty() {
            return true;
        }
        // Pages that another task has, and nobody else can be waited for.
        let others = self.cache.first_in_flight();
        others.is_some_and(|inode| self.ops.wait_for_pages(inode).is_ok())
    }

    /// Makes the page that holds `pos` ready to be changed: read, if it keeps some of its old bytes.
    ///
    /// # Errors
    /// `ENOMEM`, `EAGAIN` with `is_nowait`, what the device gives.
    pub(super) fn page_for_change(
        &self,
        inode: O::Inode,
        map: &Iomap,
        index: u64,
        is_whole: bool,
        context: Context,
        is_nowait: bool,
    ) -> Result<Got, IoFailure> {
        let pos = index.saturating_mul(PAGE);
        let own = |errno| IoFailure::library(errno, pos, FailureKind::Submission);
        if self.settle_page(inode, index, context, is_nowait).map_err(own)? {
            return Ok(Got::Ready);
        }
        let mut page = self.new_page(context, 0, is_nowait).map_err(own)?;
        if !self.ops.iomap_valid(inode, map) {
            return Ok(Got::Stale);
        }
        let size = self.ops.size_bytes(inode);
        if !is_whole && map.kind == MapKind::Mapped && pos < size {
            if is_nowait {
                return Err(own(Errno::EAGAIN));
            }
            page = self.read_page(map, pos, page)?;
            zero_tail(&page, pos, size);
            if !self.ops.iomap_valid(inode, map) {
                return Ok(Got::Stale);
            }
        }
        // While memory was made, another task may have brought the page, and sent it.
        if self.cache.slot(inode, index) == Slot::Absent {
            self.cache.insert(inode, index, page);
            return Ok(Got::Ready);
        }
        let is_here = self.settle_page(inode, index, context, is_nowait).map_err(own)?;
        Ok(if is_here { Got::Ready } else { Got::Stale })
    }

    fn read_page(&self, map: &Iomap, pos: u64, page: O::Page) -> Result<O::Page, IoFailure> {
        let block = block_at(map, pos);
        let block = block.ok_or(IoFailure::library(Errno::EIO, pos, FailureKind::BadMapping))?;
        let pages: Vec<O::Page> = vec![page];
        let mut done = self.device.execute(Bio { op: Op::Read, block, pages });
        done.result.map_err(|e| IoFailure::device(e, pos, FailureKind::Completion))?;
        let lost = IoFailure::library(Errno::EIO, pos, FailureKind::Completion);
        done.bio.pages.pop().ok_or(lost)
    }
}

/// What a page holds beyond the file size is zeros.
pub(super) fn zero_tail<P: DmaBuf>(page: &P, pos: u64, size: u64) {
    let inside = usize::try_from(size.saturating_sub(pos)).unwrap_or(usize::MAX);
    if let Some(zeros) = ZEROS.get(inside.min(BLOCK_BYTES)..).filter(|zeros| !zeros.is_empty()) {
        page.write(inside, zeros);
    }
}
