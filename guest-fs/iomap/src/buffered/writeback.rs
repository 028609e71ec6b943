//! Writing dirty pages: ioends are built and sent (Linux `iomap_writepages`).

use alloc::vec::Vec;
use core::ops::Range;

use block::{Bio, BlockDevice, Op};

use super::pages::zero_tail;
use super::{Buffered, Ioend, IoendKind, WritebackOps};
use crate::cache::Flight;
use crate::events::Event;
use crate::piece::{PAGE, block_at, pages_from};
use crate::{Context, Errno, Iomap, MapKind};

/// An ioend in the making (Linux `struct iomap_writepage_ctx`).
struct Building<I, P> {
    map: Option<Iomap>,
    ioend: Option<Ioend<I>>,
    pages: Vec<P>,
}

impl<I: Copy, P> Building<I, P> {
    /// May the page at `pos`, which goes to `block`, be part of what is being built?
    fn takes(&self, pos: u64, block: u64, kind: IoendKind, pages_max: usize) -> bool {
        self.ioend.as_ref().is_some_and(|ioend| {
            let blocks = ioend.bytes / PAGE;
            ioend.kind == kind
                && ioend.end() == pos
                && ioend.block.checked_add(blocks) == Some(block)
                && self.pages.len() < pages_max
        })
    }
}

impl<O: WritebackOps, D: BlockDevice<Page = O::Page>> Buffered<'_, O, D>
where
    O::Inode: Ord,
{
    /// Sends every dirty page of `inode` that has bytes in `range`. [`Buffered::wait_writeback`] waits for them.
    ///
    /// # Errors
    /// The first; it is kept for fsync too. The other pages are sent whatever happens to one.
    pub fn writepages(
        &self,
        inode: O::Inode,
        range: Range<u64>,
        context: Context,
    ) -> Result<(), Errno> {
        let pages = range.start / PAGE..range.end.div_ceil(PAGE);
        let mut building = Building { map: None, ioend: None, pages: Vec::new() };
        let mut first_error = Ok(());
        let mut from = pages.start;
        while let Some(index) = self.cache.next_dirty(inode, from..pages.end) {
            from = index.saturating_add(1);
            if self.ops.is_held_back(inode, index.saturating_mul(PAGE)) {
                continue;
            }
            let added = self.add_page(inode, index, context, &mut building);
            first_error = first_error.and(added);
        }
        first_error.and(self.send(&mut building, context))
    }

    /// Writes and waits (Linux `filemap_write_and_wait_range`).
    ///
    /// # Errors
    /// The first of this range; it is kept for fsync too.
    pub fn write_and_wait(
        &self,
        inode: O::Inode,
        range: Range<u64>,
        context: Context,
    ) -> Result<(), Errno> {
        let sent = self.writepages(inode, range.clone(), context);
        sent.and(self.wait_writeback(inode, range, context))
    }

    fn add_page(
        &self,
        inode: O::Inode,
        index: u64,
        context: Context,
        building: &mut Building<O::Inode, O::Page>,
    ) -> Result<(), Errno> {
        let pos = index.saturating_mul(PAGE);
        // In flight from now on: whoever cuts the file waits, whatever the mapping waits for (Linux: the locked folio).
        let Some(page) = self.cache.take_dirty(inode, index) else { return Ok(()) };
        let size = self.ops.size_bytes(inode);
        if pos >= size {
            self.drop_page(inode, index, page);
            return Ok(());
        }
        let map = match self.map_page(inode, pos, context, building) {
            Ok(map) => map,
            Err(errno) => {
                let sent = self.send(building, context);
                self.drop_page(inode, index, page);
                self.cache.set_error(inode, errno);
                return sent.and(Err(errno));
            }
        };
        let Some(block) = block_at(&map, pos).filter(|_| map.kind != MapKind::Hole) else {
            // Nothing on the device stands behind the page: what it holds is not of the file any more.
            self.drop_page(inode, index, page);
            return Ok(());
        };
        let kind = IoendKind::of(&map);
        let pages_max = usize::try_from(self.device.geometry().transfer_blocks_max);
        let mut sent = Ok(());
        if !building.takes(pos, block, kind, pages_max.unwrap_or(usize::MAX)) {
            sent = self.send(building, context);
        }
        zero_tail(&page, pos, size);
        building.pages.push(page);
        let new = Ioend { inode, kind, pos, bytes: 0, block };
        let ioend = building.ioend.get_or_insert(new);
        ioend.bytes = ioend.bytes.saturating_add(PAGE);
        sent
    }

    /// The mapping of the last page, as long as it covers this one and is still true.
    fn map_page(
        &self,
        inode: O::Inode,
        pos: u64,
        context: Context,
        building: &mut Building<O::Inode, O::Page>,
    ) -> Result<Iomap, Errno> {
        if let Some(map) = building.map
            && pages_from(&map, pos).is_some_and(|pages| pages > 0)
            && self.ops.iomap_valid(inode, &map)
        {
            return Ok(map);
        }
        building.map = None;
        let map = self.ops.map_blocks(inode, pos, context)?;
        if pages_from(&map, pos).is_none_or(|pages| pages == 0) || map.kind == MapKind::Delalloc {
            return Err(Errno::EIO);
        }
        building.map = Some(map);
        Ok(map)
    }

    /// A dirty page that is not going to be written is clean, and what was reserved for it free.
    fn drop_page(&self, inode: O::Inode, index: u64, page: O::Page) {
        self.ops.discard_page(inode, index.saturating_mul(PAGE));
        self.cache.put_back(inode, index, page);
        self.ops.pages_moved(inode);
    }

    fn send(
        &self,
        building: &mut Building<O::Inode, O::Page>,
        context: Context,
    ) -> Result<(), Errno> {
        let Some(ioend) = building.ioend.take() else { return Ok(()) };
        let pages = core::mem::take(&mut building.pages);
        let Ioend { kind, pos, bytes, block, .. } = ioend;
        self.device.tracer().emit(Event::IoendSubmit { kind, context, pos, bytes, block });
        if let Err(errno) = self.ops.submit_ioend(&ioend, context) {
            let failed = self.finish(&[(ioend, Err(errno))], context);
            self.pages_back(&ioend, pages);
            return failed;
        }
        match self.device.submit(Bio { op: Op::Write { fua: false }, block, pages }) {
            Ok(ticket) => {
                self.cache.add_flight(Flight { ioend, ticket });
                self.ops.pages_moved(ioend.inode);
                Ok(())
            }
            Err(rejected) => {
                let errno = rejected.why.into();
                let failed = self.finish(&[(ioend, Err(errno))], context);
                self.pages_back(&ioend, rejected.bio.pages);
                failed
            }
        }
    }
}
