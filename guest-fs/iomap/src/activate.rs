//! Is this file fit for swap, and where are its blocks? (Linux `iomap_swapfile_activate`.)

use alloc::vec::Vec;
use core::fmt;

use hal::Tracer;

use crate::events::Event;
use crate::piece::{PAGE, ask, block_at, pages_from};
use crate::{Context, Errno, Intent, Iomap, MapFlags, MapKind, SwapHost};

/// A run of swap pages that is a run of device blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapExtent {
    /// The first page in the file (page 0 is the swap header).
    pub start_page: u64,
    /// How many pages.
    pub nr_pages: u64,
    /// The device block of the first page.
    pub start_block: u64,
}

/// Where all pages of a swap file are, in file order, neighbours merged.
pub type SwapExtents = Vec<SwapExtent>;

/// Why a file cannot be a swap file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ActivateReason {
    /// Bringing the file to media failed.
    Sync = 1,
    /// The size could not be had.
    Size = 2,
    /// The mapping callback refused.
    Map = 3,
    /// A part has no blocks.
    Unallocated = 4,
    /// The mapping is not on media yet.
    NotCommitted = 5,
    /// A part is shared with another file.
    Shared = 6,
    /// No whole page.
    NoUsablePage = 7,
    /// A remote file has fewer blocks than its size needs.
    Holes = 8,
}

impl ActivateReason {
    /// The reason with this number, if there is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Sync,
            2 => Self::Size,
            3 => Self::Map,
            4 => Self::Unallocated,
            5 => Self::NotCommitted,
            6 => Self::Shared,
            7 => Self::NoUsablePage,
            8 => Self::Holes,
            _ => return None,
        })
    }

    /// Linux's text, where it has one.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Sync => "file could not be brought to media",
            Self::Size => "file has no size",
            Self::Map => "file could not be mapped",
            Self::Unallocated => "file has unallocated extents",
            Self::NotCommitted => "file is not committed",
            Self::Shared => "file has shared extents",
            Self::NoUsablePage => "Cannot find a single usable page in file.",
            Self::Holes => "swapfile has holes",
        }
    }
}

/// A file that cannot be a swap file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivateError {
    /// What swapon(2) gives.
    pub errno: Errno,
    /// Why.
    pub reason: ActivateReason,
    /// The first byte in the file that is concerned.
    pub pos: u64,
}

impl fmt::Display for ActivateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "swapon: {} ({} at byte {})", self.reason.text(), self.errno, self.pos)
    }
}

impl core::error::Error for ActivateError {}

/// Brings the file to media, walks its map and checks every piece of it.
///
/// Does not claim the file: the caller does, before or after. The tail that is no whole page is
/// left out.
///
/// # Errors
/// [`ActivateError`] with the errno and text of Linux.
pub fn swapfile_activate<H: SwapHost>(
    host: &H,
    inode: H::Inode,
) -> Result<SwapExtents, ActivateError> {
    activate(host, inode, &Tracer::none())
}

/// [`swapfile_activate`] that says in the trace what it asked and found.
///
/// # Errors
/// As [`swapfile_activate`].
pub fn swapfile_activate_traced<H: SwapHost>(
    host: &H,
    inode: H::Inode,
    tracer: &Tracer,
) -> Result<SwapExtents, ActivateError> {
    let result = activate(host, inode, tracer);
    tracer.emit(match &result {
        Ok(extents) => Event::Activated {
            extents: u32::try_from(extents.len()).unwrap_or(u32::MAX),
            pages: extents.iter().map(|extent| extent.nr_pages).fold(0, u64::saturating_add),
        },
        Err(error) => Event::ActivateRefused {
            errno: error.errno,
            reason: error.reason as u8,
            pos: error.pos,
        },
    });
    result
}

fn activate<H: SwapHost>(
    host: &H,
    inode: H::Inode,
    tracer: &Tracer,
) -> Result<SwapExtents, ActivateError> {
    let at = |errno, reason, pos| ActivateError { errno, reason, pos };
    host.sync(inode).map_err(|errno| at(errno, ActivateReason::Sync, 0))?;
    let size = host.size_bytes(inode).map_err(|errno| at(errno, ActivateReason::Size, 0))?;
    let end = size / PAGE * PAGE;
    let mut extents = Vec::new();
    let mut pos = 0;
    while pos < end {
        let intent = Intent::REPORT | Intent::SWAP;
        let map = ask(host.swap_ops(), tracer, inode, pos, end - pos, intent, Context::Activation)
            .map_err(|failure| at(failure.errno, ActivateReason::Map, pos))?;
        let block = usable_block(&map, pos).map_err(|why| at(Errno::EINVAL, why, pos))?;
        let nr_pages = pages_from(&map, pos).unwrap_or(0).min((end - pos) / PAGE);
        add_extent(
            &mut extents,
            SwapExtent { start_page: pos / PAGE, nr_pages, start_block: block },
        );
        // `ask` made sure of at least one page, so this loop ends.
        pos += nr_pages.max(1) * PAGE;
    }
    if extents.is_empty() {
        return Err(at(Errno::EINVAL, ActivateReason::NoUsablePage, 0));
    }
    Ok(extents)
}

/// Linux `iomap_swapfile_iter`: the checks of one piece, in its order.
fn usable_block(map: &Iomap, pos: u64) -> Result<u64, ActivateReason> {
    if !matches!(map.kind, MapKind::Mapped | MapKind::Unwritten) {
        return Err(ActivateReason::Unallocated);
    }
    if map.flags.contains(MapFlags::DIRTY) {
        return Err(ActivateReason::NotCommitted);
    }
    if map.flags.contains(MapFlags::SHARED) {
        return Err(ActivateReason::Shared);
    }
    block_at(map, pos).ok_or(ActivateReason::Unallocated)
}

fn add_extent(extents: &mut SwapExtents, next: SwapExtent) {
    if let Some(last) = extents.last_mut()
        && last.start_page + last.nr_pages == next.start_page
        && last.start_block.checked_add(last.nr_pages) == Some(next.start_block)
    {
        last.nr_pages += next.nr_pages;
        return;
    }
    extents.push(next);
}
