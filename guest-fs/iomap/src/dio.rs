//! Direct I/O: Linux `iomap_dio_rw`, for whole pages.
//!
//! The loop asks for a mapping, sends its bios, asks for the next one, and waits for all of them
//! together. A finished write is told to the filesystem (`end_io`), which may run transactions there:
//! exactly the thing that the mail holds against using this path for swap.
//!
//! Memory for bios comes from the heap, as in Linux. [`Dio`] is the same in two halves, for many I/Os under way.

use bitflags::bitflags;
use block::BlockDevice;
use hal::DmaBuf;

use crate::carrier::{Carrier, Load};
use crate::events::{Engine, Event};
use crate::piece::{PAGE, block_at, pages_from, transfer_bytes};
use crate::pool::BioPool;
use crate::{
    Context, DioEnd, DioOps, Direction, Errno, FailureKind, Intent, IoFailure, Iomap, Iter,
    MapFlags, MapKind, Transfer,
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
        /// Becomes [`Intent::OVERWRITE_ONLY`].
        const OVERWRITE_ONLY = 1 << 2;
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
    /// An ordinary I/O of a user through the page cache.
    pub const USER: Self = Self { flags: IocbFlags::empty(), context: Context::User };

    /// An ordinary direct I/O of a user.
    pub const DIRECT: Self = Self { flags: IocbFlags::empty(), context: Context::Dio };

    fn intent(self, direction: Direction) -> Intent {
        let mut intent = Intent::DIRECT;
        intent.set(Intent::WRITE, direction == Direction::Write);
        intent.set(Intent::SWAP, self.flags.contains(IocbFlags::SWAP));
        intent.set(Intent::NOWAIT, self.is_nowait());
        intent.set(Intent::OVERWRITE_ONLY, self.flags.contains(IocbFlags::OVERWRITE_ONLY));
        intent
    }

    /// What a buffered I/O asks for.
    pub(crate) fn buffered(self, intent: Intent) -> Intent {
        if self.is_nowait() { intent | Intent::NOWAIT } else { intent }
    }

    /// Must the I/O not block?
    pub(crate) const fn is_nowait(self) -> bool {
        self.flags.contains(IocbFlags::NOWAIT)
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
    let (direction, pos) = (transfer.direction, transfer.pos);
    let pages = core::mem::take(&mut transfer.pages);
    let whole = Transfer { direction, pos, pages };
    let (back, result) = Dio::submit(ops, device, inode, whole, iocb).wait(ops, device);
    transfer.pages = back.pages;
    result
}

/// A direct I/O under way (Linux `struct iomap_dio`): it owns its pages until it is waited for.
#[derive(Debug)]
#[must_use = "a direct I/O that nobody waits for loses its pages and its error"]
pub struct Dio<I, P> {
    inode: I,
    direction: Direction,
    pos: u64,
    iocb: Kiocb,
    load: Load<P>,
    pool: BioPool<P>,
    /// What is left to do; or why not everything was sent.
    submitted: Result<DioEnd, IoFailure>,
}

impl<I: Copy + core::fmt::Debug, P: DmaBuf> Dio<I, P> {
    /// Asks for the mappings and sends all bios, without waiting for any. What goes wrong here is told by
    /// [`Dio::wait`], like everything else.
    pub fn submit<O, D>(ops: &O, device: &D, inode: I, transfer: Transfer<P>, iocb: Kiocb) -> Self
    where
        O: DioOps<Inode = I>,
        D: BlockDevice<Page = P>,
    {
        let Transfer { direction, pos, pages } = transfer;
        let bytes = transfer_bytes(pos, pages.len());
        let mut dio = Self {
            inode,
            direction,
            pos,
            iocb,
            pool: BioPool::from_heap(pages.len()),
            load: Load::new(pages),
            submitted: bytes.map(|_| DioEnd::empty()),
        };
        if let Ok(bytes) = bytes {
            let (engine, context) = (Engine::Dio, iocb.context);
            device.tracer().emit(Event::IoBegin { engine, direction, context, pos, bytes });
            ops.allocating(context);
            let carrier = Carrier::new(device, direction, &mut dio.load, &mut dio.pool);
            dio.submitted = send_all(ops, device, inode, pos, iocb, direction, carrier);
        }
        dio
    }

    /// The file.
    pub const fn inode(&self) -> I {
        self.inode
    }

    /// Takes what is back without waiting. True if [`Dio::wait`] would not wait for the device any more (the
    /// filesystem's `end_io` may still).
    pub fn poll<D: BlockDevice<Page = P>>(&mut self, device: &D) -> bool {
        Carrier::new(device, self.direction, &mut self.load, &mut self.pool).poll()
    }

    /// Waits for the device, then lets the filesystem finish a write. Gives the pages back, in order.
    ///
    /// # Errors
    /// As [`dio_rw`].
    pub fn wait<O, D>(mut self, ops: &O, device: &D) -> (Transfer<P>, Result<u64, IoFailure>)
    where
        O: DioOps<Inode = I>,
        D: BlockDevice<Page = P>,
    {
        let (direction, pos, inode, iocb) = (self.direction, self.pos, self.inode, self.iocb);
        let mut carrier = Carrier::new(device, direction, &mut self.load, &mut self.pool);
        // Pages on their way come first in the file, so does their failure.
        let end = carrier.finish().and(self.submitted);
        let pages = self.load.pages;
        let bytes = match transfer_bytes(pos, pages.len()) {
            Ok(bytes) => bytes,
            // It never began.
            Err(failure) => return (Transfer { direction, pos, pages }, Err(failure)),
        };
        let result = end.and_then(|end| match direction {
            Direction::Read => Ok(()),
            Direction::Write => finish_write(ops, device, inode, pos, bytes, end, iocb),
        });
        device.tracer().emit(outcome(Engine::Dio, pos, bytes, result));
        (Transfer { direction, pos, pages }, result.map(|()| bytes))
    }
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

pub(crate) fn send_all<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    pos: u64,
    iocb: Kiocb,
    direction: Direction,
    mut carrier: Carrier<'_, D>,
) -> Result<DioEnd, IoFailure> {
    let intent = iocb.intent(direction);
    let mut end = DioEnd::empty();
    let bytes = (carrier.left() as u64).saturating_mul(PAGE);
    let mut iter = Iter::new(inode, pos, bytes, intent, iocb.context);
    let mut status = Ok(());
    while let Some(map) = iter.next(ops, device.tracer(), status)? {
        status = send_piece(&mut carrier, &mut iter, &map, intent, &mut end);
    }
    Ok(end)
}

/// Sends the pages that `map` covers.
fn send_piece<I: Copy + core::fmt::Debug, D: BlockDevice>(
    carrier: &mut Carrier<'_, D>,
    iter: &mut Iter<I>,
    map: &Iomap,
    intent: Intent,
    end: &mut DioEnd,
) -> Result<(), IoFailure> {
    let start = iter.pos();
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
    while pages > 0 {
        let (pos, count) = (iter.pos(), pages.min(carrier.bio_pages_max()));
        if has_data {
            let block = block_at(map, pos).ok_or_else(bad)?;
            if !carrier.send(pos, block, count) {
                // The carrier knows why, and its word counts: the bytes come first in the file.
                return Err(IoFailure::library(Errno::EIO, pos, FailureKind::Submission));
            }
        } else {
            carrier.zero(pos, count);
        }
        pages -= count;
        iter.advance((count as u64).saturating_mul(PAGE));
    }
    Ok(())
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
