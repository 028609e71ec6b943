//! What swapoff says.

use alloc::vec::Vec;
use core::fmt;

use hal::UserPage;
use iomap::Errno;

use crate::events::Cause;
use crate::{AreaId, PathKind, SwapEntry};

/// A page that swapoff could not bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoisonedPage {
    /// The page; every access to it is a bus error from now on.
    pub page: UserPage,
    /// Where it was.
    pub entry: SwapEntry,
    /// Why it was not read, and who learned of it first.
    pub cause: Cause,
}

/// What swapoff did. It succeeds even if pages were lost, as in Linux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapoffReport {
    /// The area that is off.
    pub area: AreaId,
    /// The path that it used.
    pub path: PathKind,
    /// Pages that were read back.
    pub pages_read: u64,
    /// Pages that were in memory, with a slot.
    pub pages_cached: u64,
    /// Pages that could not be read, in slot order.
    pub poisoned: Vec<PoisonedPage>,
}

/// Why nothing was turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapoffError {
    /// No such area is active.
    NotActive(AreaId),
    /// There is no memory for the pages that would come back.
    OutOfMemory {
        /// Pages in the area.
        pages: u64,
    },
}

impl SwapoffError {
    /// What swapoff(2) gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::NotActive(_) => Errno::EINVAL,
            Self::OutOfMemory { .. } => Errno::ENOMEM,
        }
    }
}

impl fmt::Display for SwapoffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive(area) => write!(f, "swapoff: no active area {area}"),
            Self::OutOfMemory { pages } => {
                write!(f, "swapoff: no memory for the {pages} pages in the area")
            }
        }
    }
}

impl core::error::Error for SwapoffError {}
