//! What a unit's run means.

use std::fmt;

/// The names of the oracles, as they stand in verdicts and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oracle {
    /// A page read back is the last one written, or its owner was told of an error.
    PageContent,
    /// No page was lost: nobody was answered with a bus error.
    NothingLost,
    /// Exactly the pages that were swapped out were lost, and the filesystem's refusal was the cause.
    SwappedLostAndTold,
    /// A failed swap-out leaves its page in memory.
    FailedSwapOutKeepsPage,
    /// Unmount refused while swap is on, swapoff by area possible, unmount possible after it.
    FailSafe,
    /// No transaction, allocation or inode lock inside swap I/O.
    NoTransactionInSwapIo,
    /// After the shutdown only the swap file's own blocks were written.
    OwnBlocksOnly,
    /// After the power cycle the filesystem mounts and is consistent.
    Recovers,
}

impl Oracle {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PageContent => "page-content",
            Self::NothingLost => "nothing-lost",
            Self::SwappedLostAndTold => "swapped-lost-and-told",
            Self::FailedSwapOutKeepsPage => "failed-swap-out-keeps-page",
            Self::FailSafe => "fail-safe",
            Self::NoTransactionInSwapIo => "no-transaction-in-swap-io",
            Self::OwnBlocksOnly => "own-blocks-only",
            Self::Recovers => "recovers",
        }
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An oracle's objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which oracle.
    pub oracle: Oracle,
    /// What it saw, in one sentence.
    pub detail: String,
}

/// The judgement over one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was predicted was observed.
    Pass,
    /// An oracle objects.
    Fail(Finding),
    /// A control failed, as it must, by the oracle that must catch it.
    ExpectedFail(Finding),
    /// What the unit is about did not happen, so nothing was learned.
    NotExercised(String),
    /// The guest waits for something that will never happen.
    Timeout,
    /// The machine itself failed: crash of the guest, watchdog, host error.
    Infra(String),
}

impl Verdict {
    /// The verdict in one word, with the oracle in brackets.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Pass => "PASS".to_owned(),
            Self::Fail(finding) => format!("FAIL({})", finding.oracle),
            Self::ExpectedFail(finding) => format!("EXPECTED_FAIL({})", finding.oracle),
            Self::NotExercised(_) => "NOT_EXERCISED".to_owned(),
            Self::Timeout => "TIMEOUT".to_owned(),
            Self::Infra(_) => "INFRA".to_owned(),
        }
    }

    /// The verdict in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail(_) => "FAIL",
            Self::ExpectedFail(_) => "EXPECTED_FAIL",
            Self::NotExercised(_) => "NOT_EXERCISED",
            Self::Timeout => "TIMEOUT",
            Self::Infra(_) => "INFRA",
        }
    }

    /// The sentence behind the word, if there is one.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Fail(finding) | Self::ExpectedFail(finding) => Some(&finding.detail),
            Self::NotExercised(why) | Self::Infra(why) => Some(why),
            Self::Pass | Self::Timeout => None,
        }
    }
}
