//! Ticks of the time-stamp counter to nanoseconds.

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The rate of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickRate {
    ticks_per_second: u64,
}

impl TickRate {
    /// A known rate.
    ///
    /// # Panics
    /// If it is zero.
    #[must_use]
    pub fn new(ticks_per_second: u64) -> Self {
        assert!(ticks_per_second > 0, "a clock that stands still");
        Self { ticks_per_second }
    }

    /// The rate measured as `ticks` in `nanos`; `None` if the counter stood still.
    #[must_use]
    pub fn measured(ticks: u64, nanos: u64) -> Option<Self> {
        let rate = u128::from(ticks) * NANOS_PER_SECOND / u128::from(nanos.max(1));
        u64::try_from(rate).ok().filter(|rate| *rate > 0).map(Self::new)
    }

    /// What `ticks` are in nanoseconds, rounded down, saturating.
    #[must_use]
    pub fn nanos(self, ticks: u64) -> u64 {
        let nanos = u128::from(ticks) * NANOS_PER_SECOND / u128::from(self.ticks_per_second);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_nanoseconds_without_overflow() {
        let rate = TickRate::new(2_600_000_000);
        assert_eq!(rate.nanos(26), 10);
        assert_eq!(rate.nanos(u64::MAX), 7_094_901_566_811_366_005);
        assert_eq!(TickRate::new(1).nanos(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_rate_is_measured_and_a_dead_counter_is_noticed() {
        assert_eq!(TickRate::measured(26_000, 10_000), Some(TickRate::new(2_600_000_000)));
        assert_eq!(TickRate::measured(0, 10_000), None);
    }
}
