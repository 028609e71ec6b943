//! The mapping contract between a filesystem, direct I/O and swap.
//!
//! The *loop* lives here, the *mapping* in the filesystem: [`IomapOps::iomap_begin`] answers where a
//! file range is, and the library builds the bios. Two loops matter to this project: `dio_rw` (Linux
//! `iomap_dio_rw`, with the filesystem's `end_io`) and `swap_rw` (the `iomap_swap_rw` that the 2021
//! mail proposes: pure overwrite, nothing to complete).
//!
//! `guest-fs` implements these traits and knows no swap; `swap-path` uses them and knows no
//! filesystem.
//!
//! Buffered I/O goes through the [`PageCache`] ([`Buffered`]: read, write, zero, unshare, writeback by ioends).
//!
//! What this crate does not do: no locking, no policy about which range may be mapped, no mmap.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod activate;
mod buffered;
mod cache;
mod carrier;
mod dio;
mod errno;
pub mod events;
mod failure;
mod iter;
mod map;
mod ops;
mod piece;
mod pool;
mod request;
mod swap;
mod swapfile;
#[cfg(test)]
mod tests;

pub use activate::{
    ActivateError, ActivateReason, SwapExtent, SwapExtents, swapfile_activate,
    swapfile_activate_traced,
};
pub use buffered::{Buffered, BufferedOps, Ioend, IoendKind, WritebackOps};
pub use cache::{ErrCursor, ErrSeq, PageCache};
pub use dio::{Dio, IocbFlags, Kiocb, dio_rw};
pub use errno::Errno;
pub use failure::{FailureKind, IoFailure, SwapRefusal};
pub use iter::Iter;
pub use map::{Context, Direction, Intent, Iomap, MapFlags, MapKind, Transfer};
pub use ops::{DioEnd, DioOps, IomapOps, SwapHost};
pub use pool::BioPool;
pub use request::{
    Request, dio_complete, dio_submit, direct_complete, direct_submit, swap_complete, swap_submit,
};
pub use swap::swap_rw;
pub use swapfile::{SplitSwapFile, SwapFile};
