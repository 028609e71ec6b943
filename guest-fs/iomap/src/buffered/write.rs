//! Writing into pages.

use block::{BLOCK_BYTES, BlockDevice};

use super::pages::Got;
use super::{Buffered, WritebackOps};
use crate::dio::outcome;
use crate::events::{Engine, Event};
use crate::piece::PAGE;
use crate::{Direction, Intent, IoFailure, Iomap, Iter, Kiocb};

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Writes `data` at `pos` into pages (Linux `iomap_file_buffered_write`). Returns the bytes written, fewer
    /// than all if something went wrong on the way.
    ///
    /// # Errors
    /// [`IoFailure`] of the first byte: `ENOSPC` (now, never at writeback), `ENOMEM`, `EAGAIN` with NOWAIT,
    /// what reading an old page gives.
    pub fn write(
        &self,
        inode: O::Inode,
        pos: u64,
        data: &[u8],
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let (context, bytes) = (iocb.context, data.len() as u64);
        let tracer = self.device.tracer();
        let direction = Direction::Write;
        let engine = Engine::Buffered;
        tracer.emit(Event::IoBegin { engine, direction, context, pos, bytes });
        let mut iter = Iter::new(inode, pos, bytes, iocb.buffered(Intent::WRITE), context);
        let mut status = Ok(());
        let result = loop {
            match iter.next(self.ops, tracer, status) {
                Err(failure) => break Err(failure),
                Ok(None) => break Ok(()),
                Ok(Some(map)) => status = self.write_piece(inode, &mut iter, &map, pos, data, iocb),
            }
        };
        tracer.emit(outcome(engine, pos, bytes, result));
        match (iter.pos().saturating_sub(pos), result) {
            (0, Err(failure)) => Err(failure),
            (written, _) => Ok(written),
        }
    }

    fn write_piece(
        &self,
        inode: O::Inode,
        iter: &mut Iter<O::Inode>,
        map: &Iomap,
        start: u64,
        data: &[u8],
        iocb: Kiocb,
    ) -> Result<(), IoFailure> {
        while iter.piece_left() > 0 {
            let (index, offset) = (iter.pos() / PAGE, iter.pos() % PAGE);
            let count = PAGE.saturating_sub(offset).min(iter.piece_left());
            let is_whole = count == BLOCK_BYTES as u64;
            let (context, is_nowait) = (iocb.context, iocb.is_nowait());
            match self.page_for_change(inode, map, index, is_whole, context, is_nowait)? {
                Got::Ready => {}
                Got::Stale => {
                    iter.mark_stale();
                    return Ok(());
                }
            }
            let done = usize::try_from(iter.pos().saturating_sub(start)).unwrap_or(usize::MAX);
            let rest = data.get(done..).unwrap_or_default();
            let take = usize::try_from(count).unwrap_or(0).min(rest.len());
            let offset = usize::try_from(offset).unwrap_or(0);
            self.cache.write(inode, index, offset, rest.get(..take).unwrap_or_default());
            let end = iter.pos().saturating_add(count);
            if end > self.ops.size_bytes(inode) {
                self.ops.extend_size(inode, end);
            }
            iter.advance(count);
        }
        Ok(())
    }
}
