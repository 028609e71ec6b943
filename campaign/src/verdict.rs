//! What a unit's run means.

use std::fmt;

macro_rules! oracles {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The names of the oracles, as they stand in verdicts and reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Oracle { $($(#[$doc])* $name,)* }

        impl Oracle {
            /// Every oracle.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

#[rustfmt::skip]
oracles! {
    /// A page read back is the last one written, or its owner was told of an error.
    PageContent = "page-content",
    /// No page was lost: nobody was answered with a bus error.
    NothingLost = "nothing-lost",
    /// Exactly the pages that were swapped out were lost, and the filesystem's refusal was the cause.
    SwappedLostAndTold = "swapped-lost-and-told",
    /// Exactly so many pages were lost, and their owners told.
    PagesLostAndTold = "pages-lost-and-told",
    /// Exactly the pages that were swapped out read as zeros.
    SilentZeros = "silent-zeros",
    /// Swap-outs failed, or none did, as predicted.
    SwapOuts = "swap-outs",
    /// Memory ran out.
    OutOfMemory = "out-of-memory",
    /// The file was turned on, or refused with the errno that was predicted.
    Activation = "activation",
    /// A failed swap-out leaves its page in memory.
    FailedSwapOutKeepsPage = "failed-swap-out-keeps-page",
    /// Unmount refused while swap is on, swapoff by area possible, unmount possible after it.
    FailSafe = "fail-safe",
    /// The filesystem is asked about each swap I/O, and by `extents` about none.
    FilesystemSeesSwap = "filesystem-sees-swap",
    /// A user who reads the swap file sees as much as predicted.
    UserSees = "user-sees",
    /// A file that shares the swap file's blocks is as it was.
    CloneIntact = "clone-intact",
    /// Every other step gave what it must.
    Steps = "steps",
    /// No transaction, allocation or inode lock inside swap I/O.
    NoTransactionInSwapIo = "no-transaction-in-swap-io",
    /// As many transactions for each swap-out as predicted.
    Transactions = "transactions",
    /// Each whole folio went out in as many commands as predicted.
    CommandsPerFolio = "commands-per-folio",
    /// Swap wrote its own file's blocks and no others.
    OwnBlocksOnly = "own-blocks-only",
    /// Errors were learned of first by the layer that was predicted.
    LearnedBy = "learned-by",
    /// An error that the device or the driver knows of reaches somebody who should know.
    ErrorsAreTold = "errors-are-told",
    /// No fault took longer than predicted.
    FaultInTime = "fault-in-time",
    /// Swap I/O through direct I/O is a user's direct I/O but for the flag; on other paths it is not.
    SameAsUserIo = "same-as-user-io",
    /// Every task got on with its job within a bound of virtual time, or got stuck as predicted.
    Progress = "progress",
    /// The watcher of lock orders reported as often as predicted.
    LockOrder = "lock-order",
    /// After the power cycle the filesystem mounts and is consistent.
    Recovers = "recovers",
    /// Nothing that the drive does makes the guest panic.
    NoPanic = "no-panic",
}

impl Oracle {
    /// The oracle with that name.
    ///
    /// # Errors
    /// The names there are.
    pub fn named(name: &str) -> Result<Self, String> {
        crate::scenario::named(Self::ALL, Self::name, "oracle", name)
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
