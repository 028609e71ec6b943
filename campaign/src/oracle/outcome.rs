//! What came out, in one word, whatever was predicted.

use std::collections::BTreeSet;
use std::fmt;

use iomap::Errno;
use lab::PageContent;
use lab::events::Step;
use tasks::Stuck;

use super::Facts;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every page was right.
    Right,
    /// Swap-outs failed and their pages stayed in memory; every page was right.
    Kept,
    /// So many pages were lost and their owners told.
    Lost(usize),
    /// So many pages read as zeros, and nobody was told.
    Zeros(usize),
    /// So many pages were otherwise wrong, and nobody was told.
    Wrong(usize),
    /// Swap wrote to blocks that were not its file's any more.
    Overwrote(usize),
    /// Memory ran out.
    OutOfMemory,
    /// The file was not turned on.
    Refused(Errno),
    /// A circle of waits closed.
    Hung,
    /// Nobody got on for longer than the bound.
    Stalled,
    /// A program died of what it found in its text.
    Died,
}

impl Outcome {
    /// The worst that the trace shows.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let count = |pages: BTreeSet<u64>| pages.len();
        let wrong = || count(facts.wrong.iter().map(|wrong| wrong.page).collect());
        let lost = || count(facts.told.iter().map(|told| told.page).collect());
        match facts.steps.get(&Step::SwapOn) {
            Some(Err(errno)) => Self::Refused(*errno),
            _ if facts.stuck == Some(Stuck::Deadlock) => Self::Hung,
            _ if facts.stuck == Some(Stuck::NoProgress) => Self::Stalled,
            _ if facts.program_died.is_some() => Self::Died,
            _ if facts.wrong.iter().any(|w| w.content != PageContent::Zeros) => {
                Self::Wrong(wrong())
            }
            _ if !facts.wrong.is_empty() => Self::Zeros(wrong()),
            _ if !facts.foreign(&facts.written_by_swap).is_empty() => {
                Self::Overwrote(facts.foreign(&facts.written_by_swap).len())
            }
            _ if facts.out_of_memory > 0 => Self::OutOfMemory,
            _ if !facts.told.is_empty() => Self::Lost(lost()),
            _ if !facts.swap_out_failed.is_empty() => Self::Kept,
            _ => Self::Right,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right => f.pad("ok"),
            Self::Kept => f.pad("kept"),
            Self::Lost(pages) => f.pad(&format!("lost {pages}")),
            Self::Zeros(_) => f.pad("ZEROS"),
            Self::Wrong(_) => f.pad("WRONG"),
            Self::Overwrote(_) => f.pad("OTHERS"),
            Self::OutOfMemory => f.pad("oom"),
            Self::Refused(errno) => f.pad(errno.name()),
            Self::Hung => f.pad("HUNG"),
            Self::Stalled => f.pad("STALLED"),
            Self::Died => f.pad("DIED"),
        }
    }
}
