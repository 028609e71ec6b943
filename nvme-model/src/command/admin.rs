//! Admin commands.

use nvme_spec::command::{
    Abort10, CreateQueue10, CreateSq11, FormatNvm10, GetFeatures10, Identify10, LogPage10,
    QueueFlags11, SetFeatures10,
};
use nvme_spec::{AdminOpcode, Sqe, feature, status};

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

/// The features that are about reservations.
const RESERVATION_FEATURES: [u8; 3] =
    [feature::HOST_IDENTIFIER, feature::RESERVATION_MASK, feature::RESERVATION_PERSISTENCE];

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
    ReservationFeature(ReservationFeature),
    FormatNvm {
        nsid: u32,
        how: FormatNvm10,
    },
}

/// Set Features or Get Features, of a feature that is about reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReservationFeature {
    pub(crate) is_set: bool,
    pub(crate) fid: u8,
    pub(crate) sel: u32,
    pub(crate) nsid: u32,
    pub(crate) value: u32,
    pub(crate) data: DataPointer,
}

impl ReservationFeature {
    /// The command, if it is about one of these features.
    fn decode(sqe: &Sqe) -> Result<Option<Self>, Failure> {
        let is_set = AdminOpcode(sqe.opcode()) == AdminOpcode::SET_FEATURES;
        let is_get = AdminOpcode(sqe.opcode()) == AdminOpcode::GET_FEATURES;
        let cdw10 = sqe.cdw10.get();
        let fid = low8(GetFeatures10(cdw10).fid());
        if !is_set && !is_get || !RESERVATION_FEATURES.contains(&fid) {
            return Ok(None);
        }
        if is_set && SetFeatures10(cdw10).sv() != 0 {
            return Err(Failure::permanent(status::FEATURE_NOT_SAVEABLE).at(byte::CDW10));
        }
        let sel = if is_set { feature::SEL_CURRENT } else { GetFeatures10(cdw10).sel() };
        let (nsid, value, data) = (sqe.nsid.get(), sqe.cdw11.get(), data_pointer(sqe));
        Ok(Some(Self { is_set, fid, sel, nsid, value, data }))
    }
}

impl AdminCommand {
    pub(crate) fn decode(sqe: &Sqe) -> Result<Self, Failure> {
        let (cdw10, cdw11) = (sqe.cdw10.get(), sqe.cdw11.get());
        let nsid = sqe.nsid.get();
        if let Some(command) = ReservationFeature::decode(sqe)? {
            return Ok(Self::ReservationFeature(command));
        }
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
            AdminOpcode::FORMAT_NVM => Self::FormatNvm { nsid, how: FormatNvm10(cdw10) },
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
