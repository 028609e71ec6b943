//! The ways from a slot to the device, behind one interface.
//!
//! A further path (a knob of a present one, or a file without a block device) is one more file here
//! with one more implementation of [`SwapIo`], and one more [`PathKind`].

mod dio;
mod dio_locked;
mod dio_raw;
mod dio_swapmap;
mod engine;
mod extents;
mod knobs;
mod net;
mod swap;

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use hal::DmaBuf;
use iomap::{Context, Direction, IoFailure, Request};

pub(crate) use dio::DioPath;
pub(crate) use dio_locked::DioLockedPath;
pub(crate) use dio_raw::DioRawPath;
pub(crate) use dio_swapmap::DioSwapMapPath;
pub(crate) use extents::ExtentsPath;
pub use knobs::SwapKnobs;
pub(crate) use net::NetPath;
pub(crate) use swap::SwapPath;

/// The most single pages that one swap I/O takes together (Linux `SWAP_CLUSTER_MAX`).
pub const CLUSTER_PAGES_MAX: usize = 32;

/// The most pages of one swap I/O: those of the largest folio, 2 MiB. Every pool is made for it.
pub const IO_PAGES_MAX: usize = 1 << crate::mm::FOLIO_ORDER_MAX;

/// Which way swap I/O takes. The numbers are part of the trace format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PathKind {
    /// The block map is copied at swapon; I/O goes straight to the device.
    Extents = 1,
    /// `iomap::dio_rw` with the filesystem's DIO callbacks and `IOCB_SWAP`.
    Dio = 2,
    /// `iomap::swap_rw` with the filesystem's swap callbacks.
    Swap = 3,
    /// As [`PathKind::Dio`] without `end_io`.
    DioRaw = 4,
    /// As [`PathKind::Dio`] under the inode's I/O lock.
    DioLocked = 5,
    /// `iomap::dio_rw` with the filesystem's swap mapping, which honours a shutdown here.
    DioSwapMap = 6,
    /// A file of a remote filesystem, which has no block device.
    Net = 7,
}

impl PathKind {
    /// Every path, in report order.
    pub const ALL: &'static [Self] = &[
        Self::Extents,
        Self::DioRaw,
        Self::Dio,
        Self::DioLocked,
        Self::DioSwapMap,
        Self::Swap,
        Self::Net,
    ];

    /// Every path of a file on a block device, in report order.
    pub const LOCAL: &'static [Self] = match Self::ALL {
        [local @ .., Self::Net] => local,
        _ => Self::ALL,
    };

    /// The name at the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Extents => "extents",
            Self::Dio => "dio",
            Self::Swap => "swap",
            Self::DioRaw => "dio-raw",
            Self::DioLocked => "dio-locked",
            Self::DioSwapMap => "dio-swapmap",
            Self::Net => "net",
        }
    }

    /// The path promises that no transaction, lock, allocation of blocks or log wait happens inside
    /// its I/O.
    #[must_use]
    pub const fn is_pure_overwrite(self) -> bool {
        matches!(self, Self::Extents | Self::DioSwapMap | Self::Swap)
    }

    /// I/O goes through the direct-I/O engine, which takes memory at each submission and makes its workqueue at the first
    /// write of the mount (Linux `struct iomap_dio`, `sb->s_dio_done_wq`).
    #[must_use]
    pub const fn is_direct_io(self) -> bool {
        matches!(self, Self::Dio | Self::DioRaw | Self::DioLocked | Self::DioSwapMap)
    }

    /// The path with this number, if there is one.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == number)
    }
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No path has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPath;

impl fmt::Display for UnknownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown swap path: known are")?;
        for (index, kind) in PathKind::ALL.iter().enumerate() {
            write!(f, "{} {kind}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownPath {}

impl FromStr for PathKind {
    type Err = UnknownPath;

    fn from_str(name: &str) -> Result<Self, UnknownPath> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or(UnknownPath)
    }
}

/// Swap I/O on one active swap file.
///
/// An implementation owns whatever memory its I/O needs; [`crate::swapon`] makes it, and `rw` must
/// ask nobody for more.
pub trait SwapIo<P: DmaBuf> {
    /// Which path this is.
    fn kind(&self) -> PathKind;

    /// Reads or writes `pages` from slot `slot` on: page `i` belongs to slot `slot + i`. There are 1
    /// to [`IO_PAGES_MAX`] pages. Every page is back in `pages`, in order, whatever the outcome.
    ///
    /// # Errors
    /// [`IoFailure`]: the whole transfer counts as failed. After a failed read the pages' content
    /// is undefined; after a failed write that of the slots is.
    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<P>,
        context: Context,
    ) -> Result<(), IoFailure>;

    /// The same I/O in two halves, for reclaim that does not wait; `None` if the path has no such form.
    fn split(&self) -> Option<&dyn SplitIo<P>> {
        None
    }

    /// True if a folio may be given slots as a whole, to be written by one call of `rw`. Linux splits
    /// every folio that goes to a swap *file* by the block layer (`SWP_BLKDEV` only).
    fn takes_folios(&self) -> bool {
        true
    }

    /// What the path knows of the file's blocks, in bytes of memory: nothing, if it asks the filesystem.
    fn map_bytes(&self) -> usize {
        0
    }

    /// The last call, at swapoff: lets go of the file. Cannot fail, whatever state the filesystem
    /// is in.
    fn deactivate(&mut self);
}

/// Swap I/O whose completion runs elsewhere: reclaim submits and goes on.
///
/// Any number of requests may be between their halves, and either half may wait as a task: no borrow lasts.
pub trait SplitIo<P: DmaBuf> {
    /// Submits. What fails is told at the completion.
    fn submit(&self, request: &mut Request<P>, context: Context);

    /// Waits for the device and does what the path does then.
    ///
    /// # Errors
    /// As [`SwapIo::rw`].
    fn complete(&self, request: &mut Request<P>, context: Context) -> Result<(), IoFailure>;

    /// The filesystem is asked at submission, so reclaim on behalf of the filesystem must not come here (Linux
    /// `SWP_FS_OPS` in `may_enter_fs`).
    fn enters_filesystem(&self) -> bool;

    /// A write ends in a worker, which may wait for long; otherwise in the interrupt's wake.
    fn completes_in_worker(&self) -> bool;
}

/// The position of a slot in the file.
pub(crate) const fn slot_pos(slot: u32) -> u64 {
    slot as u64 * hal::PAGE_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_path_is_found_by_name_and_number() {
        for kind in PathKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(PathKind::from_u8(*kind as u8), Some(*kind));
        }
    }

    #[test]
    fn an_unknown_path_lists_the_known_ones() {
        let error = "bio".parse::<PathKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown swap path: known are extents, dio-raw, dio, dio-locked, dio-swapmap, swap, net"
        );
    }
}
