//! A unit: one exact run, with what is predicted of it.

use std::fmt;
use std::str::FromStr;

use file_server::ServerPlan;
use hal::trace::Layer;
use iomap::Errno;
use lab::UnitSpec;
use nvme_model::{CachePolicy, FaultPlan};

use crate::verdict::Oracle;

/// What a scenario predicts for one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// Swap goes on as if nothing had happened.
    NothingLost,
    /// Swap-outs fail, their pages stay in memory, nothing is lost.
    SwapOutsFail,
    /// Every page that was swapped out is lost to its owner, who is told; new swap-outs fail and their
    /// pages stay in memory.
    SwappedLostAndTold,
    /// So many pages are lost to their owners, who are told; all others are right.
    PagesLostAndTold(u64),
    /// Every page that was swapped out reads as zeros, and nobody is told.
    SilentZeros,
    /// So many pages read as zeros, nobody is told, and all others are right.
    PagesSilentZeros(u64),
    /// Swap-outs go to blocks that are not the swap file's any more, and nobody is told.
    Overwrites,
    /// Memory runs out: swap-outs fail, and what is already there is right.
    OutOfMemory,
    /// The file is not turned on.
    SwaponRefused(Errno),
    /// A circle of waits closes: nobody can ever run again.
    Hung,
    /// Nobody gets on with its job for longer than the bound, although some try again and again.
    Stalled,
    /// A program finds zeros in its text, and dies.
    Died,
    /// Something may go wrong, and whoever it concerns is told: no page is silently wrong.
    Told,
    /// The drive does what nobody above it can notice: pages may be wrong. Nothing hangs or panics, and
    /// what was promised about swap I/O is kept.
    Any,
}

impl fmt::Display for Prediction {
    /// The word of the matrix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLost => f.pad("ok"),
            Self::SwapOutsFail => f.pad("kept"),
            Self::SwappedLostAndTold => f.pad("lost"),
            Self::PagesLostAndTold(pages) => f.pad(&format!("lost={pages}")),
            Self::SilentZeros => f.pad("zeros"),
            Self::PagesSilentZeros(pages) => f.pad(&format!("zeros={pages}")),
            Self::Overwrites => f.pad("overwrites"),
            Self::OutOfMemory => f.pad("oom"),
            Self::SwaponRefused(errno) => f.pad(errno.name()),
            Self::Hung => f.pad("hung"),
            Self::Stalled => f.pad("stalled"),
            Self::Died => f.pad("died"),
            Self::Told => f.pad("told"),
            Self::Any => f.pad("any"),
        }
    }
}

impl FromStr for Prediction {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let refused = |errno: &&Errno| errno.name() == word;
        Ok(match word {
            "ok" => Self::NothingLost,
            "kept" => Self::SwapOutsFail,
            "lost" => Self::SwappedLostAndTold,
            "zeros" => Self::SilentZeros,
            "overwrites" => Self::Overwrites,
            "oom" => Self::OutOfMemory,
            "hung" => Self::Hung,
            "stalled" => Self::Stalled,
            "died" => Self::Died,
            "told" => Self::Told,
            "any" => Self::Any,
            _ => match (word.split_once('='), Errno::ALL.iter().find(refused)) {
                (Some(("lost", pages)), _) => Self::PagesLostAndTold(number(pages)?),
                (Some(("zeros", pages)), _) => Self::PagesSilentZeros(number(pages)?),
                (None, Some(errno)) => Self::SwaponRefused(*errno),
                _ => return Err(format!("unknown verdict {word}: known are {WORDS}")),
            },
        })
    }
}

const WORDS: &str = "ok, kept, lost, lost=N, zeros, zeros=N, overwrites, oom, hung, stalled, died, told, any, or the \
                     errno of a refused swapon";

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text}: not a number of pages"))
}

/// Where a prediction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A stock or patched Linux was run.
    Run,
    /// Linux's source was read, or a result is derived from one that was run.
    Read,
    /// The mail says so.
    Mail,
    /// This laboratory is made so, on purpose.
    Design,
}

impl Source {
    /// In a few words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Run => "run on Linux",
            Self::Read => "read in Linux",
            Self::Mail => "the mail",
            Self::Design => "by design",
        }
    }

    /// In one letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Run => 'r',
            Self::Read => 's',
            Self::Mail => 'm',
            Self::Design => 'd',
        }
    }
}

/// Why the unit is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To see whether the prediction comes true.
    Experiment,
    /// To see the prediction broken, and the right oracle notice it: proof that the experiment can
    /// fail at all.
    Control {
        /// The oracle that must object.
        must_fail: Oracle,
    },
}

/// One run: what the guest does, which faults are armed, what must come out.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The scenario it belongs to.
    pub scenario: String,
    /// The case in it: what is varied besides the path.
    pub case: String,
    /// What the guest does.
    pub spec: UnitSpec,
    /// How the row is labelled: the path and the case, with a word for a control.
    pub label: String,
    /// The faults armed in the controller, in their one-line text form.
    pub faults: FaultPlan,
    /// What a power cut leaves of the drive's volatile cache, and of what is in flight.
    pub cache_policy: CachePolicy,
    /// The faults armed in the file server of a unit whose path is `net`.
    pub server_faults: ServerPlan,
    /// What is predicted.
    pub prediction: Prediction,
    /// Where the prediction comes from.
    pub source: Source,
    /// Transactions that each swap-out of the first pass needs, if that is predicted.
    pub transactions: Option<u64>,
    /// The layer that must learn first of every error, if that is predicted.
    pub learned_by: Option<Layer>,
    /// The longest that a fault may take in virtual time, if that is predicted.
    pub fault_max_ns: Option<u64>,
    /// Pages of the swap file that a user sees data in, if that is predicted.
    pub user_sees: Option<u64>,
    /// Commands that each swap-out of a whole folio takes, if that is predicted; 0: none is written whole.
    pub commands: Option<u64>,
    /// Pages that are still lost in the last pass over all pages, if that is predicted.
    pub lost_in_the_end: Option<u64>,
    /// Reports of the watcher of lock orders, if their number is predicted.
    pub order_reports: Option<u64>,
    /// Experiment or control.
    pub role: Role,
}

impl Unit {
    /// The verdict that a run must give to be no finding, as text.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.role {
            Role::Experiment => "PASS".to_owned(),
            Role::Control { must_fail } => format!("EXPECTED_FAIL({must_fail})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prediction_reads_back() {
        for word in [
            "ok",
            "kept",
            "lost",
            "lost=7",
            "zeros",
            "zeros=3",
            "overwrites",
            "oom",
            "hung",
            "stalled",
            "died",
            "told",
            "any",
            "EINVAL",
        ] {
            assert_eq!(word.parse::<Prediction>().expect(word).to_string(), word);
        }
        "lost=".parse::<Prediction>().expect_err("no number");
        assert!("fine".parse::<Prediction>().expect_err("no such word").contains("known are ok"));
    }
}
