//! The path of today's Linux: the block map is copied at swapon, and the filesystem is never asked
//! again (Linux `add_swap_extent`, `swap_writepage_bdev_async`, `swap_read_folio_bdev_async`).
//!
//! So it does not notice a shutdown, and it does not notice if the blocks are given to somebody else.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::{Bio, BlockDevice, BlockError, Op};
use hal::trace::Layer;
use iomap::{
    Context, Direction, Errno, FailureKind, IoFailure, Request, SwapExtent, SwapExtents, SwapHost,
    direct_complete, direct_submit,
};

use super::{IO_PAGES_MAX, PathKind, SplitIo, SwapIo, slot_pos};

/// Swap I/O by a private copy of the block map.
pub(crate) struct ExtentsPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
    /// In file order.
    extents: SwapExtents,
    takes_folios: bool,
    /// The pages of the bio in flight; empty between two I/Os.
    in_flight: Vec<D::Page>,
}

impl<H: SwapHost, D: BlockDevice> ExtentsPath<H, D> {
    /// Folios come whole only if `takes_folios` says so; Linux splits them for a file.
    pub(crate) fn new(
        host: Rc<H>,
        device: Rc<D>,
        inode: H::Inode,
        extents: SwapExtents,
        takes_folios: bool,
    ) -> Self {
        let in_flight = Vec::with_capacity(IO_PAGES_MAX);
        Self { host, device, inode, extents, takes_folios, in_flight }
    }

    /// The block of `slot` and how many slots follow it on the device, itself included.
    fn lookup(&self, slot: u32) -> Option<(u64, u64)> {
        let page = u64::from(slot);
        let after = self.extents.partition_point(|extent| extent.start_page <= page);
        let extent: &SwapExtent = self.extents.get(after.checked_sub(1)?)?;
        let offset = page - extent.start_page;
        let left = extent.nr_pages.checked_sub(offset).filter(|&left| left > 0)?;
        Some((extent.start_block + offset, left))
    }

    /// Moves the first `count` of `pages` and puts them back behind the others.
    fn transfer(
        &mut self,
        op: Op,
        block: u64,
        pages: &mut Vec<D::Page>,
        count: usize,
    ) -> Result<(), (BlockError, FailureKind)> {
        let mut vector = core::mem::take(&mut self.in_flight);
        vector.extend(pages.drain(..count));
        let bio = Bio { op, block, pages: vector };
        let (mut vector, result) = match self.device.submit(bio) {
            Ok(ticket) => {
                let done = self.device.wait(ticket);
                let result = done.result.map_err(|why| (why, FailureKind::Completion));
                (done.bio.pages, result)
            }
            Err(rejected) => {
                let result = Err((rejected.why, FailureKind::Submission));
                (rejected.bio.pages, result)
            }
        };
        assert_eq!(vector.len(), count, "a bio comes back with its pages");
        pages.append(&mut vector);
        self.in_flight = vector;
        result
    }
}

impl<H: SwapHost, D: BlockDevice> SwapIo<D::Page> for ExtentsPath<H, D> {
    fn kind(&self) -> PathKind {
        PathKind::Extents
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        _context: Context,
    ) -> Result<(), IoFailure> {
        let op = match direction {
            Direction::Read => Op::Read,
            Direction::Write => Op::Write { fua: false },
        };
        let transfer_max = u64::from(self.device.geometry().transfer_blocks_max.max(1));
        let mut left = pages.len();
        let mut at = slot;
        let mut result = Ok(());
        while left > 0 && result.is_ok() {
            let Some((block, run)) = self.lookup(at) else {
                result = Err(unmapped(at));
                break;
            };
            // At most IO_PAGES_MAX, so the conversions lose nothing.
            let count = run.min(transfer_max).min(left as u64) as usize;
            result = self
                .transfer(op, block, pages, count)
                .map_err(|(error, kind)| from_device(error, at, kind));
            left -= count;
            at += count as u32;
        }
        // What was moved is behind what was not: one rotation restores the order.
        pages.rotate_left(left);
        result
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn takes_folios(&self) -> bool {
        self.takes_folios
    }

    fn map_bytes(&self) -> usize {
        self.extents.len() * size_of::<SwapExtent>()
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for ExtentsPath<H, D> {
    fn submit(&self, request: &mut Request<D::Page>, _context: Context) {
        direct_submit(&*self.device, request, |pos| {
            let slot = u32::try_from(pos / hal::PAGE_BYTES as u64).unwrap_or(u32::MAX);
            self.lookup(slot).ok_or(unmapped(slot))
        });
    }

    fn complete(&self, request: &mut Request<D::Page>, _context: Context) -> Result<(), IoFailure> {
        direct_complete(&*self.device, request)
    }

    fn enters_filesystem(&self) -> bool {
        false
    }

    fn completes_in_worker(&self) -> bool {
        false
    }
}

/// The slot is outside of every extent: swapon hands out no such slot.
const fn unmapped(slot: u32) -> IoFailure {
    IoFailure {
        errno: Errno::EIO,
        pos: slot_pos(slot),
        learned_by: Layer::Swap,
        kind: FailureKind::BadMapping,
        device: None,
    }
}

fn from_device(error: BlockError, slot: u32, kind: FailureKind) -> IoFailure {
    IoFailure {
        errno: error.into(),
        pos: slot_pos(slot),
        learned_by: match error {
            BlockError::Invalid => Layer::Block,
            _ => Layer::Driver,
        },
        kind,
        device: Some(error),
    }
}
