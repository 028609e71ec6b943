//! What a caller of the driver notices.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use block::BlockError;
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

/// Requests of one sort that failed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was asked for, without blocks and pages.
    pub op: block::Op,
    /// What their callers were told.
    pub error: BlockError,
    /// How many they are; not zero.
    pub count: u32,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many) = match self.op {
            block::Op::Read => ("read", "reads"),
            block::Op::Write { .. } => ("write", "writes"),
            block::Op::Flush => ("flush", "flushes"),
            _ => ("request", "requests"),
        };
        write!(f, "{}: {}", Counted(u64::from(self.count), one, many), self.error)
    }
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Why the driver would not start, if it would not.
    pub refusal: Option<nvme_driver::Error>,
    /// Requests that failed, in the order in which the first of each sort did.
    pub failures: Vec<Failure>,
    /// Blocks whose content is wrong although nobody was told of an error.
    pub wrong: u32,
    /// Whether the device still serves requests.
    pub is_alive: bool,
    /// Why the controller did not shut down in order, if it did not: what the device was given up for, too.
    pub unclean: Option<nvme_driver::Error>,
    /// The driver's own counts.
    pub counters: Counters,
}

impl Report {
    /// Notes that a request failed.
    pub(crate) fn failed(&mut self, op: block::Op, error: BlockError) {
        let is_alike = |failure: &&mut Failure| failure.op == op && failure.error == error;
        match self.failures.iter_mut().find(is_alike) {
            Some(failure) => failure.count += 1,
            None => self.failures.push(Failure { op, error, count: 1 }),
        }
    }

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
        } else if !self.failures.is_empty() {
            Outcome::Told
        } else if self.unclean.is_some() {
            Outcome::Unclean
        } else if efforts.iter().any(|count| *count > 0) {
            Outcome::Recovered
        } else {
            Outcome::Fine
        }
    }

    /// What there is to say beside the word; nothing is said of what did not happen.
    fn details(&self) -> Vec<String> {
        let c = &self.counters;
        let mut details: Vec<String> = self.refusal.iter().map(ToString::to_string).collect();
        details.extend(self.failures.iter().map(ToString::to_string));
        details.extend(self.unclean.iter().map(|error| alloc::format!("no shutdown: {error}")));
        let counts = [
            Counted(u64::from(self.wrong), "block wrong", "blocks wrong"),
            Counted(c.retries, "retry", "retries"),
            Counted(c.timeouts + c.admin_timeouts, "time-out", "time-outs"),
            Counted(c.aborts, "abort", "aborts"),
            Counted(c.resets, "reset", "resets"),
            Counted(c.interrupts_missed, "polled late", "polled late"),
            Counted(c.unknown_cids + c.stale_cids, "stranger", "strangers"),
            Counted(c.bad_queue_fields, "bad queue field", "bad queue fields"),
        ];
        let happened = counts.iter().filter(|Counted(count, ..)| *count > 0);
        let happened: Vec<String> = happened.map(ToString::to_string).collect();
        if !happened.is_empty() {
            details.push(happened.join(", "));
        }
        details
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exercise: {}", self.outcome().name())?;
        self.details().iter().try_for_each(|detail| write!(f, "; {detail}"))
    }
}

/// A number of things, with the word for one and for many.
struct Counted(u64, &'static str, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, one, many) = self;
        write!(f, "{count} {}", if *count == 1 { one } else { many })
    }
}

#[cfg(test)]
mod tests {
    use block::{DeviceStatus, Op};

    use super::*;

    const WRITE: Op = Op::Write { fua: false };

    #[test]
    fn requests_that_failed_alike_are_counted_and_others_stand_beside_them() {
        let mut report = Report { is_alive: true, ..Report::default() };
        report.failed(WRITE, BlockError::Medium(DeviceStatus(0x281)));
        report.failed(WRITE, BlockError::Gone);
        report.failed(Op::Read, BlockError::Gone);
        report.failed(WRITE, BlockError::Gone);
        report.counters.retries = 1;
        let said = "exercise: told; 1 write: medium error (device status 0x0281); \
                    2 writes: device gone; 1 read: device gone; 1 retry";
        assert_eq!(report.to_string(), said);
    }

    #[test]
    fn what_did_not_happen_is_not_said() {
        let report = Report { is_alive: true, ..Report::default() };
        assert_eq!(report.to_string(), "exercise: fine");
    }
}
