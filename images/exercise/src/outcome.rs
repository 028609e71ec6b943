//! What a caller of the driver notices.

use alloc::string::String;
use core::fmt;

use nvme_driver::Counters;

/// The whole exercise in a word, the worst thing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A request succeeded and its data is wrong: nobody can know but by looking.
    Silent,
    /// The driver would not start.
    Refused,
    /// The device is given up; every caller was told.
    Gone,
    /// A caller was told of an error, and the device goes on.
    Told,
    /// All is well, but for a shutdown that did not complete.
    Unclean,
    /// All is well, after a retry, a time-out or a reset.
    Recovered,
    /// All is well, and nobody noticed anything.
    Fine,
}

impl Outcome {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Told => "told",
            Self::Unclean => "unclean",
            Self::Recovered => "recovered",
            Self::Fine => "fine",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Why the driver would not start, if it would not.
    pub refusal: Option<String>,
    /// Requests that failed, and how the first of them did.
    pub failed: u32,
    /// The first error.
    pub error: Option<String>,
    /// Blocks whose content is wrong although nobody was told of an error.
    pub wrong: u32,
    /// Whether the device still serves requests.
    pub is_alive: bool,
    /// Whether the controller shut down in order.
    pub is_shut_down: bool,
    /// The driver's own counts.
    pub counters: Counters,
}

impl Report {
    /// The report in a word.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let c = &self.counters;
        let efforts = [c.retries, c.timeouts, c.admin_timeouts, c.resets, c.interrupts_missed];
        if self.wrong > 0 {
            Outcome::Silent
        } else if self.refusal.is_some() {
            Outcome::Refused
        } else if !self.is_alive {
            Outcome::Gone
        } else if self.failed > 0 {
            Outcome::Told
        } else if !self.is_shut_down {
            Outcome::Unclean
        } else if efforts.iter().any(|count| *count > 0) {
            Outcome::Recovered
        } else {
            Outcome::Fine
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counters;
        write!(
            f,
            "exercise: {}; {} failed, {} wrong; {} retries, {} time-outs, {} resets, {} polled late, \
             {} strangers",
            self.outcome().name(),
            self.failed,
            self.wrong,
            c.retries,
            c.timeouts + c.admin_timeouts,
            c.resets,
            c.interrupts_missed,
            c.unknown_cids + c.stale_cids + c.bad_queue_fields,
        )?;
        for text in self.refusal.iter().chain(&self.error) {
            write!(f, "; {text}")?;
        }
        Ok(())
    }
}
