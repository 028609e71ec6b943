//! The events as text: one line each, name, page and slot in fixed columns; and the lines that Linux
//! would put into its kernel log.

use core::fmt;

use super::{Cause, Event};
use crate::{PathKind, SwapEntry};

/// `name`, page (right-aligned in 8), slot (left-aligned in 8).
fn columns(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    page: Option<u64>,
    entry: Option<SwapEntry>,
) -> fmt::Result {
    write!(f, "{name:<14} ")?;
    match page {
        Some(page) => write!(f, "page {page:>8} ")?,
        None => write!(f, "{:13} ", "")?,
    }
    match entry {
        Some(SwapEntry { area, slot }) => write!(f, "slot {:>3}:{slot:<8}", area.0),
        None => write!(f, "{:17}", ""),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fault { page, access } => {
                columns(f, "fault", Some(page), None)?;
                write!(f, " {access:?}")
            }
            Self::DemandZero { page } => columns(f, "demand-zero", Some(page), None),
            Self::SlotAlloc { page, entry } => columns(f, "slot-alloc", Some(page), Some(entry)),
            Self::SlotFree { page, entry } => columns(f, "slot-free", Some(page), Some(entry)),
            Self::CleanDrop { page, entry } => columns(f, "clean-drop", Some(page), entry),
            Self::NoSlot { page } => columns(f, "no-slot", Some(page), None),
            Self::SlotShare { page, entry } => columns(f, "slot-share", Some(page), Some(entry)),
            Self::Unshare { page, entry } => columns(f, "unshare", Some(page), Some(entry)),
            Self::CacheHit { page, entry } => columns(f, "cache-hit", Some(page), Some(entry)),
            Self::ZeroIn { page, entry } => columns(f, "zero-in", Some(page), Some(entry)),
            Self::FolioSplit { page, pages } => {
                columns(f, "folio-split", Some(page), None)?;
                write!(f, " {pages} pages")
            }
            Self::Fork { parent, child, pages } => {
                columns(f, "fork", Some(parent), None)?;
                write!(f, " {pages} pages to page {child}")
            }
            Self::Discard { page } => columns(f, "discard", Some(page), None),
            Self::WriteError { page, entry, cause } => {
                columns(f, "write-error", Some(page), Some(entry))?;
                write!(f, " {cause}")
            }
            Self::ReadError { page, entry, cause } => {
                columns(f, "read-error", Some(page), Some(entry))?;
                write!(f, " {cause}")
            }
            Self::Poison { page, entry, cause } => {
                columns(f, "poison", Some(page), Some(entry))?;
                write!(f, " {cause}")
            }
            Self::BusError { page, access, reason } => {
                columns(f, "bus-error", Some(page), None)?;
                write!(f, " {access:?} {reason:?}")
            }
            Self::ReserveUsed { page, resident_pages } => {
                columns(f, "reserve-used", Some(page), None)?;
                write!(f, " {resident_pages} resident")
            }
            Self::OutOfMemory { page, resident_pages } => {
                columns(f, "out-of-memory", Some(page), None)?;
                write!(f, " {resident_pages} resident")
            }
            _ => self.fmt_io_or_area(f),
        }
    }
}

impl Event {
    fn fmt_io_or_area(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, entry, pages, outcome) = match *self {
            Self::SwapOutBegin { entry, pages } => ("swap-out", entry, pages, None),
            Self::SwapInBegin { entry, pages } => ("swap-in", entry, pages, None),
            Self::CacheDrop { entry, pages } => ("cache-drop", entry, pages, None),
            Self::ZeroOut { entry, pages } => ("zero-out", entry, pages, None),
            Self::SwapOutEnd { entry, pages, error } => ("swap-out-end", entry, pages, Some(error)),
            Self::SwapInEnd { entry, pages, error } => ("swap-in-end", entry, pages, Some(error)),
            _ => return self.fmt_area(f),
        };
        columns(f, name, None, Some(entry))?;
        write!(f, " {pages} pages")?;
        match outcome {
            None => Ok(()),
            Some(None) => f.write_str(" done"),
            Some(Some(errno)) => write!(f, " {errno}"),
        }
    }

    fn fmt_area(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SwapOn { area, path, pages } => {
                columns(f, "swap-on", None, None)?;
                write!(f, " area {area} by {path}, {pages} pages")
            }
            Self::SwapOffBegin { area, path, pages } => {
                columns(f, "swap-off", None, None)?;
                write!(f, " area {area} by {path}, {pages} slots in use")
            }
            Self::SwapOff { area, path, pages_read, pages_lost } => {
                columns(f, "swap-off-end", None, None)?;
                write!(f, " area {area} by {path}, {pages_read} pages read, {pages_lost} lost")
            }
            _ => Ok(()),
        }
    }

    /// The line that Linux would put into its kernel log, for the events that have one.
    #[must_use]
    pub fn kernel_log(&self) -> Option<KernelLog> {
        match *self {
            Self::WriteError { entry, cause, .. } => {
                Some(KernelLog { is_write: true, entry, cause })
            }
            Self::ReadError { entry, cause, .. } => {
                Some(KernelLog { is_write: false, entry, cause })
            }
            _ => None,
        }
    }
}

/// A line of the kernel log. Linux names the device by number; here it is `area:slot`.
#[derive(Clone, Copy, Debug)]
pub struct KernelLog {
    is_write: bool,
    entry: SwapEntry,
    cause: Cause,
}

impl fmt::Display for KernelLog {
    /// Linux `end_swap_bio_write`, `sio_write_complete`, `end_swap_bio_read`, `sio_read_complete`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_write, self.cause.path) {
            (false, _) => write!(f, "Read-error on swap-device ({})", self.entry),
            (true, PathKind::Extents) => write!(f, "Write-error on swap-device ({})", self.entry),
            (true, _) => write!(
                f,
                "Write error -{} on dio swapfile ({})",
                self.cause.errno.number(),
                crate::path::slot_pos(self.entry.slot)
            ),
        }
    }
}
