//! Whether a rule is about a command, and what several rules together do to it.

use nvme_spec::Status;

use super::action::{Action, DmaTarget, PhaseFault, Torn};
use super::rule::{Match, OpClass, SqeMask, Transition};

/// What rules see of a command.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its number, from 1 over the controller's life.
    pub(crate) number: u64,
    pub(crate) sqid: u16,
    pub(crate) opcode: u8,
    pub(crate) nsid: u32,
    /// Its blocks; `None` if it has none.
    pub(crate) lba: Option<(u64, u64)>,
    pub(crate) sqe: [u8; nvme_spec::SQE_BYTES],
    /// Set if this is no command at all.
    pub(crate) transition: Option<Transition>,
}

impl Subject {
    /// A change of the controller's state after `number` commands.
    pub(super) fn of_transition(transition: Transition, number: u64) -> Self {
        Self {
            number,
            sqid: nvme_spec::ADMIN_QID,
            opcode: 0,
            nsid: 0,
            lba: None,
            sqe: [0; nvme_spec::SQE_BYTES],
            transition: Some(transition),
        }
    }
}

/// What rules want done before and while the command is executed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SubmissionFaults {
    pub(crate) status: Option<Status>,
    pub(crate) delay_ns: u64,
    pub(crate) is_hung: bool,
    pub(crate) corrupt: Vec<(u64, u8)>,
    pub(crate) is_lost_write: bool,
    pub(crate) torn: Option<Torn>,
    pub(crate) misdirect: Option<u64>,
    pub(crate) is_stale_read: bool,
    pub(crate) is_abort_ignored: bool,
    pub(crate) is_deletion_ignored: bool,
    pub(crate) has_spurious_interrupt: bool,
    pub(crate) is_data_refused: bool,
    pub(crate) is_entry_refused: bool,
    pub(crate) is_fatal: bool,
    pub(crate) is_removal: bool,
}

impl SubmissionFaults {
    pub(crate) fn add(&mut self, action: &Action) {
        match action {
            // The first rule that gives a status wins: rules are asked in the plan's order.
            Action::Status(status) => {
                self.status.get_or_insert(*status);
            }
            Action::Delay(ns) => self.delay_ns = self.delay_ns.saturating_add(*ns),
            Action::Hang => self.is_hung = true,
            Action::Corrupt { offset, xor } => self.corrupt.push((*offset, *xor)),
            Action::LostWrite => self.is_lost_write = true,
            Action::Torn(torn) => self.torn = Some(*torn),
            Action::Misdirect(lba) => self.misdirect = Some(*lba),
            Action::StaleRead => self.is_stale_read = true,
            Action::IgnoreAbort => self.is_abort_ignored = true,
            Action::IgnoreDeleteQueue => self.is_deletion_ignored = true,
            Action::SpuriousInterrupt => self.has_spurious_interrupt = true,
            Action::DmaError(DmaTarget::Data) => self.is_data_refused = true,
            Action::DmaError(DmaTarget::Sqe) => self.is_entry_refused = true,
            Action::Cfs => self.is_fatal = true,
            Action::Remove => self.is_removal = true,
            // The rest is asked for at completion or at a transition.
            _ => {}
        }
    }

    /// Whether the controller stops instead of taking the command.
    pub(crate) fn is_stop(&self) -> bool {
        self.is_removal || self.is_fatal || self.is_entry_refused
    }

    /// Applies the corruptions to data on its way.
    pub(crate) fn corrupt(&self, data: &mut [u8]) {
        for (offset, xor) in &self.corrupt {
            let index = offset.checked_rem(data.len() as u64).and_then(|i| usize::try_from(i).ok());
            if let Some(byte) = index.and_then(|index| data.get_mut(index)) {
                *byte ^= xor;
            }
        }
    }
}

/// What rules want done when the completion is about to be posted.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompletionFaults {
    pub(crate) status: Option<Status>,
    pub(crate) delay_ns: u64,
    pub(crate) is_dropped: bool,
    pub(crate) is_duplicated: bool,
    pub(crate) wrong_cid: Option<u16>,
    pub(crate) wrong_sqid: Option<u16>,
    pub(crate) wrong_sqhd: Option<u16>,
    pub(crate) wrong_phase: Option<PhaseFault>,
    pub(crate) is_interrupt_lost: bool,
    pub(crate) interrupt_delay_ns: Option<u64>,
    pub(crate) is_entry_refused: bool,
    pub(crate) is_fatal: bool,
    pub(crate) is_removal: bool,
}

