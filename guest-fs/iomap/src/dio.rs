//! Direct I/O: Linux `iomap_dio_rw`, for whole pages.
//!
//! The loop asks for a mapping, sends its bios, asks for the next one, and waits for all of them
//! together. A finished write is told to the filesystem (`end_io`), which may run transactions there:
//! exactly the thing that the mail holds against using this path for swap.
//!
//! Memory for bios comes from the heap, as in Linux.

use bitflags::bitflags;
use block::BlockDevice;

use crate::carrier::Carrier;
use crate::events::{Engine, Event};
use crate::piece::{PAGE, ask, block_at, pages_from, transfer_bytes};
use crate::pool::BioPool;
use crate::{
    Context, DioEnd, DioOps, Direction, Errno, FailureKind, Intent, IoFailure, Iomap, MapFlags,
    MapKind, Transfer,
};

bitflags! {
    /// How an I/O wants to be done (Linux `IOCB_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct IocbFlags: u8 {
        /// The proposal's `IOCB_SWAP`: becomes [`Intent::SWAP`]. Whether it changes anything is up
        /// to the mapping callback; this library cannot enforce it.
        const SWAP = 1 << 0;
        /// Becomes [`Intent::NOWAIT`].
        const NOWAIT = 1 << 1;
    }
}

/// How and on whose behalf an I/O is done (Linux `struct kiocb`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kiocb {
    /// How.
    pub flags: IocbFlags,
    /// On whose behalf.
    pub context: Context,
}

impl Kiocb {
    /// An ordinary direct I/O of a user.
    pub const USER: Self = Self { flags: IocbFlags::empty(), context: Context::User };

    fn intent(self, direction: Direction) -> Intent {
        let mut intent = Intent::DIRECT;
        intent.set(Intent::WRITE, direction == Direction::Write);
        intent.set(Intent::SWAP, self.flags.contains(IocbFlags::SWAP));
        intent.set(Intent::NOWAIT, self.flags.contains(IocbFlags::NOWAIT));
        intent
    }

    /// A completion belongs to the swap I/O that caused it, so that "no transaction at completion"
    /// can be audited; otherwise it is a completion like any other.
    const fn completion_context(self) -> Context {
        if self.context.is_swap_io() { self.context } else { Context::Completion }
    }
}

/// Reads or writes `transfer` directly. Returns the bytes transferred: all of them.
///
/// Holes and unwritten blocks read as zeros. The pages are back in `transfer`, in order, whatever
/// the outcome. This function knows no file size: the caller limits reads to it.
///
/// # Errors
/// [`IoFailure`] of the first byte concerned. The whole transfer counts as failed: `end_io` is not
/// called, so blocks that were unwritten stay so.
pub fn dio_rw<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    transfer: &mut Transfer<D::Page>,
    iocb: Kiocb,
) -> Result<u64, IoFailure> {
    let (pos, direction) = (transfer.pos, transfer.direction);
    let bytes = transfer_bytes(pos, transfer.pages.len())?;
    let tracer = device.tracer();
    let context = iocb.context;
    tracer.emit(Event::IoBegin { engine: Engine::Dio, direction, context, pos, bytes });
    let result = transfer_all(ops, device, inode, transfer, iocb).and_then(|end| match direction {
        Direction::Read => Ok(()),
        Direction::Write => finish_write(ops, device, inode, pos, bytes, end, iocb),
    });
    tracer.emit(outcome(Engine::Dio, pos, bytes, result));
    result.map(|()| bytes)
}

/// The event that ends an I/O.
pub(crate) fn outcome(
    engine: Engine,
    pos: u64,
    bytes: u64,
    result: Result<(), IoFailure>,
) -> Event {
    match result {
        Ok(()) => Event::IoEnd { engine, pos, bytes },
        Err(IoFailure { errno, pos, learned_by, kind, .. }) => {
            Event::IoFailed { engine, errno, kind, learned_by, pos }
        }
    }
}

