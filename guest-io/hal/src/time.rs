//! Time as the guest knows it.

use core::ops::{Add, Sub};
use core::time::Duration;

/// Nanoseconds since the machine was switched on.
///
/// In the lab clock this is virtual time: it moves only inside [`crate::Platform::wait`]. It is never
/// the wall clock of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the machine was switched on.
    pub const BOOT: Self = Self(0);

    /// Later than every deadline: waiting until then means waiting for the interrupt alone.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after boot.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since boot.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment `span` later; [`Instant::NEVER`] at the latest.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::NEVER`].
    fn add(self, span: Duration) -> Self {
        self.after(span)
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The span from `earlier` to `self`; zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_past_the_end_of_time_stays_never() {
        assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
    }

    #[test]
    fn a_negative_span_is_zero() {
        assert_eq!(Instant::BOOT - Instant::from_nanos(5), Duration::ZERO);
    }
}
