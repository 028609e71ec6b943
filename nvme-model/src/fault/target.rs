//! Which commands something can happen to.
//!
//! A write that is lost is a fault; a read that is "lost as a write" is none, and a run that counted it as fired
//! would claim to have tried what it never tried. So what happens only on the way of some commands names
//! these: a rule that is about none of them is refused, and one that is about more sees these alone.
//!
//! It goes by the entry of a command. What depends on the rest does count: a byte that is corrupted into the
//! one it was, a read of blocks that were written once, a command that is refused before it moves any data.

use std::fmt;

use nvme_spec::command::{Rw12, SetFeatures10, prinfo};
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe, dsm, feature};

use super::rule::OpClass;

/// Commands that something can happen to: those of one opcode, or some of them.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The opcode; never a class of them.
    pub op: OpClass,
    /// What the entry must say.
    needs: Option<Need>,
}

/// What the entry of a command must say beside its opcode.
#[derive(Clone, Copy, Debug)]
struct Need {
    words: &'static str,
    is_met: fn(&Sqe) -> bool,
}

const fn io(opcode: NvmOpcode) -> Target {
    Target { op: OpClass::Io(opcode), needs: None }
}

const fn admin(opcode: AdminOpcode) -> Target {
    Target { op: OpClass::Admin(opcode), needs: None }
}

impl Target {
    const fn that(self, needs: Need) -> Self {
        Self { needs: Some(needs), ..self }
    }

    /// Whether this entry of the target's opcode says what it must.
    pub(super) fn is_met(&self, sqe: &Sqe) -> bool {
        self.needs.is_none_or(|needs| (needs.is_met)(sqe))
    }
}

/// The word of a rule, and what else the entry must say: `write-zeroes with PRACT`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.op.fmt(f)?;
        self.needs.map_or(Ok(()), |needs| write!(f, " {}", needs.words))
    }
}

/// Zeros that are written: with protection information of their own they are blocks like any other.
const WITH_ACTION: Need = Need {
    words: "with PRACT",
    is_met: |sqe| Rw12(sqe.cdw12.get()).prinfo() & prinfo::ACTION != 0,
};

const THAT_DEALLOCATES: Need =
    Need { words: "with AD", is_met: |sqe| sqe.cdw11.get() & dsm::ATTRIBUTE_DEALLOCATE != 0 };

/// Namespace Management that creates one.
const THAT_CREATES: Need = Need { words: "with SEL=0", is_met: |sqe| sqe.cdw10.get() & 0xf == 0 };

const OF_A_FEATURE_WITH_DATA: Need = Need {
    words: "of a feature with data",
    is_met: |sqe| feature::has_data((SetFeatures10(sqe.cdw10.get()).fid() & 0xff) as u8),
};

const ZEROES_WITH_ACTION: Target = io(NvmOpcode::WRITE_ZEROES).that(WITH_ACTION);

/// Commands whose data can be changed on the way.
pub(super) const CHANGED: &[Target] = &[
    io(NvmOpcode::READ),
    io(NvmOpcode::WRITE),
    io(NvmOpcode::COMPARE),
    io(NvmOpcode::DATASET_MANAGEMENT),
    io(NvmOpcode::COPY),
    ZEROES_WITH_ACTION,
    admin(AdminOpcode::IDENTIFY),
    admin(AdminOpcode::GET_LOG_PAGE),
    admin(AdminOpcode::DIRECTIVE_RECEIVE),
    admin(AdminOpcode::GET_LBA_STATUS),
];

/// Commands whose data can arrive in part.
pub(super) const CUT_SHORT: &[Target] = &[
    io(NvmOpcode::READ),
    io(NvmOpcode::WRITE),
    io(NvmOpcode::COPY),
    admin(AdminOpcode::IDENTIFY),
    admin(AdminOpcode::GET_LOG_PAGE),
    admin(AdminOpcode::DIRECTIVE_RECEIVE),
    admin(AdminOpcode::GET_LBA_STATUS),
];

