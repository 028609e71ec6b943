//! What a rule can do.

use nvme_spec::Status;

use super::delay::Distribution;
use super::rule::{Phase, Transition};

/// How much of a write reaches the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// So many blocks from the first on.
    Blocks(u32),
    /// So many bytes from the first on; the block in which they end is half new and half old.
    Bytes(u64),
}

/// What is wrong with the phase tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseFault {
    /// This one entry has the tag of the pass before: the host does not see it, nor what comes after it.
    Inverted,
    /// The tag no longer changes when the queue wraps, as long as the queue exists.
    Frozen,
}

/// Which transfer fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaTarget {
    /// The command's data: it fails with Data Transfer Error, without Do Not Retry.
    Data,
    /// The submission queue entry: CSTS.CFS.
    Sqe,
    /// The completion queue entry: CSTS.CFS, and nothing was posted.
    Cqe,
}

/// What happens to the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It fails with this status; at submission it is not executed, at completion it was.
    Status(Status),
    /// It completes later by so many nanoseconds; others overtake it.
    Delay(u64),
    /// It completes later by a time that is drawn anew each time.
    RandomDelay(Distribution),
    /// It is executed but its completion is never posted.
    Drop,
    /// It is never executed and never completes, but can be aborted.
    Hang,
    /// One byte of its data is changed on the way: `data[offset % length] ^= xor`.
    Corrupt {
        /// Which byte of the transfer.
        offset: u64,
        /// What to flip in it; not 0.
        xor: u8,
    },
    /// A write is acknowledged but goes nowhere.
    LostWrite,
    /// The controller sets CSTS.CFS and stops.
    Cfs,
    /// The device is pulled out.
    Remove,
    /// The completion is posted twice.
    Duplicate,
    /// The completion names another command.
    WrongCid(u16),
    /// The completion is posted without its interrupt.
    LostInterrupt,
    /// An abort does nothing and says so.
    IgnoreAbort,
    /// A write is acknowledged but only its beginning is stored.
    Torn(Torn),
    /// A write is acknowledged but goes to this block and those after it instead. Where the namespace
    /// ends before the write does, it goes to the last blocks.
    Misdirect(u64),
    /// A read returns what the blocks held before they were written the last time. Blocks that were not
    /// written since the rule was armed are read as they are.
    StaleRead,
    /// The completion reports this submission queue head.
    WrongSqhd(u16),
    /// The completion names another submission queue.
    WrongSqid(u16),
    /// The completion's phase tag is wrong.
    WrongPhase(PhaseFault),
    /// The queue's interrupt is signalled when the command is fetched: there is no completion yet.
    SpuriousInterrupt,
    /// The completion is posted in time, its interrupt comes so many nanoseconds later.
    LateInterrupt(u64),
    /// Deleting a queue succeeds, but the queue stays and goes on.
    IgnoreDeleteQueue,
    /// A reset is not noticed: queues and commands stay, CSTS.RDY too.
    IgnoreReset,
    /// A shutdown never gets beyond "occurring".
    IgnoreShutdown,
    /// CSTS.RDY never follows CC.EN.
    RdyNever,
    /// CSTS.RDY follows CC.EN later by so many nanoseconds.
    RdyDelay(u64),
    /// A transfer to or from the host's memory fails.
    DmaError(DmaTarget),
}

