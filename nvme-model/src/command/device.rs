//! Admin commands about the device: namespaces, firmware, self-test, sanitize, directives.

use nvme_spec::command::{Directive11, FirmwareCommit10, Sanitize10, SelfTest10};
use nvme_spec::{AdminOpcode, Sqe, status};

use super::data_pointer;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};

/// Namespace Management and Namespace Attachment: the selection in dword 10.
const SELECT: u32 = 0xf;

/// A command about the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeviceCommand {
    CreateNamespace { csi: u32, data: DataPointer },
    DeleteNamespace { nsid: u32 },
    AttachNamespace { nsid: u32, data: DataPointer },
    DetachNamespace { nsid: u32, data: DataPointer },
    FirmwareDownload { offset_bytes: u64, bytes: u64, data: DataPointer },
    FirmwareCommit(FirmwareCommit10),
    SelfTest { code: u8, nsid: u32 },
    Sanitize(Sanitize10),
    KeepAlive,
    DirectiveSend { nsid: u32, which: Directive11, value: u32 },
    DirectiveReceive { nsid: u32, which: Directive11, bytes: u64, data: DataPointer },
    GetLbaStatus { nsid: u32, slba: u64, blocks: u64, action: u8, bytes: u64, data: DataPointer },
}

/// A zero-based count of dwords, in bytes.
fn dwords(count_z: u32) -> u64 {
    u64::from(count_z).saturating_add(1).saturating_mul(4)
}

impl DeviceCommand {
    pub(crate) fn decode(sqe: &Sqe) -> Result<Self, Failure> {
        let (cdw10, cdw11, nsid) = (sqe.cdw10.get(), sqe.cdw11.get(), sqe.nsid.get());
        let data = data_pointer(sqe);
        let unknown_selection = Err(Failure::field(byte::CDW10, 0));
        Ok(match AdminOpcode(sqe.opcode()) {
            AdminOpcode::NAMESPACE_MANAGEMENT => match cdw10 & SELECT {
                0 => Self::CreateNamespace { csi: cdw11 >> 24, data },
                1 => Self::DeleteNamespace { nsid },
                _ => return unknown_selection,
            },
            AdminOpcode::NAMESPACE_ATTACHMENT => match cdw10 & SELECT {
                0 => Self::AttachNamespace { nsid, data },
                1 => Self::DetachNamespace { nsid, data },
                _ => return unknown_selection,
            },
            AdminOpcode::FIRMWARE_DOWNLOAD => Self::FirmwareDownload {
                offset_bytes: u64::from(cdw11).saturating_mul(4),
                bytes: dwords(cdw10),
                data,
            },
            AdminOpcode::FIRMWARE_COMMIT => Self::FirmwareCommit(FirmwareCommit10(cdw10)),
            AdminOpcode::DEVICE_SELF_TEST => {
                Self::SelfTest { code: (SelfTest10(cdw10).stc() & 0xf) as u8, nsid }
            }
            AdminOpcode::SANITIZE => Self::Sanitize(Sanitize10(cdw10)),
            AdminOpcode::KEEP_ALIVE => Self::KeepAlive,
            AdminOpcode::DIRECTIVE_SEND => {
                let (which, value) = (Directive11(cdw11), sqe.cdw12.get());
                Self::DirectiveSend { nsid, which, value }
            }
            AdminOpcode::DIRECTIVE_RECEIVE => {
                let (which, bytes) = (Directive11(cdw11), dwords(cdw10));
                Self::DirectiveReceive { nsid, which, bytes, data }
            }
            AdminOpcode::GET_LBA_STATUS => Self::GetLbaStatus {
                nsid,
                slba: sqe.slba(),
                blocks: u64::from(sqe.cdw13.get() & 0xffff),
                action: (sqe.cdw13.get() >> 24) as u8,
                bytes: dwords(sqe.cdw12.get()),
                data,
            },
            _ => return Err(Failure::permanent(status::INVALID_OPCODE).at(byte::CDW0)),
        })
    }

    /// Whether the command moves data.
    pub(crate) fn has_data(&self) -> bool {
        matches!(
            self,
            Self::CreateNamespace { .. }
                | Self::AttachNamespace { .. }
                | Self::DetachNamespace { .. }
                | Self::FirmwareDownload { .. }
                | Self::DirectiveReceive { .. }
                | Self::GetLbaStatus { .. }
        )
    }
}
