//! Whether a rule is about a command, and what several rules together do to it.

use nvme_spec::Status;

use super::rule::{Action, Match, OpClass, SqeMask};

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
}

/// What rules want done before and while the command is executed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SubmissionFaults {
    pub(crate) status: Option<Status>,
    pub(crate) delay_ns: u64,
    pub(crate) is_hung: bool,
    pub(crate) corrupt: Vec<(u64, u8)>,
    pub(crate) is_lost_write: bool,
    pub(crate) is_abort_ignored: bool,
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
            Action::IgnoreAbort => self.is_abort_ignored = true,
            Action::Cfs => self.is_fatal = true,
            Action::Remove => self.is_removal = true,
            Action::Drop | Action::Duplicate | Action::WrongCid(_) | Action::LostInterrupt => {}
        }
    }

    /// Applies the corruptions to data on its way.
    pub(crate) fn corrupt(&self, data: &mut [u8]) {
        for (offset, xor) in &self.corrupt {
            let index = offset
                .checked_rem(data.len() as u64)
                .and_then(|i| usize::try_from(i).ok());
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
    pub(crate) is_interrupt_lost: bool,
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
            Action::LostInterrupt => self.is_interrupt_lost = true,
            Action::Cfs => self.is_fatal = true,
            Action::Remove => self.is_removal = true,
            Action::Hang | Action::Corrupt { .. } | Action::LostWrite | Action::IgnoreAbort => {}
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
            && self
                .sqe
                .as_ref()
                .is_none_or(|mask| mask.holds(&subject.sqe))
    }
}
