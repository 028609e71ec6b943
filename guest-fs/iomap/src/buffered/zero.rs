//! Zeroing and unsharing through pages.

use block::{BLOCK_BYTES, BlockDevice};

use super::pages::Got;
use super::{Buffered, WritebackOps};
use crate::carrier::ZEROS;
use crate::piece::PAGE;
use crate::{Intent, IoFailure, Iomap, Iter, Kiocb, MapFlags, MapKind};

/// What is done to each page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Zero,
    /// The same content again: writing it back makes the blocks private.
    Rewrite,
}

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Makes `[pos, pos + length)` read as zeros (Linux `iomap_zero_range`). What reads as zeros already, and
    /// has no dirty page, is left alone.
    ///
    /// # Errors
    /// As [`Buffered::write`]; a part may be done then.
    pub fn zero_range(
        &self,
        inode: O::Inode,
        pos: u64,
        length: u64,
        iocb: Kiocb,
    ) -> Result<(), IoFailure> {
        let intent = Intent::WRITE | Intent::ZERO;
        self.change(inode, pos, length, intent, Change::Zero, iocb)
    }

    /// Makes the shared blocks of `[pos, pos + length)` the file's own, at writeback (Linux
    /// `iomap_file_unshare`).
    ///
    /// # Errors
    /// As [`Buffered::write`]; a part may be done then.
    pub fn unshare(
        &self,
        inode: O::Inode,
        pos: u64,
        length: u64,
        iocb: Kiocb,
    ) -> Result<(), IoFailure> {
        let intent = Intent::WRITE | Intent::UNSHARE;
        self.change(inode, pos, length, intent, Change::Rewrite, iocb)
    }

    fn change(
        &self,
        inode: O::Inode,
        pos: u64,
        length: u64,
        intent: Intent,
        change: Change,
        iocb: Kiocb,
    ) -> Result<(), IoFailure> {
        let tracer = self.device.tracer();
        let mut iter = Iter::new(inode, pos, length, iocb.buffered(intent), iocb.context);
        let mut status = Ok(());
        while let Some(map) = iter.next(self.ops, tracer, status)? {
            status = self.change_piece(inode, &mut iter, &map, change, iocb);
        }
        Ok(())
    }

    fn change_piece(
        &self,
        inode: O::Inode,
        iter: &mut Iter<O::Inode>,
        map: &Iomap,
        change: Change,
        iocb: Kiocb,
    ) -> Result<(), IoFailure> {
        let is_shared = map.flags.contains(MapFlags::SHARED);
        while iter.piece_left() > 0 {
            let (index, offset) = (iter.pos() / PAGE, iter.pos() % PAGE);
            let count = PAGE.saturating_sub(offset).min(iter.piece_left());
            let has_data = map.kind == MapKind::Mapped;
            let is_meant = match change {
                Change::Zero => {
                    let page = index..index.saturating_add(1);
                    has_data || self.cache.next_data(inode, page).is_some()
                }
                Change::Rewrite => has_data && is_shared,
            };
            if is_meant {
                let is_whole = change == Change::Zero && count == BLOCK_BYTES as u64;
                let (context, is_nowait) = (iocb.context, iocb.is_nowait());
                match self.page_for_change(inode, map, index, is_whole, context, is_nowait)? {
                    Got::Ready => {}
                    Got::Stale => {
                        iter.mark_stale();
                        return Ok(());
                    }
                }
                let offset = usize::try_from(offset).unwrap_or(0);
                let zeros = match change {
                    Change::Zero => ZEROS.get(..usize::try_from(count).unwrap_or(0)),
                    Change::Rewrite => None,
                };
                self.cache.write(inode, index, offset, zeros.unwrap_or_default());
            }
            iter.advance(count);
        }
        Ok(())
    }
}
