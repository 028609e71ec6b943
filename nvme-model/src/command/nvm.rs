//! I/O commands of the NVM command set.

use nvme_spec::command::{Copy12, Rw12};
use nvme_spec::copy::CopyFormat;
use nvme_spec::reservation::{REPORT_EXTENDED, Register10, Reserve10};
use nvme_spec::{NvmOpcode, Sqe, dsm, status};

use super::{data_pointer, metadata_pointer};
use crate::data::{DataPointer, MetadataPointer};
use crate::failure::{Failure, byte};
use crate::nvm::copy::entry_format;
use crate::protection::Fields;
use crate::reservation::Access;

/// What an I/O command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NvmOp {
    Flush,
    Read { slba: u64, blocks: u32, fields: Fields },
    Write { slba: u64, blocks: u32, fields: Fields, is_fua: bool },
    WriteZeroes { slba: u64, blocks: u32, fields: Fields, is_deallocating: bool },
    WriteUncorrectable { slba: u64, blocks: u32 },
    Compare { slba: u64, blocks: u32, fields: Fields },
    Verify { slba: u64, blocks: u32, fields: Fields },
    DatasetManagement { ranges: u32, is_deallocate: bool },
    Copy(CopyCommand),
    ReservationRegister(Register10),
    ReservationAcquire(Reserve10),
    ReservationRelease(Reserve10),
    ReservationReport { bytes: u64, is_extended: bool },
}

/// What Copy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyCommand {
    /// Where to.
    pub(crate) slba: u64,
    pub(crate) ranges: u32,
    pub(crate) format: CopyFormat,
    pub(crate) is_fua: bool,
    /// Protection information at the destination.
    pub(crate) fields: Fields,
    pub(crate) source_prinfo: u32,
    pub(crate) is_source_storage_checked: bool,
}

impl NvmOp {
    /// Whether the command moves data between host and controller.
    pub(super) fn has_data(&self) -> bool {
        matches!(
            self,
            Self::Read { .. }
                | Self::Write { .. }
                | Self::Compare { .. }
                | Self::DatasetManagement { .. }
                | Self::Copy(_)
                | Self::ReservationRegister(_)
                | Self::ReservationAcquire(_)
                | Self::ReservationRelease(_)
                | Self::ReservationReport { .. }
        )
    }

    /// The blocks that the command is about: first and how many.
    pub(super) fn blocks(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Read { slba, blocks, .. }
            | Self::Write { slba, blocks, .. }
            | Self::WriteZeroes { slba, blocks, .. }
            | Self::WriteUncorrectable { slba, blocks }
            | Self::Compare { slba, blocks, .. }
            | Self::Verify { slba, blocks, .. } => Some((slba, blocks.into())),
            _ => None,
        }
    }

    /// What reservations have to allow.
    pub(crate) fn access(&self) -> Option<Access> {
        match self {
            Self::Read { .. } | Self::Compare { .. } | Self::Verify { .. } => Some(Access::Read),
            Self::Flush
            | Self::Write { .. }
            | Self::WriteZeroes { .. }
            | Self::WriteUncorrectable { .. }
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
            Self::Write { .. }
                | Self::WriteZeroes { .. }
                | Self::WriteUncorrectable { .. }
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
    pub(crate) data: DataPointer,
    pub(crate) metadata: MetadataPointer,
}

impl NvmCommand {
    pub(crate) fn decode(sqe: &Sqe) -> Result<Self, Failure> {
        let rw = Rw12(sqe.cdw12.get());
        let (slba, cdw10) = (sqe.slba(), sqe.cdw10.get());
        // NLB is zero-based: FFFFh means 65536 blocks, more than 16 bits hold.
        let blocks = rw.nlb_z().saturating_add(1);
        let fields = protection_fields(sqe, rw.prinfo());
        let op = match NvmOpcode(sqe.opcode()) {
            NvmOpcode::FLUSH => NvmOp::Flush,
            NvmOpcode::READ => NvmOp::Read { slba, blocks, fields },
            NvmOpcode::WRITE if rw.dtype() != 0 => return Err(Failure::field(byte::CDW12, 4)),
            NvmOpcode::WRITE => NvmOp::Write { slba, blocks, fields, is_fua: rw.fua() != 0 },
            NvmOpcode::WRITE_ZEROES => {
                NvmOp::WriteZeroes { slba, blocks, fields, is_deallocating: rw.deac() != 0 }
            }
            NvmOpcode::WRITE_UNCORRECTABLE => NvmOp::WriteUncorrectable { slba, blocks },
            NvmOpcode::COMPARE => NvmOp::Compare { slba, blocks, fields },
            NvmOpcode::VERIFY => NvmOp::Verify { slba, blocks, fields },
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
        let (data, metadata) = (data_pointer(sqe), metadata_pointer(sqe));
        Ok(Self { nsid: sqe.nsid.get(), op, data, metadata })
    }
}

fn decode_copy(sqe: &Sqe) -> Result<CopyCommand, Failure> {
    let how = Copy12(sqe.cdw12.get());
    if how.dtype() != 0 {
        return Err(Failure::field(byte::CDW12.saturating_add(2), 4));
    }
    Ok(CopyCommand {
        slba: sqe.slba(),
        ranges: how.nr_z().saturating_add(1),
        format: entry_format(how.desfmt())?,
        is_fua: how.fua() != 0,
        fields: Fields {
            is_storage_checked: how.stcw() != 0,
            ..protection_fields(sqe, how.prinfow())
        },
        source_prinfo: how.prinfor(),
        is_source_storage_checked: how.stcr() != 0,
    })
}

/// The protection fields: the tags are 80 bits in dwords 2, 3 and 14, of which formats use the lower ones.
// Spec: NVM-CS-1.0c 5.2.1.4 "Storage Tag and Logical Block Reference Tag"
fn protection_fields(sqe: &Sqe, prinfo: u32) -> Fields {
    let upper = u128::from(sqe.cdw2.get() & 0xffff) << 64 | u128::from(sqe.cdw3.get()) << 32;
    let [a0, a1, m0, m1] = sqe.cdw15.get().to_le_bytes();
    Fields {
        prinfo,
        is_storage_checked: Rw12(sqe.cdw12.get()).stc() != 0,
        tags: upper | u128::from(sqe.cdw14.get()),
        application: u16::from_le_bytes([a0, a1]),
        application_mask: u16::from_le_bytes([m0, m1]),
    }
}
