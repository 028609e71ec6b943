//! I/O commands of the NVM command set.

use nvme_spec::command::Rw12;
use nvme_spec::{NvmOpcode, Sqe, dsm, status};

use super::data_pointer;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};

/// What an I/O command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NvmOp {
    Flush,
    Read { slba: u64, blocks: u32 },
    Write { slba: u64, blocks: u32, is_fua: bool },
    WriteZeroes { slba: u64, blocks: u32 },
    WriteUncorrectable { slba: u64, blocks: u32 },
    Compare { slba: u64, blocks: u32 },
    Verify { slba: u64, blocks: u32 },
    DatasetManagement { ranges: u32, is_deallocate: bool },
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
        )
    }
}

/// An I/O command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NvmCommand {
    pub(crate) nsid: u32,
    pub(crate) op: NvmOp,
    pub(crate) data: DataPointer,
}

impl NvmCommand {
    pub(crate) fn decode(sqe: &Sqe) -> Result<Self, Failure> {
        let rw = Rw12(sqe.cdw12.get());
        let slba = sqe.slba();
        // NLB is zero-based: FFFFh means 65536 blocks, more than 16 bits hold.
        let blocks = rw.nlb_z().saturating_add(1);
        let op = match NvmOpcode(sqe.opcode()) {
            NvmOpcode::FLUSH => NvmOp::Flush,
            NvmOpcode::READ => NvmOp::Read { slba, blocks },
            NvmOpcode::WRITE if rw.dtype() != 0 => return Err(Failure::field(byte::CDW12, 4)),
            NvmOpcode::WRITE => NvmOp::Write { slba, blocks, is_fua: rw.fua() != 0 },
            NvmOpcode::WRITE_ZEROES => NvmOp::WriteZeroes { slba, blocks },
            NvmOpcode::WRITE_UNCORRECTABLE => NvmOp::WriteUncorrectable { slba, blocks },
            NvmOpcode::COMPARE => NvmOp::Compare { slba, blocks },
            NvmOpcode::VERIFY => NvmOp::Verify { slba, blocks },
            NvmOpcode::DATASET_MANAGEMENT => NvmOp::DatasetManagement {
                ranges: (sqe.cdw10.get() & 0xff).saturating_add(1),
                is_deallocate: sqe.cdw11.get() & dsm::ATTRIBUTE_DEALLOCATE != 0,
            },
            _ => return Err(Failure::permanent(status::INVALID_OPCODE).at(byte::CDW0)),
        };
        Ok(Self { nsid: sqe.nsid.get(), op, data: data_pointer(sqe) })
    }
}