fn transfer_all<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    transfer: &mut Transfer<D::Page>,
    iocb: Kiocb,
) -> Result<DioEnd, IoFailure> {
    let mut pool = BioPool::from_heap(transfer.pages.len());
    let (pos, direction) = (transfer.pos, transfer.direction);
    let mut carrier = Carrier::new(device, direction, &mut transfer.pages, &mut pool);
    let mut end = DioEnd::empty();
    let submitted = submit_pieces(ops, device, inode, pos, &mut carrier, &mut end, iocb);
    // Pages on their way come first in the file, so does their failure.
    carrier.finish().and(submitted).map(|()| end)
}

/// Asks for mappings and sends pages until none is left, or one cannot go.
pub(crate) fn submit_pieces<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    start: u64,
    carrier: &mut Carrier<'_, D>,
    end: &mut DioEnd,
    iocb: Kiocb,
) -> Result<(), IoFailure> {
    let intent = iocb.intent(carrier.direction());
    let mut pos = start;
    loop {
        let left = (carrier.left() as u64).saturating_mul(PAGE);
        if left == 0 {
            return Ok(());
        }
        let map = ask(ops, device.tracer(), inode, pos, left, intent, iocb.context)?;
        let piece = send_piece(carrier, &map, pos, intent, end);
        let ended = ops.iomap_end(inode, &map, piece.unwrap_or(0), intent, iocb.context);
        let sent = piece?;
        ended.map_err(|errno| IoFailure::filesystem(errno, pos, FailureKind::EndIo))?;
        // A bio that the device did not take is reported by the carrier.
        let wanted = left.min(pages_from(&map, pos).unwrap_or(0).saturating_mul(PAGE));
        if sent < wanted {
            return Ok(());
        }
        pos = pos.saturating_add(sent);
    }
}

/// Sends the pages that `map` covers from `pos` on. Returns the bytes that left.
fn send_piece<D: BlockDevice>(
    carrier: &mut Carrier<'_, D>,
    map: &Iomap,
    start: u64,
    intent: Intent,
    end: &mut DioEnd,
) -> Result<u64, IoFailure> {
    let is_write = intent.contains(Intent::WRITE);
    let bad = || IoFailure::library(Errno::EIO, start, FailureKind::BadMapping);
    let mut pages = usize::try_from(pages_from(map, start).ok_or_else(bad)?).unwrap_or(usize::MAX);
    pages = pages.min(carrier.left());
    let has_data = match map.kind {
        MapKind::Mapped => true,
        MapKind::Unwritten => is_write,
        // Nowhere to write to: the callback should have allocated.
        MapKind::Hole | MapKind::Delalloc if is_write => return Err(bad()),
        MapKind::Hole | MapKind::Delalloc => false,
    };
    if is_write {
        end.set(
            DioEnd::UNWRITTEN,
            end.contains(DioEnd::UNWRITTEN) || map.kind == MapKind::Unwritten,
        );
        end.set(DioEnd::COW, end.contains(DioEnd::COW) || map.flags.contains(MapFlags::SHARED));
    }
    let mut pos = start;
    while pages > 0 {
        let count = pages.min(carrier.bio_pages_max());
        if has_data {
            let block = block_at(map, pos).ok_or_else(bad)?;
            if !carrier.send(pos, block, count) {
                break;
            }
        } else {
            carrier.zero(pos, count);
        }
        pages -= count;
        pos = pos.saturating_add((count as u64).saturating_mul(PAGE));
    }
    Ok(pos.saturating_sub(start))
}

pub(crate) fn finish_write<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    pos: u64,
    length: u64,
    end: DioEnd,
    iocb: Kiocb,
) -> Result<(), IoFailure> {
    let context = iocb.completion_context();
    device.tracer().emit(Event::EndIo { end, context, pos, length });
    let result = ops.end_io(inode, pos, length, end, context);
    device.tracer().emit(Event::EndIoDone { errno: result.err(), pos });
    result.map_err(|errno| IoFailure::filesystem(errno, pos, FailureKind::EndIo))
}
