//! What a driver does wrong, whatever the controller makes of it: findings, not faults.
//!
//! The controller answers such things as the standard says, often with nothing at all; here they are
//! counted and the last ones kept, each is an event of the trace. Under fault injection a finding is to
//! be expected where the rule made the driver's view of the queues wrong.
//!
//! What it does not do: it changes nothing of what the controller does.

mod pages;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::{Event, Observer};
pub(crate) use pages::PagesInFlight;

/// Findings that are kept; older ones are counted only.
const FINDINGS_MAX: usize = 256;

macro_rules! findings {
    ($( $kind:ident = $code:literal, $name:literal, $help:literal; )*) => {
        /// What was done. The numbers are part of the trace format: never reuse one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FindingKind {
            $( #[doc = $help] $kind = $code, )*
        }

        impl FindingKind {
            /// All of them, with their names and what each means.
            pub const NAMED: &[(Self, &str, &str)] = &[$( (Self::$kind, $name, $help), )*];
        }
    };
}

findings! {
    CidInUse = 1, "cid-in-use",
        "a command has the identifier of one that is outstanding in its queue";
    DoorbellValue = 2, "doorbell-value",
        "a doorbell got a value outside of its queue, or one that passes the other end as far as the host knew it";
    DoorbellRegister = 3, "doorbell-register",
        "a doorbell of a queue that is not there rang";
    DoorbellBeforeReady = 4, "doorbell-before-ready",
        "a doorbell rang while CSTS.RDY was 0";
    ReadOnlyRegister = 5, "read-only-register",
        "a register was written that cannot be written";
    AdminQueueWhileEnabled = 6, "admin-queue-while-enabled",
        "AQA, ASQ or ACQ was written while CC.EN was 1";
    CompletionsNotReaped = 7, "completions-not-reaped",
        "a completion queue was full for a second while commands waited for a place";
    PageInFlight = 8, "page-in-flight",
        "a command moves data to a page that another one in flight uses";
    DoorbellRace = 9, "doorbell-race",
        "a doorbell went back: two of the host's processors rang it in the wrong order";
    DoorbellShadow = 10, "doorbell-shadow",
        "a doorbell register was written before its shadow, or without it";
    ConfigurationWhileEnabled = 11, "configuration-while-enabled",
        "CC.MPS, CC.AMS or CC.CSS was changed while CC.EN was 1";
}

impl FindingKind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something that a driver did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// When.
    pub now_ns: u64,
    /// The queue, where it is about one.
    pub queue: u16,
    /// The identifier, doorbell value or register offset.
    pub value: u32,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, now_ns, queue, value } = self;
        write!(f, "{kind} queue={queue} value={value:#x} at {now_ns} ns")
    }
}

/// All findings about one driver. They survive resets and power cuts.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    counts: BTreeMap<FindingKind, u64>,
    last: VecDeque<Finding>,
    pub(crate) pages: Option<PagesInFlight>,
    /// Since when commands wait for a place in a completion queue; `None` once that was found.
    full_since: BTreeMap<u16, Option<u64>>,
}

impl Findings {
    /// How many there are of each kind.
    pub fn counts(&self) -> impl Iterator<Item = (FindingKind, u64)> {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// The last ones, oldest first.
    pub fn last(&self) -> impl Iterator<Item = &Finding> {
        self.last.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Looks for pages that two commands use at the same time from here on. It walks the data pointer of
    /// every command a second time, so it is not done unasked.
    pub fn watch_pages(&mut self) {
        self.pages.get_or_insert_default();
    }

    pub(crate) fn add(&mut self, finding: Finding, observer: &mut dyn Observer) {
        let Finding { kind, now_ns, queue, value } = finding;
        let count = self.counts.entry(kind).or_default();
        *count = count.saturating_add(1);
        if self.last.len() >= FINDINGS_MAX {
            self.last.pop_front();
        }
        self.last.push_back(finding);
        observer.event(now_ns, &Event::Finding { kind, queue, value });
    }
}

#[cfg(test)]
mod tests;
