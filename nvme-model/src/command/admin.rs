//! Admin commands.

use nvme_spec::command::{
    Abort10, CreateQueue10, CreateSq11, GetFeatures10, Identify10, LogPage10, QueueFlags11,
    SetFeatures10,
};
use nvme_spec::{AdminOpcode, Sqe};

use super::{DeviceCommand, data_pointer};
use crate::data::DataPointer;
use crate::failure::{Failure, byte};

/// The low 16 bits of a dword.
fn low16(dword: u32) -> u16 {
    (dword & 0xffff) as u16
}

/// The low 8 bits of a dword.
fn low8(dword: u32) -> u8 {
    (dword & 0xff) as u8
}

/// An admin command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AdminCommand {
    DeleteSq {
        sqid: u16,
    },
    CreateSq {
        sqid: u16,
        size_z: u16,
        cqid: u16,
        base: u64,
    },
    DeleteCq {
        cqid: u16,
    },
    CreateCq {
        cqid: u16,
        size_z: u16,
        vector: Option<u16>,
        base: u64,
    },
    GetLogPage {
        lid: u8,
        /// Specific to the page.
        lsp: u8,
        nsid: u32,
        length: u64,
        offset: u64,
        is_retained: bool,
        data: DataPointer,
    },
    Identify {
        cns: u8,
        /// The controller, where the structure is about one.
        cntid: u16,
        /// The command set, where the structure is about one.
        csi: u8,
        nsid: u32,
        data: DataPointer,
    },
    Abort {
        sqid: u16,
        cid: u16,
    },
    SetFeatures {
        fid: u8,
        is_saved: bool,
        nsid: u32,
        value: u32,
        data: DataPointer,
    },
    GetFeatures {
        fid: u8,
        sel: u32,
        nsid: u32,
        value: u32,
        data: DataPointer,
    },
    AsyncEventRequest,
    Device(DeviceCommand),
}

impl AdminCommand {
    pub(crate) fn decode(sqe: &Sqe) -> Result<Self, Failure> {
        let (cdw10, cdw11) = (sqe.cdw10.get(), sqe.cdw11.get());
        let nsid = sqe.nsid.get();
        Ok(match AdminOpcode(sqe.opcode()) {
            AdminOpcode::DELETE_IO_SQ => Self::DeleteSq { sqid: low16(cdw10) },
            AdminOpcode::DELETE_IO_CQ => Self::DeleteCq { cqid: low16(cdw10) },
            AdminOpcode::CREATE_IO_SQ => Self::decode_create_sq(sqe)?,
            AdminOpcode::CREATE_IO_CQ => Self::decode_create_cq(sqe)?,
            AdminOpcode::GET_LOG_PAGE => Self::decode_get_log_page(sqe),
            AdminOpcode::IDENTIFY => Self::Identify {
                cns: low8(Identify10(cdw10).cns()),
                cntid: low16(Identify10(cdw10).cntid()),
                csi: low8(cdw11 >> 24),
                nsid,
                data: data_pointer(sqe),
            },
            AdminOpcode::ABORT => {
                let target = Abort10(cdw10);
                Self::Abort { sqid: low16(target.sqid()), cid: low16(target.cid()) }
            }
            AdminOpcode::SET_FEATURES => {
                let which = SetFeatures10(cdw10);
                let (fid, is_saved) = (low8(which.fid()), which.sv() != 0);
                Self::SetFeatures { fid, is_saved, nsid, value: cdw11, data: data_pointer(sqe) }
            }
            AdminOpcode::GET_FEATURES => {
                let which = GetFeatures10(cdw10);
                let (fid, sel) = (low8(which.fid()), which.sel());
                Self::GetFeatures { fid, sel, nsid, value: cdw11, data: data_pointer(sqe) }
            }
            AdminOpcode::ASYNC_EVENT_REQUEST => Self::AsyncEventRequest,
            _ => Self::Device(DeviceCommand::decode(sqe)?),
        })
    }

    fn decode_create_sq(sqe: &Sqe) -> Result<Self, Failure> {
        let (which, flags) = (CreateQueue10(sqe.cdw10.get()), CreateSq11(sqe.cdw11.get()));
        if flags.pc() == 0 {
            return Err(Failure::field(byte::CDW11, 0));
        }
        Ok(Self::CreateSq {
            sqid: low16(which.qid()),
            size_z: low16(which.size_z()),
            cqid: low16(flags.cqid()),
            base: sqe.prp1.get(),
        })
    }

    fn decode_create_cq(sqe: &Sqe) -> Result<Self, Failure> {
        let (which, flags) = (CreateQueue10(sqe.cdw10.get()), QueueFlags11(sqe.cdw11.get()));
        if flags.pc() == 0 {
            return Err(Failure::field(byte::CDW11, 0));
        }
        Ok(Self::CreateCq {
            cqid: low16(which.qid()),
            size_z: low16(which.size_z()),
            vector: (flags.ien() != 0).then(|| low16(flags.iv())),
            base: sqe.prp1.get(),
        })
    }

    fn decode_get_log_page(sqe: &Sqe) -> Self {
        let which = LogPage10(sqe.cdw10.get());
        let dwords_z = u64::from(sqe.cdw11.get() & 0xffff) << 16 | u64::from(which.numdl_z());
        Self::GetLogPage {
            lid: low8(which.lid()),
            lsp: low8(which.lsp()),
            nsid: sqe.nsid.get(),
            length: dwords_z.saturating_add(1).saturating_mul(4),
            offset: u64::from(sqe.cdw13.get()) << 32 | u64::from(sqe.cdw12.get()),
            is_retained: which.rae() != 0,
            data: data_pointer(sqe),
        }
    }
}
