//! Swap I/O: the `iomap_swap_rw` that the mail proposes.
//!
//! Pure overwrite: only written or unwritten blocks are used, so nothing is left to do at completion
//! and there is no `end_io`. This second check (the filesystem's swap callback is the first) keeps a
//! careless callback from turning swap into an allocation or an overwrite of someone else's blocks.
//!
//! Invariant: nothing here asks the heap. Bios come from the [`BioPool`], pages keep their vector.

use block::BlockDevice;

use crate::carrier::{Carrier, Load};
use crate::dio::outcome;
use crate::events::{Engine, Event};
use crate::piece::{PAGE, block_at, pages_from, transfer_bytes};
use crate::pool::BioPool;
use crate::{
    Context, Direction, Errno, FailureKind, Intent, IoFailure, Iomap, IomapOps, Iter, MapFlags,
    MapKind, SwapRefusal, Transfer,
};

/// Reads or writes swap pages. Returns the bytes transferred: all of them.
///
/// `ops` are the filesystem's *swap* callbacks. The pages are back in `transfer`, in order, whatever
/// the outcome. All bios are sent before the first is waited for, as far as the pool reaches.
///
/// # Errors
/// [`IoFailure`] of the first byte concerned; the whole transfer counts as failed.
pub fn swap_rw<O: IomapOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    transfer: &mut Transfer<D::Page>,
    context: Context,
    pool: &mut BioPool<D::Page>,
) -> Result<u64, IoFailure> {
    let (pos, direction) = (transfer.pos, transfer.direction);
    let bytes = transfer_bytes(pos, transfer.pages.len())?;
    let tracer = device.tracer();
    tracer.emit(Event::IoBegin { engine: Engine::Swap, direction, context, pos, bytes });
    let mut load = Load::new(core::mem::take(&mut transfer.pages));
    let mut carrier = Carrier::new(device, direction, &mut load, pool);
    let submitted = submit_all(ops, device, inode, pos, direction, context, &mut carrier);
    let result = carrier.finish().and(submitted);
    transfer.pages = load.pages;
    tracer.emit(outcome(Engine::Swap, pos, bytes, result));
    result.map(|()| bytes)
}

pub(crate) fn submit_all<O: IomapOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    start: u64,
    direction: Direction,
    context: Context,
    carrier: &mut Carrier<'_, D>,
) -> Result<(), IoFailure> {
    let mut intent = Intent::SWAP | Intent::DIRECT;
    intent.set(Intent::WRITE, direction == Direction::Write);
    let bytes = (carrier.left() as u64).saturating_mul(PAGE);
    let mut iter = Iter::new(inode, start, bytes, intent, context);
    let mut status = Ok(());
    while let Some(map) = iter.next(ops, device.tracer(), status)? {
        status = send_piece(&mut iter, &map, carrier);
    }
    Ok(())
}

/// Sends one bio of what `map` covers: the pool decides how many may be under way.
fn send_piece<I: Copy + core::fmt::Debug, D: BlockDevice>(
    iter: &mut Iter<I>,
    map: &Iomap,
    carrier: &mut Carrier<'_, D>,
) -> Result<(), IoFailure> {
    let pos = iter.pos();
    if let Some(refusal) = refusal(map) {
        let kind = FailureKind::NotOverwrite(refusal);
        return Err(IoFailure::library(Errno::EIO, pos, kind));
    }
    let mapped = pages_from(map, pos).map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let count = mapped.min(carrier.left()).min(carrier.bio_pages_max());
    let bad = || IoFailure::library(Errno::EIO, pos, FailureKind::BadMapping);
    let block = block_at(map, pos).ok_or_else(bad)?;
    if count == 0 {
        return Err(bad());
    }
    if !carrier.send(pos, block, count) {
        // The carrier knows why, and its word counts.
        return Err(IoFailure::library(Errno::EIO, pos, FailureKind::Submission));
    }
    iter.advance((count as u64).saturating_mul(PAGE));
    Ok(())
}

/// Why this mapping cannot be overwritten in place, if it cannot.
const fn refusal(map: &Iomap) -> Option<SwapRefusal> {
    match map.kind {
        MapKind::Hole => return Some(SwapRefusal::Hole),
        MapKind::Delalloc => return Some(SwapRefusal::Delalloc),
        MapKind::Mapped | MapKind::Unwritten => {}
    }
    if map.flags.contains(MapFlags::SHARED) {
        Some(SwapRefusal::Shared)
    } else if map.flags.contains(MapFlags::DIRTY) {
        Some(SwapRefusal::Dirty)
    } else if map.flags.intersects(MapFlags::NEW.union(MapFlags::SIZE_CHANGED)) {
        Some(SwapRefusal::Changed)
    } else {
        None
    }
}
