//! What a rule is.

use std::ops::Range;

use nvme_spec::{AdminOpcode, NvmOpcode, Status};

/// Which commands a rule is about, by opcode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpClass {
    /// Every command.
    #[default]
    Any,
    /// Every I/O command.
    AnyIo,
    /// Every admin command.
    AnyAdmin,
    /// One I/O opcode.
    Io(NvmOpcode),
    /// One admin opcode.
    Admin(AdminOpcode),
}

/// When in a command's life a rule looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// When it was fetched: before it is executed.
    Submission,
    /// When it was executed: before its completion is posted.
    Completion,
}

/// A value under a mask somewhere in the 64 bytes of a submission queue entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqeMask {
    /// The first byte.
    pub offset: u8,
    /// What the masked bytes must be.
    pub value: Vec<u8>,
    /// Which bits count; as long as `value`.
    pub mask: Vec<u8>,
}

/// Which commands a rule is about. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The opcode.
    pub op: OpClass,
    /// The submission queue.
    pub queue: Option<u16>,
    /// The namespace.
    pub nsid: Option<u32>,
    /// The command touches at least one of these blocks.
    pub lba: Option<Range<u64>>,
    /// Bits of the entry.
    pub sqe: Option<SqeMask>,
}

/// A chance in parts per billion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability {
    /// 0 to 1,000,000,000.
    pub parts_per_billion: u32,
}

/// Which of the matching commands. Everything given must hold.
///
/// Matches are counted from 1, and only while the time window is open and `after` has fired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Only the nth match.
    pub nth: Option<u64>,
    /// Every nth match.
    pub every: Option<u64>,
    /// By chance.
    pub chance: Option<Probability>,
    /// Not before this virtual time.
    pub from_ns: Option<u64>,
    /// Before this virtual time.
    pub to_ns: Option<u64>,
    /// Only once the rule of this name has fired.
    pub after: Option<String>,
}

/// What happens to the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It fails with this status; at submission it is not executed, at completion it was.
    Status(Status),
    /// It completes later by so many nanoseconds; others overtake it.
    Delay(u64),
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
}

/// What happens, without its numbers. The numbers are part of the trace format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ActionKind {
    /// See [`Action::Status`].
    Status = 1,
    /// See [`Action::Delay`].
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
}

impl Action {
    /// The action without its numbers.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::Status(_) => ActionKind::Status,
            Self::Delay(_) => ActionKind::Delay,
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
        }
    }

    /// When the rule looks at a command, unless it says otherwise; and whether it may.
    #[must_use]
    pub const fn default_phase(&self) -> (Phase, bool) {
        match self {
            Self::Status(_) | Self::Delay(_) | Self::Cfs | Self::Remove => {
                (Phase::Submission, true)
            }
            Self::Hang | Self::Corrupt { .. } | Self::LostWrite | Self::IgnoreAbort => {
                (Phase::Submission, false)
            }
            Self::Drop | Self::Duplicate | Self::WrongCid(_) | Self::LostInterrupt => {
                (Phase::Completion, false)
            }
        }
    }
}

/// How long a rule lasts. The first limit that is reached ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Until {
    /// It has fired so often.
    pub count: Option<u64>,
    /// This virtual time is reached.
    pub time_ns: Option<u64>,
    /// The controller is reset or loses power.
    pub is_until_reset: bool,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What other rules and reports call it.
    pub name: Option<String>,
    /// Which commands.
    pub matcher: Match,
    /// When in their life.
    pub phase: Phase,
    /// Which of them.
    pub when: When,
    /// What happens.
    pub action: Action,
    /// How long.
    pub until: Until,
}

/// Every rule of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// Where probabilities come from.
    pub seed: u64,
    /// The rules, asked in this order.
    pub rules: Vec<Rule>,
}

impl FaultPlan {
    /// A plan without faults.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            seed: 0,
            rules: Vec::new(),
        }
    }
}
