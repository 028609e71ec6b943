//! What rules see of a command, and whether a rule is about it.

use super::kinds::{Action, On};
use super::rule::{Match, OpClass, Rule, Transition};
use super::target::Target;

/// Blocks of a namespace that the data of a command name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedBlocks {
    pub(crate) nsid: u32,
    pub(crate) slba: u64,
    pub(crate) blocks: u64,
}

/// What a command has in the host's memory and in its blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    /// Blocks that its data name or say the number of, if a rule wants to know.
    pub(crate) ranges: Vec<NamedBlocks>,
    /// What it moves, if a rule wants to know.
    pub(crate) data: Option<Vec<u8>>,
}

/// What rules see of a command, or of something else that the host does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    /// Its number, from 1 over the controller's life.
    pub(crate) number: u64,
    pub(crate) sqid: u16,
    pub(crate) sqe: nvme_spec::Sqe,
    /// Its blocks; `None` if it has none, or if they are in its data.
    pub(crate) lba: Option<(u64, u64)>,
    /// Only if a rule wants to know: commands are many and rules that look so far are few.
    pub(crate) contents: Option<Box<Contents>>,
    /// Set if this is no command at all.
    pub(crate) transition: Option<Transition>,
    /// The bytes of the register space that an access touches: first and how many.
    pub(crate) reg: Option<(u64, u64)>,
}

impl Subject {
    /// Something else that the host does, after `number` commands.
    pub(crate) fn of_transition(transition: Transition, number: u64) -> Self {
        let sqid = nvme_spec::ADMIN_QID;
        Self { number, sqid, transition: Some(transition), ..Self::default() }
    }

    pub(crate) fn opcode(&self) -> u8 {
        self.sqe.opcode()
    }

    pub(crate) fn nsid(&self) -> u32 {
        self.sqe.nsid.get()
    }

    /// What it touches: blocks, or bytes of the register space.
    pub(super) fn touched(&self) -> impl Iterator<Item = (u64, u64)> {
        self.blocks_in(None).map(|part| (part.slba, part.blocks)).chain(self.reg)
    }

    /// Its blocks, those in its data included; only those in the namespace `only`, if there is one.
    ///
    /// A Copy may have sources in other namespaces than the one that its entry names.
    pub(super) fn blocks_in(&self, only: Option<u32>) -> impl Iterator<Item = NamedBlocks> {
        let nsid = self.nsid();
        let in_entry = self.lba.map(|(slba, blocks)| NamedBlocks { nsid, slba, blocks });
        let in_data = self.contents.iter().flat_map(|contents| contents.ranges.iter().copied());
        let all = in_entry.into_iter().chain(in_data);
        all.filter(move |part| only.is_none_or(|only| only == part.nsid))
    }

    fn data(&self) -> Option<&[u8]> {
        self.contents.as_ref().and_then(|contents| contents.data.as_deref())
    }

    /// Whether it is about this namespace or these blocks, or, if a rule names both, about these blocks
    /// of this namespace: of a Copy these may be of another one than the entry's.
    fn is_about(&self, nsid: Option<u32>, lba: Option<&std::ops::Range<u64>>) -> bool {
        match lba {
            Some(range) => {
                self.blocks_in(nsid).any(|part| overlaps(range, (part.slba, part.blocks)))
            }
            None => nsid.is_none_or(|nsid| nsid == self.nsid()),
        }
    }
}

/// Whether so many from the first on have something in common with `range`.
pub(super) fn overlaps(range: &std::ops::Range<u64>, (first, count): (u64, u64)) -> bool {
    first < range.end && range.start < first.saturating_add(count)
}

impl OpClass {
    fn holds(self, subject: &Subject) -> bool {
        let is_admin = subject.sqid == nvme_spec::ADMIN_QID;
        match self {
            Self::Transition(transition) => subject.transition == Some(transition),
            _ if subject.transition.is_some() => false,
            Self::Any => true,
            Self::AnyIo => !is_admin,
            Self::AnyAdmin => is_admin,
            Self::Io(opcode) => !is_admin && opcode.0 == subject.opcode(),
            Self::Admin(opcode) => is_admin && opcode.0 == subject.opcode(),
        }
    }
}

impl Action {
    /// Whether it could change anything about this.
    fn can_happen_to(&self, subject: &Subject) -> bool {
        let is_met = |target: &Target| target.op.holds(subject) && target.is_met(&subject.sqe);
        match self.on() {
            On::These(targets) => targets.iter().any(is_met),
            On::Commands | On::Only(_) | On::Anything => true,
        }
    }
}

impl Rule {
    /// Whether the rule is about this, while the rules are in `state`.
    pub(super) fn is_about(&self, subject: &Subject, state: &str) -> bool {
        self.matcher.holds(subject, state) && self.action.can_happen_to(subject)
    }
}

impl Match {
    fn holds(&self, subject: &Subject, state: &str) -> bool {
        self.op.holds(subject) && self.fields_hold(subject, state)
    }

    /// The same inside of a group, where no opcode means any subject.
    fn holds_inside(&self, subject: &Subject, state: &str) -> bool {
        (self.op == OpClass::Any || self.op.holds(subject)) && self.fields_hold(subject, state)
    }

    fn fields_hold(&self, subject: &Subject, state: &str) -> bool {
        let Self { queue, nsid, lba, sqe, data, reg, .. } = self;
        let is_in_data = |bytes: &[u8]| data.as_ref().is_none_or(|want| want.is_in(bytes));
        queue.is_none_or(|queue| queue == subject.sqid)
            && subject.is_about(*nsid, lba.as_ref())
            && reg.as_ref().is_none_or(|range| subject.reg.is_some_and(|r| overlaps(range, r)))
            && sqe.as_ref().is_none_or(|want| want.is_in(&subject.sqe.to_bytes()))
            && (data.is_none() || subject.data().is_some_and(is_in_data))
            && self.state.as_deref().is_none_or(|want| want == state)
            && self.all.iter().all(|inner| inner.holds_inside(subject, state))
            && (self.any.is_empty()
                || self.any.iter().any(|inner| inner.holds_inside(subject, state)))
            && !self.not.iter().any(|inner| inner.holds_inside(subject, state))
    }

    /// Whether this match or one inside of it asks about something.
    pub(super) fn asks(&self, about: fn(&Self) -> bool) -> bool {
        let mut inner = self.all.iter().chain(&self.any).chain(&self.not);
        about(self) || inner.any(|inner| inner.asks(about))
    }
}