/// What happens, without its numbers. The numbers are part of the trace format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ActionKind {
    /// See [`Action::Status`].
    Status = 1,
    /// See [`Action::Delay`] and [`Action::RandomDelay`].
    Delay = 2,
    /// See [`Action::Drop`].
    Drop = 3,
    /// See [`Action::Hang`].
    Hang = 4,
    /// See [`Action::Corrupt`].
    Corrupt = 5,
    /// See [`Action::LostWrite`].
    LostWrite = 6,
    /// See [`Action::Cfs`].
    Cfs = 7,
    /// See [`Action::Remove`].
    Remove = 8,
    /// See [`Action::Duplicate`].
    Duplicate = 9,
    /// See [`Action::WrongCid`].
    WrongCid = 10,
    /// See [`Action::LostInterrupt`].
    LostInterrupt = 11,
    /// See [`Action::IgnoreAbort`].
    IgnoreAbort = 12,
    /// See [`Action::Torn`].
    Torn = 13,
    /// See [`Action::Misdirect`].
    Misdirect = 14,
    /// See [`Action::StaleRead`].
    StaleRead = 15,
    /// See [`Action::WrongSqhd`].
    WrongSqhd = 16,
    /// See [`Action::WrongSqid`].
    WrongSqid = 17,
    /// See [`Action::WrongPhase`].
    WrongPhase = 18,
    /// See [`Action::SpuriousInterrupt`].
    SpuriousInterrupt = 19,
    /// See [`Action::LateInterrupt`].
    LateInterrupt = 20,
    /// See [`Action::IgnoreDeleteQueue`].
    IgnoreDeleteQueue = 21,
    /// See [`Action::IgnoreReset`].
    IgnoreReset = 22,
    /// See [`Action::IgnoreShutdown`].
    IgnoreShutdown = 23,
    /// See [`Action::RdyNever`].
    RdyNever = 24,
    /// See [`Action::RdyDelay`].
    RdyDelay = 25,
    /// See [`Action::DmaError`].
    DmaError = 26,
}

impl Action {
    /// The action without its numbers.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::Status(_) => ActionKind::Status,
            Self::Delay(_) | Self::RandomDelay(_) => ActionKind::Delay,
            Self::Drop => ActionKind::Drop,
            Self::Hang => ActionKind::Hang,
            Self::Corrupt { .. } => ActionKind::Corrupt,
            Self::LostWrite => ActionKind::LostWrite,
            Self::Cfs => ActionKind::Cfs,
            Self::Remove => ActionKind::Remove,
            Self::Duplicate => ActionKind::Duplicate,
            Self::WrongCid(_) => ActionKind::WrongCid,
            Self::LostInterrupt => ActionKind::LostInterrupt,
            Self::IgnoreAbort => ActionKind::IgnoreAbort,
            Self::Torn(_) => ActionKind::Torn,
            Self::Misdirect(_) => ActionKind::Misdirect,
            Self::StaleRead => ActionKind::StaleRead,
            Self::WrongSqhd(_) => ActionKind::WrongSqhd,
            Self::WrongSqid(_) => ActionKind::WrongSqid,
            Self::WrongPhase(_) => ActionKind::WrongPhase,
            Self::SpuriousInterrupt => ActionKind::SpuriousInterrupt,
            Self::LateInterrupt(_) => ActionKind::LateInterrupt,
            Self::IgnoreDeleteQueue => ActionKind::IgnoreDeleteQueue,
            Self::IgnoreReset => ActionKind::IgnoreReset,
            Self::IgnoreShutdown => ActionKind::IgnoreShutdown,
            Self::RdyNever => ActionKind::RdyNever,
            Self::RdyDelay(_) => ActionKind::RdyDelay,
            Self::DmaError(_) => ActionKind::DmaError,
        }
    }

    /// When the rule looks at a command, unless it says otherwise; and whether it may.
    #[must_use]
    pub const fn default_phase(&self) -> (Phase, bool) {
        match self {
            Self::Status(_) | Self::Delay(_) | Self::RandomDelay(_) | Self::Cfs | Self::Remove => {
                (Phase::Submission, true)
            }
            Self::Drop
            | Self::Duplicate
            | Self::WrongCid(_)
            | Self::WrongSqhd(_)
            | Self::WrongSqid(_)
            | Self::WrongPhase(_)
            | Self::LostInterrupt
            | Self::LateInterrupt(_)
            | Self::DmaError(DmaTarget::Cqe) => (Phase::Completion, false),
            _ => (Phase::Submission, false),
        }
    }

    /// What the host may be doing when this happens: one of these, or `None` for a command.
    #[must_use]
    pub const fn transitions(&self) -> Option<&'static [Transition]> {
        Some(match self {
            Self::RdyNever | Self::RdyDelay(_) => &[Transition::Enable, Transition::Disable],
            Self::IgnoreReset => &[Transition::Disable, Transition::SubsystemReset],
            Self::IgnoreShutdown => &[Transition::Shutdown],
            _ => return None,
        })
    }

    /// Whether this can happen to a command and during a transition alike.
    #[must_use]
    pub const fn is_general(&self) -> bool {
        matches!(self, Self::Cfs | Self::Remove)
    }
}
