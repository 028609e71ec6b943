//! The machine's clock.

use std::time::{Duration, Instant};

use nvme_model::{LabBound, LabClock};

use crate::config::Clock;

/// Nanoseconds since power-on.
#[derive(Debug)]
pub(crate) enum MachineClock {
    /// Moves only when told to.
    Lab(LabClock),
    /// The host's monotonic clock.
    Wall { power_on: Instant },
}

impl MachineClock {
    /// Zero o'clock; `bound` is that of a life in the lab.
    pub(crate) fn new(clock: Clock, bound: LabBound) -> Self {
        match clock {
            Clock::Lab => Self::Lab(LabClock::new(bound)),
            Clock::Wall => Self::Wall { power_on: Instant::now() },
        }
    }

    /// The machine is switched on again: it is zero o'clock.
    pub(crate) fn reset(&mut self) {
        match self {
            Self::Lab(clock) => clock.reset(),
            Self::Wall { power_on } => *power_on = Instant::now(),
        }
    }

    /// When the machine was switched on; `None` in the lab clock.
    pub(crate) fn power_on(&self) -> Option<Instant> {
        match self {
            Self::Lab(_) => None,
            Self::Wall { power_on } => Some(*power_on),
        }
    }

    /// The time now.
    pub(crate) fn now_ns(&self) -> u64 {
        match self {
            Self::Lab(clock) => clock.now_ns,
            Self::Wall { power_on } => nanos(power_on.elapsed()),
        }
    }

    /// The host's time at `at_ns`; `None` in the lab clock, or if it is too far away to be expressed.
    pub(crate) fn host_time(&self, at_ns: u64) -> Option<Instant> {
        match self {
            Self::Lab(_) => None,
            Self::Wall { power_on } => power_on.checked_add(Duration::from_nanos(at_ns)),
        }
    }
}

/// A duration in nanoseconds; 584 years at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
