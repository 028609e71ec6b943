//! Ioends that are back from the device (Linux `iomap_finish_ioends`, `iomap_sort_ioends`).
//!
//! Data first: the transaction that makes it visible runs when the write is complete, and the log's flush
//! brings both to media in that order.

use alloc::vec::Vec;
use core::ops::Range;

use block::BlockDevice;

use super::{Buffered, Ioend, WritebackOps};
use crate::events::Event;
use crate::piece::PAGE;
use crate::{Context, Errno};

/// How an ioend went.
type Result1<I> = (Ioend<I>, Result<(), Errno>);

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Waits for every page of `inode` in flight that has bytes in `range`, and finishes what was waited for. What another
    /// task waits for, or builds just now, is waited for too.
    ///
    /// # Errors
    /// The first of what this call finished; it is kept for fsync too, as are all others. `EDEADLK` for pages in flight
    /// that nobody else could bring back.
    pub fn wait_writeback(
        &self,
        inode: O::Inode,
        range: Range<u64>,
        context: Context,
    ) -> Result<(), Errno> {
        let mut outcome = self.land(inode, &range, context);
        let pages = range.start / PAGE..range.end.div_ceil(PAGE);
        while self.cache.has_in_flight(inode, pages.clone()) {
            self.ops.wait_for_pages(inode)?;
            outcome = outcome.and(self.land(inode, &range, context));
        }
        outcome
    }

    /// Waits for the flights that nobody waits for, and finishes them.
    fn land(&self, inode: O::Inode, range: &Range<u64>, context: Context) -> Result<(), Errno> {
        let mut results: Vec<Result1<O::Inode>> = Vec::new();
        let mut pages = Vec::new();
        while let Some(flight) = self.cache.take_flight(inode, range) {
            let done = self.device.wait(flight.ticket);
            results.push((flight.ioend, done.result.map_err(Errno::from)));
            pages.push((flight.ioend, done.bio.pages));
        }
        if results.is_empty() {
            return Ok(());
        }
        results.sort_unstable_by_key(|(ioend, _)| ioend.pos);
        let merged = merge(results);
        let context = if context.is_swap_io() { context } else { Context::Completion };
        let outcome = self.finish(&merged, context);
        // Only now: who waits for a page waits for its conversion too.
        for (ioend, pages) in pages {
            self.pages_back(&ioend, pages);
        }
        outcome
    }

    /// Waits, for the pages only: an error is the file's, and kept for its fsync.
    pub(super) fn settle(&self, inode: O::Inode, range: Range<u64>, context: Context) {
        let _ = self.wait_writeback(inode, range, context);
    }

    /// Tells the filesystem how ioends went.
    pub(super) fn finish(
        &self,
        results: &[Result1<O::Inode>],
        context: Context,
    ) -> Result<(), Errno> {
        let mut first_error = Ok(());
        for (ioend, result) in results {
            let result = result.and_then(|()| self.ops.ioend_done(ioend, context));
            let Ioend { kind, pos, bytes, .. } = *ioend;
            let errno = result.err();
            self.device.tracer().emit(Event::IoendDone { kind, context, errno, pos, bytes });
            if let Err(errno) = result {
                self.ops.ioend_failed(ioend, context);
                self.cache.set_error(ioend.inode, errno);
            }
            first_error = first_error.and(result);
        }
        first_error
    }

    /// Puts the pages of an ioend back into the cache, clean even after an error, as in Linux: the error is
    /// what fsync tells.
    pub(super) fn pages_back(&self, ioend: &Ioend<O::Inode>, pages: Vec<O::Page>) {
        for (index, page) in (ioend.pos / PAGE..).zip(pages) {
            self.cache.put_back(ioend.inode, index, page);
        }
        self.ops.pages_moved(ioend.inode);
    }
}

/// Neighbours of one kind that went alike are one: one transaction finishes them (Linux
/// `iomap_ioend_try_merge`).
fn merge<I: Copy>(results: Vec<Result1<I>>) -> Vec<Result1<I>> {
    let mut merged: Vec<Result1<I>> = Vec::new();
    for (ioend, result) in results {
        match merged.last_mut() {
            Some((last, before))
                if last.kind == ioend.kind && last.end() == ioend.pos && *before == result =>
            {
                last.bytes = last.bytes.saturating_add(ioend.bytes);
            }
            _ => merged.push((ioend, result)),
        }
    }
    merged
}
