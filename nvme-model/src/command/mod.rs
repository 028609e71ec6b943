//! Commands as the rest of the controller knows them: every field decoded and checked once, here.

mod admin;
mod device;
mod nvm;

use nvme_spec::sgl::{PSDT_PRP, PSDT_SGL, PSDT_SGL_METADATA};
use nvme_spec::{Sqe, feature};

pub(crate) use admin::AdminCommand;
pub(crate) use device::DeviceCommand;
pub(crate) use nvm::{CopyCommand, NvmCommand, NvmOp, Span};

use crate::controller::check_fuse;
use crate::data::{DataPointer, MetadataPointer};
use crate::failure::{Failure, byte};

/// A command whose fields are valid in themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Admin(AdminCommand),
    Nvm(NvmCommand),
}

impl Command {
    /// Decodes an entry of submission queue `sqid`.
    ///
    /// # Errors
    /// What the command completes with.
    pub(crate) fn decode(sqid: u16, sqe: &Sqe) -> Result<Self, Failure> {
        let is_admin = sqid == nvme_spec::ADMIN_QID;
        // An unknown opcode is Invalid Opcode whatever its other fields hold.
        let command = if is_admin {
            AdminCommand::decode(sqe).map(Self::Admin)
        } else {
            NvmCommand::decode(sqe).map(Self::Nvm)
        };
        // Nearly every command is alone and has PRPs.
        let is_plain = sqe.dword0().fuse() == 0 && sqe.dword0().psdt() == PSDT_PRP;
        let is_unknown = || {
            let code = command.as_ref().err().map(|failure| failure.status.code);
            code == Some(nvme_spec::status::INVALID_OPCODE)
        };
        if !is_plain && !is_unknown() {
            check_fuse(sqe, command.as_ref().ok())?;
            check_pointer_type(sqe, is_admin)?;
        }
        command
    }

    /// Whether the command moves data between host and controller.
    pub(crate) fn has_data(&self) -> bool {
        match self {
            Self::Nvm(command) => command.op.has_data(),
            Self::Admin(AdminCommand::Device(command)) => command.has_data(),
            Self::Admin(AdminCommand::SetFeatures { fid, .. }) => feature::has_data(*fid),
            Self::Admin(AdminCommand::GetFeatures { fid, sel, .. }) => {
                feature::has_data(*fid) && *sel != feature::SEL_CAPABILITIES
            }
            Self::Admin(command) => {
                matches!(command, AdminCommand::Identify { .. } | AdminCommand::GetLogPage { .. })
            }
        }
    }

    /// The blocks that the command is about: first and how many.
    pub(crate) fn blocks(&self) -> Option<(u64, u64)> {
        match self {
            Self::Nvm(command) => command.blocks(),
            Self::Admin(_) => None,
        }
    }
}

/// SGLs are for I/O commands only.
// Spec: NVMe-Base-2.0c 3.3.3.1 "PRP or SGL for Data Transfer (PSDT)"
fn check_pointer_type(sqe: &Sqe, is_admin: bool) -> Result<(), Failure> {
    let is_known = match sqe.dword0().psdt() {
        PSDT_PRP => true,
        PSDT_SGL | PSDT_SGL_METADATA => !is_admin,
        _ => false,
    };
    if is_known { Ok(()) } else { Err(Failure::field(byte::FUSE, 6)) }
}

fn data_pointer(sqe: &Sqe) -> DataPointer {
    match sqe.dword0().psdt() {
        PSDT_PRP => DataPointer::Prp { prp1: sqe.prp1.get(), prp2: sqe.prp2.get() },
        _ => DataPointer::Sgl(sqe.sgl()),
    }
}

fn metadata_pointer(sqe: &Sqe) -> MetadataPointer {
    let address = sqe.mptr.get();
    match sqe.dword0().psdt() {
        PSDT_PRP => MetadataPointer::Buffer { address, alignment: 4 },
        PSDT_SGL => MetadataPointer::Buffer { address, alignment: 1 },
        _ => MetadataPointer::Sgl { address },
    }
}

#[cfg(test)]
mod tests;