impl CompletionFaults {
    pub(crate) fn add(&mut self, action: &Action) {
        match action {
            Action::Status(status) => {
                self.status.get_or_insert(*status);
            }
            Action::Delay(ns) => self.delay_ns = self.delay_ns.saturating_add(*ns),
            Action::Drop => self.is_dropped = true,
            Action::Duplicate => self.is_duplicated = true,
            Action::WrongCid(cid) => self.wrong_cid = Some(*cid),
            Action::WrongSqid(sqid) => self.wrong_sqid = Some(*sqid),
            Action::WrongSqhd(sqhd) => self.wrong_sqhd = Some(*sqhd),
            Action::WrongPhase(phase) => self.wrong_phase = Some(*phase),
            Action::LostInterrupt => self.is_interrupt_lost = true,
            Action::LateInterrupt(ns) => self.interrupt_delay_ns = Some(*ns),
            Action::DmaError(DmaTarget::Cqe) => self.is_entry_refused = true,
            Action::Cfs => self.is_fatal = true,
            Action::Remove => self.is_removal = true,
            // The rest is asked for at submission or at a transition.
            _ => {}
        }
    }

    /// Whether the controller stops instead of posting.
    pub(crate) fn is_stop(&self) -> bool {
        self.is_removal || self.is_fatal || self.is_entry_refused
    }
}

/// What becomes of CSTS.RDY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReadyFault {
    #[default]
    None,
    /// It follows so much later.
    Late(u64),
    /// It never follows.
    Never,
}

impl ReadyFault {
    /// When RDY changes that would have at `at_ns`.
    pub(crate) fn apply(self, at_ns: u64) -> Option<u64> {
        match self {
            Self::None => Some(at_ns),
            Self::Late(ns) => Some(at_ns.saturating_add(ns)),
            Self::Never => None,
        }
    }
}

/// What rules want done while the controller changes its state.
#[derive(Clone, Debug, Default)]
pub(crate) struct TransitionFaults {
    pub(crate) ready: ReadyFault,
    pub(crate) is_ignored: bool,
    pub(crate) is_fatal: bool,
    pub(crate) is_removal: bool,
}

impl TransitionFaults {
    pub(crate) fn add(&mut self, action: &Action) {
        match action {
            Action::RdyNever => self.ready = ReadyFault::Never,
            Action::RdyDelay(ns) if self.ready == ReadyFault::None => {
                self.ready = ReadyFault::Late(*ns);
            }
            Action::IgnoreReset | Action::IgnoreShutdown => self.is_ignored = true,
            Action::Cfs => self.is_fatal = true,
            Action::Remove => self.is_removal = true,
            // The rest is about commands.
            _ => {}
        }
    }
}

impl SqeMask {
    fn holds(&self, sqe: &[u8]) -> bool {
        let Some(bytes) = sqe.get(usize::from(self.offset)..) else {
            return false;
        };
        bytes.len() >= self.value.len()
            && bytes
                .iter()
                .zip(self.value.iter().zip(&self.mask))
                .all(|(byte, (value, mask))| byte & mask == value & mask)
    }
}

impl Match {
    pub(crate) fn holds(&self, subject: &Subject) -> bool {
        let is_admin = subject.sqid == nvme_spec::ADMIN_QID;
        let is_op = match self.op {
            OpClass::Transition(transition) => subject.transition == Some(transition),
            _ if subject.transition.is_some() => false,
            OpClass::Any => true,
            OpClass::AnyIo => !is_admin,
            OpClass::AnyAdmin => is_admin,
            OpClass::Io(opcode) => !is_admin && opcode.0 == subject.opcode,
            OpClass::Admin(opcode) => is_admin && opcode.0 == subject.opcode,
        };
        let touches = |range: &std::ops::Range<u64>| {
            subject.lba.is_some_and(|(slba, blocks)| {
                slba < range.end && range.start < slba.saturating_add(blocks)
            })
        };
        is_op
            && self.queue.is_none_or(|queue| queue == subject.sqid)
            && self.nsid.is_none_or(|nsid| nsid == subject.nsid)
            && self.lba.as_ref().is_none_or(touches)
            && self.sqe.as_ref().is_none_or(|mask| mask.holds(&subject.sqe))
    }
}
