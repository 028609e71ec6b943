//! One step of a loop over a file range: ask, check that the answer makes sense, say so in the trace.

use block::BLOCK_BYTES;
use hal::Tracer;

use crate::events::Event;
use crate::{Context, Errno, FailureKind, Intent, IoFailure, Iomap, IomapOps};

/// A block in the arithmetic of file positions.
pub(crate) const PAGE: u64 = BLOCK_BYTES as u64;

/// Asks for the mapping at `pos` and makes sure that it covers at least the page that holds it.
///
/// # Errors
/// What the callback refused; `EIO` for an answer that does not cover the page (Linux
/// `iomap_iter_done` warns there).
pub(crate) fn ask<O: IomapOps>(
    ops: &O,
    tracer: &Tracer,
    inode: O::Inode,
    pos: u64,
    length: u64,
    intent: Intent,
    context: Context,
) -> Result<Iomap, IoFailure> {
    tracer.emit(Event::MapAsk { intent, context, pos, length });
    answered(tracer, ops.iomap_begin(inode, pos, length, intent, context), pos)
}

/// Says what the callback answered, and makes sure that it covers at least the page at `pos`.
///
/// # Errors
/// As [`ask`].
#[inline]
pub(crate) fn answered(
    tracer: &Tracer,
    answer: Result<Iomap, Errno>,
    pos: u64,
) -> Result<Iomap, IoFailure> {
    match answer {
        Err(errno) => {
            tracer.emit(Event::MapRefused { errno, pos });
            Err(IoFailure::filesystem(errno, pos, FailureKind::MapRefused))
        }
        Ok(map) => {
            tracer.emit(Event::answer(&map));
            match pages_from(&map, pos / PAGE * PAGE) {
                Some(1..) => Ok(map),
                _ => Err(IoFailure::library(Errno::EIO, pos, FailureKind::BadMapping)),
            }
        }
    }
}

/// Whole pages that `map` covers from `pos` on; `None` if it starts later or its numbers overflow.
pub(crate) fn pages_from(map: &Iomap, pos: u64) -> Option<u64> {
    let end = map.offset.checked_add(map.length)?;
    let inside = pos.checked_sub(map.offset)?;
    if !inside.is_multiple_of(PAGE) {
        return None;
    }
    Some(end.checked_sub(pos)? / PAGE)
}

/// The device block that holds byte `pos` of the file; `None` if there is none.
pub(crate) fn block_at(map: &Iomap, pos: u64) -> Option<u64> {
    map.block?.checked_add(pos.checked_sub(map.offset)? / PAGE)
}

/// The length of a transfer in bytes.
///
/// # Errors
/// `EINVAL` for one that is empty, not page-aligned, or leaves the address space.
pub(crate) fn transfer_bytes(pos: u64, pages: usize) -> Result<u64, IoFailure> {
    let bytes = u64::try_from(pages).ok().and_then(|pages| pages.checked_mul(PAGE));
    match bytes {
        Some(bytes @ 1..) if pos.is_multiple_of(PAGE) && pos.checked_add(bytes).is_some() => {
            Ok(bytes)
        }
        _ => Err(IoFailure::library(Errno::EINVAL, pos, FailureKind::Misaligned)),
    }
}
