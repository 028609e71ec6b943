//! What a rule is.

use std::ops::Range;

use nvme_spec::{AdminOpcode, NvmOpcode};

use super::kinds::{Action, On};
use super::payload::BytePattern;

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
    /// Not a command: something else that the host does.
    Transition(Transition),
}

impl OpClass {
    /// Whether every command of `one`, which is a single opcode, is one of these.
    #[must_use]
    pub fn covers(self, one: Self) -> bool {
        match self {
            Self::Any => !matches!(one, Self::Transition(_)),
            Self::AnyIo => matches!(one, Self::Io(_)),
            Self::AnyAdmin => matches!(one, Self::Admin(_)),
            _ => self == one,
        }
    }
}

/// What a host does beside sending commands. Rules about commands never see these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// CC.EN goes from 0 to 1.
    Enable,
    /// CC.EN goes from 1 to 0.
    Disable,
    /// CC.SHN asks for a shutdown.
    Shutdown,
    /// NSSR is written with its magic value.
    SubsystemReset,
    /// A doorbell rings.
    Doorbell,
    /// A register is read.
    RegisterRead,
    /// A register other than a doorbell is written.
    RegisterWrite,
    /// The PCI configuration space is read.
    ConfigRead,
}

impl Transition {
    /// All of them, with their words in a rule.
    pub const NAMED: [(Self, &str); 8] = [
        (Self::Enable, "enable"),
        (Self::Disable, "disable"),
        (Self::Shutdown, "shutdown"),
        (Self::SubsystemReset, "subsystem-reset"),
        (Self::Doorbell, "doorbell"),
        (Self::RegisterRead, "register-read"),
        (Self::RegisterWrite, "register-write"),
        (Self::ConfigRead, "config-read"),
    ];

    /// The word in a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(named, _)| *named == self).map_or("", |(_, name)| name)
    }

    /// Whether it is about bytes at an offset.
    #[must_use]
    pub const fn has_offset(self) -> bool {
        matches!(self, Self::RegisterRead | Self::RegisterWrite | Self::ConfigRead | Self::Doorbell)
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

/// Which commands a rule is about. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The opcode.
    pub op: OpClass,
    /// The submission queue; of a doorbell, the queue it belongs to.
    pub queue: Option<u16>,
    /// The namespace.
    pub nsid: Option<u32>,
    /// The command touches at least one of these blocks, of `nsid` if that is given, too: a Copy its
    /// sources, some of which may be in other namespaces, and its destination.
    pub lba: Option<Range<u64>>,
    /// Bits of the entry.
    pub sqe: Option<BytePattern>,
    /// Bits of the data that the command moves: for a read, what the blocks hold.
    pub data: Option<BytePattern>,
    /// The access touches at least one of these bytes of the registers or the configuration space.
    pub reg: Option<Range<u64>>,
    /// The rules are in this state, see [`Rule::sets`].
    pub state: Option<String>,
    /// All of these hold.
    pub all: Vec<Self>,
    /// At least one of these holds, if there are any.
    pub any: Vec<Self>,
    /// None of these holds.
    pub not: Vec<Self>,
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
    /// Only so soon after that rule's last firing.
    pub within: Option<Within>,
}

/// How soon after another rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// So many nanoseconds, this one not included.
    Ns(u64),
    /// The first so many matches.
    Matches(u64),
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
    /// The state that the rules are in once it has fired. They begin in [`START`]; a rule whose match
    /// has a `state` sees commands in that state only.
    pub sets: Option<String>,
    /// How long.
    pub until: Until,
}

impl Rule {
    /// What the rule looks at: the commands that it names, as far as anything could happen to them. None
    /// if it is about the wrong ones.
    pub(super) fn ops(&self) -> Vec<OpClass> {
        match (self.matcher.op, self.action.on()) {
            (op @ OpClass::Transition(_), _) => vec![op],
            (op, On::These(targets)) => {
                targets.iter().map(|target| target.op).filter(|one| op.covers(*one)).collect()
            }
            (op, _) => vec![op],
        }
    }
}

/// The state that the rules begin in.
pub const START: &str = "start";

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
