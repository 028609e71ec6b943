//! Where the controller stands in its life.

use core::time::Duration;

use hal::Instant;

use crate::configure::Step;
use crate::error::{Error, Stage};

/// The first pause between two looks at what has no interrupt.
pub(crate) const PAUSE_MIN: Duration = Duration::from_micros(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(10);

/// Where the controller stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// CC.EN = 0 was written: waiting for RDY = 0.
    Disabling(Poll),
    /// CC.EN = 1 was written: waiting for RDY = 1.
    Enabling(Poll),
    /// An admin command of the set-up is in flight.
    Configuring(Step),
    /// I/O flows.
    Live,
    /// CC.SHN was written: waiting for SHST.
    ShuttingDown(Poll),
    /// The end: nothing is sent any more.
    Ended(Error),
}

/// Looking at a register now and then, with growing pauses, until a deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Poll {
    pub(crate) next: Instant,
    pause: Duration,
    deadline: Instant,
    timeout: Duration,
}

impl Poll {
    /// Looks at once, and at the latest `timeout` from `now`.
    pub(crate) fn new(now: Instant, timeout: Duration) -> Self {
        Self { next: now, pause: PAUSE_MIN, deadline: now.after(timeout), timeout }
    }

    /// The state was not reached yet: when to look again.
    pub(crate) fn again(self, now: Instant, stage: Stage) -> Result<Self, Error> {
        if now >= self.deadline {
            return Err(Error::NotReady { stage, timeout: self.timeout });
        }
        if now < self.next {
            return Ok(self);
        }
        let pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        Ok(Self { next: (now.after(self.pause)).min(self.deadline), pause, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_ends_at_the_deadline_after_a_bounded_number_of_looks() {
        let timeout = Duration::from_millis(500 * 256);
        let (mut now, mut looks) = (Instant::from_nanos(7), 0);
        let mut poll = Poll::new(now, timeout);
        let error = loop {
            now = poll.next;
            looks += 1;
            match poll.again(now, Stage::Enable) {
                Ok(next) => poll = next,
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::NotReady { stage: Stage::Enable, timeout });
        assert_eq!(now - Instant::from_nanos(7), timeout);
        assert!((12_000..13_000).contains(&looks), "{looks}");
    }
}
