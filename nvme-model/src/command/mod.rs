//! Commands as the rest of the controller knows them: every field decoded and checked once, here.

mod admin;
mod device;
mod nvm;

use nvme_spec::Sqe;

pub(crate) use admin::AdminCommand;
pub(crate) use device::DeviceCommand;
pub(crate) use nvm::{NvmCommand, NvmOp};

use crate::failure::{Failure, byte};
use crate::prp::DataPointer;

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
        let is_unknown =
            matches!(&command, Err(f) if f.status.code == nvme_spec::status::INVALID_OPCODE);
        if !is_unknown {
            check_dword0(sqe)?;
        }
        command
    }

    /// Whether the command moves data between host and controller.
    pub(crate) fn has_data(&self) -> bool {
        match self {
            Self::Nvm(command) => matches!(
                command.op,
                NvmOp::Read { .. }
                    | NvmOp::Write { .. }
                    | NvmOp::Compare { .. }
                    | NvmOp::DatasetManagement { .. }
            ),
            Self::Admin(AdminCommand::Device(command)) => command.has_data(),
            Self::Admin(command) => {
                matches!(command, AdminCommand::Identify { .. } | AdminCommand::GetLogPage { .. })
            }
        }
    }

    /// The blocks that the command is about: first and how many.
    pub(crate) fn blocks(&self) -> Option<(u64, u64)> {
        match self {
            Self::Nvm(NvmCommand {
                op:
                    NvmOp::Read { slba, blocks }
                    | NvmOp::Write { slba, blocks, .. }
                    | NvmOp::WriteZeroes { slba, blocks }
                    | NvmOp::WriteUncorrectable { slba, blocks }
                    | NvmOp::Compare { slba, blocks }
                    | NvmOp::Verify { slba, blocks },
                ..
            }) => Some((*slba, u64::from(*blocks))),
            _ => None,
        }
    }
}

/// Neither fused operations nor SGLs are supported, and Identify says so.
fn check_dword0(sqe: &Sqe) -> Result<(), Failure> {
    if sqe.dword0().fuse() != 0 {
        return Err(Failure::field(byte::FUSE, 0));
    }
    if sqe.dword0().psdt() != 0 {
        return Err(Failure::field(byte::FUSE, 6));
    }
    Ok(())
}

fn data_pointer(sqe: &Sqe) -> DataPointer {
    DataPointer { prp1: sqe.prp1.get(), prp2: sqe.prp2.get() }
}

#[cfg(test)]
mod tests;