/// Commands with a transfer that can fail.
pub(super) const WITH_DATA: &[Target] = &[
    io(NvmOpcode::READ),
    io(NvmOpcode::WRITE),
    io(NvmOpcode::COMPARE),
    io(NvmOpcode::DATASET_MANAGEMENT),
    io(NvmOpcode::COPY),
    io(NvmOpcode::RESERVATION_REGISTER),
    io(NvmOpcode::RESERVATION_REPORT),
    io(NvmOpcode::RESERVATION_ACQUIRE),
    io(NvmOpcode::RESERVATION_RELEASE),
    admin(AdminOpcode::IDENTIFY),
    admin(AdminOpcode::GET_LOG_PAGE),
    admin(AdminOpcode::SET_FEATURES).that(OF_A_FEATURE_WITH_DATA),
    admin(AdminOpcode::GET_FEATURES).that(OF_A_FEATURE_WITH_DATA),
    admin(AdminOpcode::NAMESPACE_MANAGEMENT).that(THAT_CREATES),
    admin(AdminOpcode::NAMESPACE_ATTACHMENT),
    admin(AdminOpcode::FIRMWARE_DOWNLOAD),
    admin(AdminOpcode::DIRECTIVE_RECEIVE),
    admin(AdminOpcode::GET_LBA_STATUS),
];

/// Commands that store blocks, and could leave them as they are.
pub(super) const LOSABLE: &[Target] = &[
    io(NvmOpcode::WRITE),
    io(NvmOpcode::WRITE_ZEROES),
    io(NvmOpcode::WRITE_UNCORRECTABLE),
    io(NvmOpcode::DATASET_MANAGEMENT).that(THAT_DEALLOCATES),
    io(NvmOpcode::COPY),
];

/// Commands that store bytes, and could store some of them, or elsewhere.
pub(super) const STORING: &[Target] =
    &[io(NvmOpcode::WRITE), io(NvmOpcode::COPY), ZEROES_WITH_ACTION];

/// Commands that look at what blocks hold.
pub(super) const LOADING: &[Target] =
    &[io(NvmOpcode::READ), io(NvmOpcode::COMPARE), io(NvmOpcode::COPY)];

/// I/O commands that do anything, and what else moves data when it is carried out late.
pub(super) const POSTPONABLE: &[Target] = &[
    io(NvmOpcode::FLUSH),
    io(NvmOpcode::WRITE),
    io(NvmOpcode::READ),
    io(NvmOpcode::WRITE_UNCORRECTABLE),
    io(NvmOpcode::COMPARE),
    io(NvmOpcode::WRITE_ZEROES),
    io(NvmOpcode::DATASET_MANAGEMENT),
    io(NvmOpcode::VERIFY),
    io(NvmOpcode::RESERVATION_REGISTER),
    io(NvmOpcode::RESERVATION_REPORT),
    io(NvmOpcode::RESERVATION_ACQUIRE),
    io(NvmOpcode::RESERVATION_RELEASE),
    io(NvmOpcode::COPY),
    admin(AdminOpcode::IDENTIFY),
    admin(AdminOpcode::GET_LOG_PAGE),
];

/// The same but for those that only say how something compares: who is told otherwise hears no more of it.
pub(super) const LEAVING_A_TRACE: &[Target] = &[
    io(NvmOpcode::FLUSH),
    io(NvmOpcode::WRITE),
    io(NvmOpcode::READ),
    io(NvmOpcode::WRITE_UNCORRECTABLE),
    io(NvmOpcode::WRITE_ZEROES),
    io(NvmOpcode::DATASET_MANAGEMENT).that(THAT_DEALLOCATES),
    io(NvmOpcode::RESERVATION_REGISTER),
    io(NvmOpcode::RESERVATION_REPORT),
    io(NvmOpcode::RESERVATION_ACQUIRE),
    io(NvmOpcode::RESERVATION_RELEASE),
    io(NvmOpcode::COPY),
    admin(AdminOpcode::IDENTIFY),
    admin(AdminOpcode::GET_LOG_PAGE),
];

/// Aborts.
pub(super) const ABORTS: &[Target] = &[admin(AdminOpcode::ABORT)];

/// What starts a sanitize.
pub(super) const SANITIZES: &[Target] = &[admin(AdminOpcode::SANITIZE)];

/// Commands that delete a queue.
pub(super) const DELETES: &[Target] =
    &[admin(AdminOpcode::DELETE_IO_SQ), admin(AdminOpcode::DELETE_IO_CQ)];
