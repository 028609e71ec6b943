//! Swap I/O: the `iomap_swap_rw` that the mail proposes.
//!
//! Pure overwrite: only written or unwritten blocks are used, so nothing is left to do at completion
//! and there is no `end_io`. This second check (the filesystem's swap callback is the first) keeps a
//! careless callback from turning swap into an allocation or an overwrite of someone else's blocks.
//!
//! Invariant: nothing here asks the heap. Bios come from the [`BioPool`], pages keep their vector.

use core::fmt::Debug;

use block::{Bio, BlockDevice, Done, Rejected};

use crate::carrier::{Carrier, Load, op};
use crate::dio::outcome;
use crate::events::{Engine, Event};
use crate::piece::{PAGE, answered, block_at, pages_from, transfer_bytes};
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
    let intent = intent(direction);
    tracer.emit(Event::MapAsk { intent, context, pos, length: bytes });
    let answer = ops.iomap_begin(inode, pos, bytes, intent, context);
    let run = answer.as_ref().ok().and_then(|map| one_run(map, transfer, device, pool));
    let result = match (run, answer) {
        (Some(block), Ok(map)) => {
            tracer.emit(Event::answer(&map));
            let ended = || ops.iomap_end(inode, &map, pos, bytes, intent, context);
            rw_whole(device, transfer, block, ended)
        }
        (_, answer) => answered(tracer, answer, pos).and_then(|map| {
            let iter = Iter::begun(inode, pos, bytes, intent, context, map);
            rw_pieces(ops, device, iter, map, transfer, pool)
        }),
    };
    tracer.emit(outcome(Engine::Swap, pos, bytes, result));
    result.map(|()| bytes)
}

/// What the mapping callback is told.
fn intent(direction: Direction) -> Intent {
    match direction {
        Direction::Read => Intent::SWAP | Intent::DIRECT,
        Direction::Write => Intent::SWAP | Intent::DIRECT | Intent::WRITE,
    }
}

/// The block of a transfer that `map` covers as a whole and that fits into one bio: nearly every one.
fn one_run<D: BlockDevice>(
    map: &Iomap,
    transfer: &Transfer<D::Page>,
    device: &D,
    pool: &BioPool<D::Page>,
) -> Option<u64> {
    let (pages, pos) = (transfer.pages.len() as u64, transfer.pos);
    let pages_max = u64::from(device.geometry().transfer_blocks_max.max(1));
    let fits = pages <= pages_max.min(pool.bio_pages_max() as u64);
    let is_covered = pages_from(map, pos).is_some_and(|run| run >= pages);
    if fits && is_covered && refusal(map).is_none() { block_at(map, pos) } else { None }
}

/// One bio, which takes the transfer's own vector: no page moves from one to another. `ended` ends the mapping, as
/// soon as the bio is sent.
fn rw_whole<D: BlockDevice>(
    device: &D,
    transfer: &mut Transfer<D::Page>,
    block: u64,
    ended: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), IoFailure> {
    let (pos, pages) = (transfer.pos, core::mem::take(&mut transfer.pages));
    let (bio, result) = match device.submit(Bio { op: op(transfer.direction), block, pages }) {
        Ok(ticket) => {
            let ended = ended();
            let Done { bio, result } = device.wait(ticket);
            let failed = |error| IoFailure::device(error, pos, FailureKind::Completion);
            let end = |errno| IoFailure::filesystem(errno, pos, FailureKind::EndIo);
            (bio, result.map_err(failed).and(ended.map_err(end)))
        }
        Err(Rejected { bio, why }) => {
            // What the end of a mapping gives does not matter any more.
            let _ = ended();
            (bio, Err(IoFailure::device(why, pos, FailureKind::Submission)))
        }
    };
    transfer.pages = bio.pages;
    result
}

/// A bio for each run of blocks, as many as the pool has at once; `map` is the first answer of the walk.
fn rw_pieces<O: IomapOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    mut iter: Iter<O::Inode>,
    map: Iomap,
    transfer: &mut Transfer<D::Page>,
    pool: &mut BioPool<D::Page>,
) -> Result<(), IoFailure> {
    let mut load = Load::new(core::mem::take(&mut transfer.pages));
    let mut carrier = Carrier::new(device, transfer.direction, &mut load, pool);
    let submitted = send_all(ops, &mut iter, Some(map), &mut carrier);
    let result = carrier.finish().and(submitted);
    transfer.pages = load.pages;
    result
}

/// The submission of a transfer that is completed elsewhere.
pub(crate) fn submit_all<O: IomapOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    start: u64,
    direction: Direction,
    context: Context,
    carrier: &mut Carrier<'_, D>,
) -> Result<(), IoFailure> {
    let bytes = (carrier.left() as u64).saturating_mul(PAGE);
    let mut iter = Iter::new(inode, start, bytes, intent(direction), context);
    let first = iter.next(ops, device.tracer(), Ok(()))?;
    send_all(ops, &mut iter, first, carrier)
}

/// Sends what `map`, the first piece, covers, then asks for the next one.
fn send_all<O: IomapOps, D: BlockDevice>(
    ops: &O,
    iter: &mut Iter<O::Inode>,
    mut map: Option<Iomap>,
    carrier: &mut Carrier<'_, D>,
) -> Result<(), IoFailure> {
    while let Some(piece) = map {
        let status = send_piece(iter, &piece, carrier);
        map = iter.next(ops, carrier.tracer(), status)?;
    }
    Ok(())
}

/// Sends one bio of what `map` covers: the pool decides how many may be under way.
fn send_piece<I: Copy + Debug, D: BlockDevice>(
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
