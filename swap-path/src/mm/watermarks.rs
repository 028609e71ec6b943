//! When to reclaim in the background (Linux `zone_watermark_ok`, `kswapd`): data, and no task.

use block::BlockDevice;
use hal::UserMemory;

use super::{Mm, MmError};

/// Numbers of free frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// Below it, frames are for reclaim itself and for those without whom it cannot go on
    /// (`PF_MEMALLOC`): the reserve.
    pub min_pages: usize,
    /// Below it, whoever reclaims in the background starts.
    pub low_pages: usize,
    /// From it on, he stops.
    pub high_pages: usize,
}

/// How short of frames the address space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// At least `high_pages` free.
    None,
    /// Fewer, but nobody has to start.
    Some,
    /// Fewer than `low_pages`: background reclaim has work.
    Low,
    /// Not more than `min_pages`: who needs a frame reclaims for himself.
    Min,
}

impl Watermarks {
    /// Linux's proportions: low and high are a quarter and a half of the reserve above it, at least one
    /// and two pages.
    #[must_use]
    pub fn of(resident_pages_max: usize, reserve_pages: usize) -> Self {
        let step = (reserve_pages / 4).max(1).min(resident_pages_max / 2);
        let (low_pages, high_pages) = (reserve_pages + step, reserve_pages + 2 * step);
        Self { min_pages: reserve_pages, low_pages, high_pages }
    }

    pub(super) fn check(self, frames: usize) -> Result<(), MmError> {
        let rises = self.min_pages <= self.low_pages && self.low_pages <= self.high_pages;
        if rises && self.high_pages <= frames { Ok(()) } else { Err(MmError::Watermarks(self)) }
    }
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Frames that hold nothing.
    #[must_use]
    pub fn free_pages(&self) -> usize {
        self.frames.free_len()
    }

    /// Where that is between the watermarks.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        let (free, marks) = (self.free_pages(), &self.config.watermarks);
        match free {
            _ if free <= marks.min_pages => Pressure::Min,
            _ if free < marks.low_pages => Pressure::Low,
            _ if free < marks.high_pages => Pressure::Some,
            _ => Pressure::None,
        }
    }

    /// Pages to evict until background reclaim may stop.
    #[must_use]
    pub fn pages_to_high(&self) -> usize {
        self.config.watermarks.high_pages.saturating_sub(self.free_pages())
    }
}
