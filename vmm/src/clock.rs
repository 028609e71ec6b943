//! The machine's clock.

use std::time::{Duration, Instant};

use crate::config::Clock;

/// Nanoseconds since the machine was first switched on. A power cycle does not turn it back.
#[derive(Debug)]
pub(crate) enum MachineClock {
    /// Moves only when told to.
    Lab { now_ns: u64 },
    /// The host's monotonic clock.
    Wall { power_on: Instant },
}

impl MachineClock {
    pub(crate) fn new(clock: Clock) -> Self {
        match clock {
            Clock::Lab => Self::Lab { now_ns: 0 },
            Clock::Wall => Self::Wall {
                power_on: Instant::now(),
            },
        }
    }

    /// The time now.
    pub(crate) fn now_ns(&self) -> u64 {
        match self {
            Self::Lab { now_ns } => *now_ns,
            Self::Wall { power_on } => nanos(power_on.elapsed()),
        }
    }
}

/// A duration in nanoseconds; 584 years at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
