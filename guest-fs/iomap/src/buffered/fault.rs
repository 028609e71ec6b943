//! Pages that a program touches by a mapping in memory (Linux `filemap_fault`, `iomap_page_mkwrite`).

use block::BlockDevice;

use super::pages::Got;
use super::{Buffered, WritebackOps};
use crate::piece::PAGE;
use crate::{Context, Direction, Errno, FailureKind, Intent, IoFailure, Iter};

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Makes the page `index` present; for a write also dirty, with space for it. The size stays. A hole that is only read
    /// gets a page of zeros and no space.
    ///
    /// # Errors
    /// [`IoFailure`]: `EFAULT` for a page behind the end of the file (a program would get SIGBUS), `ENOSPC`, `ENOMEM`,
    /// what the device gives.
    pub fn fault(
        &self,
        inode: O::Inode,
        index: u64,
        direction: Direction,
        context: Context,
    ) -> Result<(), IoFailure> {
        let pos = index.saturating_mul(PAGE);
        let length = PAGE.min(self.ops.size_bytes(inode).saturating_sub(pos));
        if length == 0 {
            return Err(IoFailure::library(Errno::EFAULT, pos, FailureKind::Refused));
        }
        let is_write = direction == Direction::Write;
        let intent = if is_write { Intent::FAULT | Intent::WRITE } else { Intent::FAULT };
        let mut iter = Iter::new(inode, pos, length, intent, context);
        let mut status = Ok(());
        while let Some(map) = iter.next(self.ops, self.device.tracer(), status)? {
            status = match self.page_for_change(inode, &map, index, false, context, false) {
                Ok(Got::Ready) => {
                    if is_write {
                        // Dirty before the program's bytes are in it: they come without telling anybody.
                        self.cache.write(inode, index, 0, &[]);
                    }
                    iter.advance(length);
                    Ok(())
                }
                Ok(Got::Stale) => {
                    iter.mark_stale();
                    Ok(())
                }
                Err(failure) => Err(failure),
            };
        }
        Ok(())
    }

    /// Copies `data` to `offset` in a page that [`Buffered::fault`] made writable, as a program's store does.
    pub fn store(&self, inode: O::Inode, index: u64, offset: usize, data: &[u8]) {
        self.cache.write(inode, index, offset, data);
    }

    /// Copies from `offset` in a page that [`Buffered::fault`] made present, as a program's load does.
    pub fn load(&self, inode: O::Inode, index: u64, offset: usize, to: &mut [u8]) {
        self.cache.read(inode, index, offset, to);
    }
}
