//! I/O commands of the NVM command set.

use nvme_spec::command::{Copy12, Rw12};
use nvme_spec::copy::CopyFormat;
use nvme_spec::reservation::{REPORT_EXTENDED, Register10, Reserve10};
use nvme_spec::{NvmOpcode, Sqe, dsm, status};

use super::{data_pointer, metadata_pointer};
use crate::data::{DataPointer, MetadataPointer};
use crate::failure::{Failure, byte};
use crate::nvm::copy::entry_format;
use crate::protection::{Fields, Tags};
use crate::reservation::Access;

/// What an I/O command asks for. The blocks that it is about are in [`NvmCommand::span`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NvmOp {
    Flush,
    Read,
    Write,
    WriteZeroes { is_deallocating: bool },
    WriteUncorrectable,
    Compare,
    Verify,
    DatasetManagement { ranges: u32, is_deallocate: bool },
    Copy(CopyCommand),
    ReservationRegister(Register10),
    ReservationAcquire(Reserve10),
    ReservationRelease(Reserve10),
    ReservationReport { bytes: u64, is_extended: bool },
}

/// Blocks of a namespace, and what a command says about their protection information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) slba: u64,
    pub(crate) blocks: u32,
    pub(crate) fields: Fields,
}

/// What Copy asks for. Where to is in [`NvmCommand::span`], how many blocks in its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyCommand {
    pub(crate) ranges: u32,
    pub(crate) format: CopyFormat,
    pub(crate) source_prinfo: u32,
    pub(crate) is_source_storage_checked: bool,
}

impl NvmOp {
    /// Whether the command moves data between host and controller.
    pub(super) fn has_data(&self) -> bool {
        matches!(
            self,
            Self::Read
                | Self::Write
                | Self::Compare
                | Self::DatasetManagement { .. }
                | Self::Copy(_)
                | Self::ReservationRegister(_)
                | Self::ReservationAcquire(_)
                | Self::ReservationRelease(_)
                | Self::ReservationReport { .. }
        )
    }

    /// What reservations have to allow.
    pub(crate) fn access(&self) -> Option<Access> {
        match self {
            Self::Read | Self::Compare | Self::Verify => Some(Access::Read),
            Self::Flush
            | Self::Write
            | Self::WriteZeroes { .. }
            | Self::WriteUncorrectable
            | Self::DatasetManagement { .. }
            | Self::Copy(_) => Some(Access::Write),
            Self::ReservationRegister(_)
            | Self::ReservationAcquire(_)
            | Self::ReservationRelease(_)
            | Self::ReservationReport { .. } => None,
        }
    }
}

impl NvmOp {
    /// Whether it changes what blocks hold.
    pub(crate) fn changes_blocks(self) -> bool {
        matches!(
            self,
            Self::Write
                | Self::WriteZeroes { .. }
                | Self::WriteUncorrectable
                | Self::DatasetManagement { .. }
                | Self::Copy(_)
        )
    }
}

/// An I/O command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NvmCommand {
    pub(crate) nsid: u32,
    pub(crate) op: NvmOp,
    /// Force Unit Access: what is written, or is to be read, is on the medium first. Of other commands it means nothing.
    pub(crate) is_fua: bool,
    /// Of a command that is not about blocks it means nothing: see [`NvmCommand::blocks`].
    pub(crate) span: Span,
    pub(crate) data: DataPointer,
    pub(crate) metadata: MetadataPointer,
}

