//! Reading through pages.

use alloc::vec::Vec;

use block::{Bio, BlockDevice, Op};

use super::pages::zero_tail;
use super::{Buffered, WritebackOps};
use crate::cache::Slot;
use crate::dio::outcome;
use crate::events::{Engine, Event};
use crate::piece::{PAGE, ask, block_at, pages_from};
use crate::{Direction, Errno, FailureKind, Intent, IoFailure, Iomap, Kiocb, MapKind};

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Reads from `pos` on, up to the file size. Returns the bytes read, fewer than wanted if something
    /// went wrong on the way.
    ///
    /// # Errors
    /// [`IoFailure`] of the first byte: `ENOMEM`, `EAGAIN` with NOWAIT, what the device gives.
    pub fn read(
        &self,
        inode: O::Inode,
        pos: u64,
        to: &mut [u8],
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let bytes = (to.len() as u64).min(self.ops.size_bytes(inode).saturating_sub(pos));
        let context = iocb.context;
        let tracer = self.device.tracer();
        let (direction, engine) = (Direction::Read, Engine::Buffered);
        tracer.emit(Event::IoBegin { engine, direction, context, pos, bytes });
        let mut at = pos;
        let end = pos.saturating_add(bytes);
        let result = loop {
            if at >= end {
                break Ok(());
            }
            match self.read_some(inode, pos, at..end, to, iocb) {
                Ok(0) => break Ok(()),
                Ok(count) => at = at.saturating_add(count),
                Err(failure) => break Err(failure),
            }
        };
        tracer.emit(outcome(engine, pos, bytes, result));
        match (at.saturating_sub(pos), result) {
            (0, Err(failure)) => Err(failure),
            (read, _) => Ok(read),
        }
    }

    /// Copies what is in the page that holds the range's first byte, or brings pages. Gives the bytes done.
    fn read_some(
        &self,
        inode: O::Inode,
        start: u64,
        range: core::ops::Range<u64>,
        to: &mut [u8],
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let (index, offset) = (range.start / PAGE, range.start % PAGE);
        let own = |errno| IoFailure::library(errno, range.start, FailureKind::Submission);
        let is_nowait = iocb.is_nowait();
        if !self.settle_page(inode, index, iocb.context, is_nowait).map_err(own)? {
            if is_nowait {
                return Err(own(Errno::EAGAIN));
            }
            return self.fill(inode, start, range, to, iocb);
        }
        let count = PAGE.saturating_sub(offset).min(range.end.saturating_sub(range.start));
        let at = usize::try_from(range.start.saturating_sub(start)).unwrap_or(usize::MAX);
        let take = usize::try_from(count).unwrap_or(0);
        if let Some(to) = to.get_mut(at..at.saturating_add(take)) {
            self.cache.read(inode, index, usize::try_from(offset).unwrap_or(0), to);
        }
        Ok(count)
    }

    /// The first page of the range is absent: zeros for a hole (which need no page), or pages from the device.
    fn fill(
        &self,
        inode: O::Inode,
        start: u64,
        range: core::ops::Range<u64>,
        to: &mut [u8],
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let tracer = self.device.tracer();
        let length = range.end.saturating_sub(range.start);
        let (intent, context) = (iocb.buffered(Intent::empty()), iocb.context);
        let map = ask(self.ops, tracer, inode, range.start, length, intent, context)?;
        if map.kind == MapKind::Mapped {
            self.bring(inode, &map, &range, iocb)?;
            return self.read_some(inode, start, range, to, iocb);
        }
        let first = range.start / PAGE;
        let next = self.cache.next_page(inode, first.saturating_add(1)..u64::MAX);
        let limit = next.map_or(u64::MAX, |next| next.saturating_mul(PAGE));
        let limit = limit.min(map.offset.saturating_add(map.length)).min(range.end);
        let count = limit.saturating_sub(range.start);
        let at = usize::try_from(range.start.saturating_sub(start)).unwrap_or(usize::MAX);
        let take = usize::try_from(count).unwrap_or(0);
        if let Some(to) = to.get_mut(at..at.saturating_add(take)) {
            to.fill(0);
        }
        Ok(count)
    }

    /// Reads the absent pages at the front of the range, as many as one bio and the memory allow.
    fn bring(
        &self,
        inode: O::Inode,
        map: &Iomap,
        range: &core::ops::Range<u64>,
        iocb: Kiocb,
    ) -> Result<(), IoFailure> {
        let first = range.start / PAGE;
        let pos = first.saturating_mul(PAGE);
        let wanted = range.end.div_ceil(PAGE).saturating_sub(first);
        let most = u64::from(self.device.geometry().transfer_blocks_max.max(1));
        let mapped = pages_from(map, pos).unwrap_or(0);
        let next = self.cache.next_page(inode, first..u64::MAX).unwrap_or(u64::MAX);
        let count = wanted.min(most).min(mapped).min(next.saturating_sub(first)).max(1);
        let bad = IoFailure::library(Errno::EIO, pos, FailureKind::BadMapping);
        let block = block_at(map, pos).ok_or(bad)?;
        let mut pages = Vec::new();
        for _ in 0..count {
            match self.new_page(iocb.context, pages.len(), false) {
                Ok(page) => pages.push(page),
                Err(errno) if pages.is_empty() => {
                    return Err(IoFailure::library(errno, pos, FailureKind::Submission));
                }
                Err(_) => break,
            }
        }
        let done = self.device.execute(Bio { op: Op::Read, block, pages });
        done.result.map_err(|error| IoFailure::device(error, pos, FailureKind::Completion))?;
        let size = self.ops.size_bytes(inode);
        for (index, page) in (first..).zip(done.bio.pages) {
            zero_tail(&page, index.saturating_mul(PAGE), size);
            if self.cache.slot(inode, index) == Slot::Absent {
                self.cache.insert(inode, index, page);
            }
        }
        Ok(())
    }
}
