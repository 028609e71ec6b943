//! What a rule is.

use std::ops::Range;

use nvme_spec::{AdminOpcode, NvmOpcode};

use super::action::Action;

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
    /// Not a command: the host changes the state of the controller.
    Transition(Transition),
}

/// What a host does to the controller as a whole. Rules about commands never see these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// CC.EN goes from 0 to 1.
    Enable,
    /// CC.EN goes from 1 to 0.
    Disable,
    /// CC.SHN asks for a shutdown.
    Shutdown,
    /// NSSR is written with its magic value.
    SubsystemReset,
}

impl Transition {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Enable, Self::Disable, Self::Shutdown, Self::SubsystemReset];

    /// The word in a rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Shutdown => "shutdown",
            Self::SubsystemReset => "subsystem-reset",
        }
    }
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

/// How long a rule lasts. The first limit that is reached ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Until {
    /// It has fired so often.
    pub count: Option<u64>,
    /// This virtual time is reached.
    pub time_ns: Option<u64>,
    /// The controller is reset or loses power.
    pub is_until_reset: bool,
    /// Each block of the rule's `lba` is healed once it was written again; the rule ends with the last.
    ///
    /// Written means that a Write, Write Zeroes or deallocate of the block was executed and stored it.
    pub is_until_rewrite: bool,
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
        Self { seed: 0, rules: Vec::new() }
    }
}