impl NvmCommand {
    /// What the command asks for. Its directive type, and what is specific to that, are ignored: there is no
    /// directive for I/O commands that could be enabled.
    // Spec: NVMe-Base-2.0c 8.7.1 "Directive Use in I/O Commands"
    pub(crate) fn decode(sqe: &Sqe) -> Result<Self, Failure> {
        let rw = Rw12(sqe.cdw12.get());
        let cdw10 = sqe.cdw10.get();
        let op = match NvmOpcode(sqe.opcode()) {
            NvmOpcode::FLUSH => NvmOp::Flush,
            NvmOpcode::READ => NvmOp::Read,
            NvmOpcode::WRITE => NvmOp::Write,
            NvmOpcode::WRITE_ZEROES => NvmOp::WriteZeroes { is_deallocating: rw.deac() != 0 },
            NvmOpcode::WRITE_UNCORRECTABLE => NvmOp::WriteUncorrectable,
            NvmOpcode::COMPARE => NvmOp::Compare,
            NvmOpcode::VERIFY => NvmOp::Verify,
            NvmOpcode::DATASET_MANAGEMENT => NvmOp::DatasetManagement {
                ranges: (cdw10 & 0xff).saturating_add(1),
                is_deallocate: sqe.cdw11.get() & dsm::ATTRIBUTE_DEALLOCATE != 0,
            },
            NvmOpcode::RESERVATION_REGISTER => NvmOp::ReservationRegister(Register10(cdw10)),
            NvmOpcode::RESERVATION_ACQUIRE => NvmOp::ReservationAcquire(Reserve10(cdw10)),
            NvmOpcode::RESERVATION_RELEASE => NvmOp::ReservationRelease(Reserve10(cdw10)),
            NvmOpcode::RESERVATION_REPORT => NvmOp::ReservationReport {
                bytes: u64::from(cdw10).saturating_add(1).saturating_mul(4),
                is_extended: sqe.cdw11.get() & REPORT_EXTENDED != 0,
            },
            NvmOpcode::COPY => NvmOp::Copy(decode_copy(sqe)?),
            _ => return Err(Failure::permanent(status::INVALID_OPCODE).at(byte::CDW0)),
        };
        let span = Span {
            slba: sqe.slba(),
            // NLB is zero-based: FFFFh means 65536 blocks, more than 16 bits hold.
            blocks: rw.nlb_z().saturating_add(1),
            fields: protection_fields(sqe, matches!(op, NvmOp::Copy(_))),
        };
        let (data, metadata) = (data_pointer(sqe), metadata_pointer(sqe));
        let is_fua = rw.fua() != 0;
        Ok(Self { nsid: sqe.nsid.get(), op, is_fua, span, data, metadata })
    }

    /// The blocks that the command is about: first and how many. Those of some commands are in their data.
    pub(crate) fn blocks(&self) -> Option<(u64, u64)> {
        let has_blocks = matches!(
            self.op,
            NvmOp::Read
                | NvmOp::Write
                | NvmOp::WriteZeroes { .. }
                | NvmOp::WriteUncorrectable
                | NvmOp::Compare
                | NvmOp::Verify
        );
        has_blocks.then_some((self.span.slba, self.span.blocks.into()))
    }
}

fn decode_copy(sqe: &Sqe) -> Result<CopyCommand, Failure> {
    let how = Copy12(sqe.cdw12.get());
    Ok(CopyCommand {
        ranges: how.nr_z().saturating_add(1),
        format: entry_format(how.desfmt())?,
        source_prinfo: how.prinfor(),
        is_source_storage_checked: how.stcr() != 0,
    })
}

/// The protection fields, those of its target if the command copies. The tags are 80 bits in dwords 2, 3 and 14,
/// of which formats use the lower ones.
// Spec: NVM-CS-1.0c 5.2.1.4 "Storage Tag and Logical Block Reference Tag"
fn protection_fields(sqe: &Sqe, is_copy: bool) -> Fields {
    let (cdw12, cdw15) = (sqe.cdw12.get(), sqe.cdw15.get());
    let (prinfo, checked) = if is_copy {
        (Copy12(cdw12).prinfow(), Copy12(cdw12).stcw())
    } else {
        (Rw12(cdw12).prinfo(), Rw12(cdw12).stc())
    };
    Fields {
        prinfo,
        is_storage_checked: checked != 0,
        tags: Tags([sqe.cdw14.get(), sqe.cdw3.get(), sqe.cdw2.get() & 0xffff, 0]),
        application: (cdw15 & 0xffff) as u16,
        application_mask: (cdw15 >> 16) as u16,
    }
}
