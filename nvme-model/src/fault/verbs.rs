//! The words after the arrow: what a rule does, as text in both directions.

use std::fmt;

use super::action::{Action, ActionKind, DmaTarget, PhaseFault, Torn};
use super::values::{block, corrupt, distribution, positive_time, small, status, time, torn};
use super::words::Complaint;

/// Every word for something that can be done.
pub(super) const ACTION_WORDS: &[&str] = &[
    "status",
    "delay",
    "drop",
    "hang",
    "corrupt",
    "lost-write",
    "cfs",
    "remove",
    "duplicate",
    "wrong-cid",
    "lost-interrupt",
    "ignore-abort",
    "torn",
    "misdirect",
    "stale-read",
    "wrong-sqhd",
    "wrong-sqid",
    "wrong-phase",
    "spurious-interrupt",
    "late-interrupt",
    "ignore-delete-queue",
    "ignore-reset",
    "ignore-shutdown",
    "rdy-never",
    "rdy-delay",
    "dma-error",
];

/// What a word without a value does.
pub(super) fn flag(word: &str) -> Option<Action> {
    Some(match word {
        "drop" => Action::Drop,
        "hang" => Action::Hang,
        "lost-write" => Action::LostWrite,
        "cfs" => Action::Cfs,
        "remove" => Action::Remove,
        "duplicate" => Action::Duplicate,
        "lost-interrupt" => Action::LostInterrupt,
        "ignore-abort" => Action::IgnoreAbort,
        "stale-read" => Action::StaleRead,
        "spurious-interrupt" => Action::SpuriousInterrupt,
        "ignore-delete-queue" => Action::IgnoreDeleteQueue,
        "ignore-reset" => Action::IgnoreReset,
        "ignore-shutdown" => Action::IgnoreShutdown,
        "rdy-never" => Action::RdyNever,
        _ => return None,
    })
}

/// What a word with a value does. Only for words in [`ACTION_WORDS`] that are no [`flag`].
pub(super) fn valued(word: &str, value: &str) -> Result<Action, Complaint> {
    Ok(match word {
        "status" => Action::Status(status(value)?),
        "delay" if value.contains('(') => Action::RandomDelay(distribution(value)?),
        "delay" => Action::Delay(time(value)?),
        "corrupt" => corrupt(value)?,
        "wrong-cid" => Action::WrongCid(small(value, u16::MAX)?),
        "torn" => Action::Torn(torn(value)?),
        "misdirect" => Action::Misdirect(block(value)?),
        "wrong-sqhd" => Action::WrongSqhd(small(value, u16::MAX)?),
        "wrong-sqid" => Action::WrongSqid(small(value, u16::MAX)?),
        "wrong-phase" => Action::WrongPhase(match value {
            "inverted" => PhaseFault::Inverted,
            "frozen" => PhaseFault::Frozen,
            _ => return Err(Complaint::choice("phase fault", &["inverted", "frozen"])),
        }),
        "late-interrupt" => Action::LateInterrupt(positive_time(value)?),
        "rdy-delay" => Action::RdyDelay(positive_time(value)?),
        _ => Action::DmaError(match value {
            "data" => DmaTarget::Data,
            "sqe" => DmaTarget::Sqe,
            "cqe" => DmaTarget::Cqe,
            _ => return Err(Complaint::choice("transfer", &["data", "sqe", "cqe"])),
        }),
    })
}

impl ActionKind {
    /// The word in a rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Delay => "delay",
            Self::Drop => "drop",
            Self::Hang => "hang",
            Self::Corrupt => "corrupt",
            Self::LostWrite => "lost-write",
            Self::Cfs => "cfs",
            Self::Remove => "remove",
            Self::Duplicate => "duplicate",
            Self::WrongCid => "wrong-cid",
            Self::LostInterrupt => "lost-interrupt",
            Self::IgnoreAbort => "ignore-abort",
            Self::Torn => "torn",
            Self::Misdirect => "misdirect",
            Self::StaleRead => "stale-read",
            Self::WrongSqhd => "wrong-sqhd",
            Self::WrongSqid => "wrong-sqid",
            Self::WrongPhase => "wrong-phase",
            Self::SpuriousInterrupt => "spurious-interrupt",
            Self::LateInterrupt => "late-interrupt",
            Self::IgnoreDeleteQueue => "ignore-delete-queue",
            Self::IgnoreReset => "ignore-reset",
            Self::IgnoreShutdown => "ignore-shutdown",
            Self::RdyNever => "rdy-never",
            Self::RdyDelay => "rdy-delay",
            Self::DmaError => "dma-error",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match self {
            Self::Status(status) => write!(f, "={status}"),
            Self::Delay(ns) | Self::LateInterrupt(ns) | Self::RdyDelay(ns) => write!(f, "={ns}ns"),
            Self::RandomDelay(distribution) => write!(f, "={distribution}"),
            Self::Corrupt { offset, xor } => write!(f, "={offset}^{xor:#x}"),
            Self::WrongCid(id) | Self::WrongSqhd(id) | Self::WrongSqid(id) => write!(f, "={id:#x}"),
            Self::Torn(Torn::Blocks(blocks)) => write!(f, "={blocks}"),
            Self::Torn(Torn::Bytes(bytes)) => write!(f, "={bytes}B"),
            Self::Misdirect(lba) => write!(f, "={lba:#x}"),
            Self::WrongPhase(PhaseFault::Inverted) => f.write_str("=inverted"),
            Self::WrongPhase(PhaseFault::Frozen) => f.write_str("=frozen"),
            Self::DmaError(DmaTarget::Data) => f.write_str("=data"),
            Self::DmaError(DmaTarget::Sqe) => f.write_str("=sqe"),
            Self::DmaError(DmaTarget::Cqe) => f.write_str("=cqe"),
            _ => Ok(()),
        }
    }
}
