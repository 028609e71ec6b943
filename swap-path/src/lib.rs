//! Swap: areas and slots, an anonymous address space that is larger than its memory, and the paths
//! that a page can take to a swap file and back.
//!
//! ```text
//! load/store -> UserMemory -> page fault -> Mm -> reclaim / swap-in -> SwapArea -> SwapIo
//!                                                       extents ----> block device
//!                                                       dio...  ----> iomap::dio_rw  (DIO mapping)
//!                                                       swap    ----> iomap::swap_rw (swap mapping)
//!                                                       net     ----> iomap::SwapFile, whatever it is
//! ```
//!
//! [`mkswap`] writes a header, [`swapon`] makes a [`SwapArea`], [`Mm::add_area`] puts it to use, and
//! [`Mm::swapoff`] brings everything back.
//!
//! What this crate does not do: it knows no filesystem (only `iomap`), resolves no path names, and
//! judges nothing: what happened is in the trace ([`events`]).
//!
//! Invariant: everything that a fault, a reclaim or a swap I/O needs is allocated in [`Mm::new`],
//! [`Mm::add_area`] and [`swapon`]. The containers used afterwards refuse to grow. (What `dio_rw`
//! allocates below is its own affair, and one of the things that the laboratory shows.)
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod area;
mod bugs;
pub mod events;
mod fixed;
mod frame_id;
mod mm;
mod path;
mod pressure;

pub use area::{
    Activation, AreaId, HeaderError, LABEL_BYTES_MAX, MkswapError, SwapArea, SwapEntry, SwapHeader,
    SwaponError, SwaponOptions, mkswap, swapon, swapon_file, swapon_with,
};
pub use bugs::{Bug, Bugs};
pub use mm::{
    FOLIO_ORDER_MAX, ForkError, Mm, MmConfig, MmError, MmKnobs, MmStats, PageView, PoisonedPage,
    Pressure, ReclaimPolicy, SwapoffError, SwapoffReport, Watermarks,
};
pub use path::{
    CLUSTER_PAGES_MAX, IO_PAGES_MAX, PathKind, SplitIo, SwapIo, SwapKnobs, UnknownPath,
};
pub use pressure::{TaskMm, TaskMmConfig, TaskMmError};
