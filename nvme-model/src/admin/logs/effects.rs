//! Which commands and features there are and what they change: the logs, and OACS.
//!
//! One table says all of it, so that Identify cannot offer a command that is not there.

use nvme_spec::identify::oacs as bit;
use nvme_spec::log::{CommandEffects, EFFECTS_LOG_BYTES};
use nvme_spec::{AdminOpcode, NvmOpcode};

use crate::features::Features;

/// The command is there and changes nothing.
const NOTHING: CommandEffects = CommandEffects(1);

/// It changes blocks.
const BLOCKS: CommandEffects = NOTHING.with_lbcc(1);

/// It changes the namespaces.
const NAMESPACES: CommandEffects = NOTHING.with_nic(1);

/// The admin commands there are: what they change, and the bit of OACS that offers them.
const ADMIN_COMMANDS: [(AdminOpcode, CommandEffects, u16); 20] = [
    (AdminOpcode::DELETE_IO_SQ, NOTHING, 0),
    (AdminOpcode::CREATE_IO_SQ, NOTHING, 0),
    (AdminOpcode::GET_LOG_PAGE, NOTHING, 0),
    (AdminOpcode::DELETE_IO_CQ, NOTHING, 0),
    (AdminOpcode::CREATE_IO_CQ, NOTHING, 0),
    (AdminOpcode::IDENTIFY, NOTHING, 0),
    (AdminOpcode::ABORT, NOTHING, 0),
    (AdminOpcode::SET_FEATURES, NOTHING, 0),
    (AdminOpcode::GET_FEATURES, NOTHING, 0),
    (AdminOpcode::ASYNC_EVENT_REQUEST, NOTHING, 0),
    (
        AdminOpcode::NAMESPACE_MANAGEMENT,
        NAMESPACES.with_lbcc(1).with_ncc(1),
        bit::NAMESPACE_MANAGEMENT,
    ),
    (AdminOpcode::FIRMWARE_COMMIT, NOTHING.with_ccc(1), bit::FIRMWARE),
    (AdminOpcode::FIRMWARE_DOWNLOAD, NOTHING, bit::FIRMWARE),
    (AdminOpcode::DEVICE_SELF_TEST, NOTHING, bit::SELF_TEST),
    (AdminOpcode::NAMESPACE_ATTACHMENT, NAMESPACES, bit::NAMESPACE_MANAGEMENT),
    (AdminOpcode::KEEP_ALIVE, NOTHING, 0),
    (AdminOpcode::DIRECTIVE_SEND, NOTHING, bit::DIRECTIVES),
    (AdminOpcode::DIRECTIVE_RECEIVE, NOTHING, bit::DIRECTIVES),
    (AdminOpcode::SANITIZE, BLOCKS, 0),
    (AdminOpcode::GET_LBA_STATUS, NOTHING, bit::GET_LBA_STATUS),
];

/// The I/O commands there are.
const NVM_COMMANDS: [(NvmOpcode, CommandEffects); 8] = [
    (NvmOpcode::FLUSH, NOTHING),
    (NvmOpcode::WRITE, BLOCKS),
    (NvmOpcode::READ, NOTHING),
    (NvmOpcode::WRITE_ZEROES, BLOCKS),
    (NvmOpcode::DATASET_MANAGEMENT, BLOCKS),
    (NvmOpcode::WRITE_UNCORRECTABLE, BLOCKS),
    (NvmOpcode::COMPARE, NOTHING),
    (NvmOpcode::VERIFY, NOTHING),
];

/// OACS: what is offered beyond the mandatory commands.
pub(in crate::admin) fn oacs() -> u16 {
    ADMIN_COMMANDS.iter().fold(0, |all, (_, _, bit)| all | bit)
}

/// The commands supported and effects log.
pub(super) fn command_effects() -> Vec<u8> {
    let admin = |opcode: u8| {
        let known = ADMIN_COMMANDS.iter().find(|(known, _, _)| known.0 == opcode);
        known.map_or(0, |(_, effects, _)| effects.0)
    };
    let io = |opcode: u8| {
        let known = NVM_COMMANDS.iter().find(|(known, _)| known.0 == opcode);
        known.map_or(0, |(_, effects)| effects.0)
    };
    let entries = (0..=u8::MAX).map(admin).chain((0..=u8::MAX).map(io));
    let mut page: Vec<u8> = entries.flat_map(u32::to_le_bytes).collect();
    page.resize(EFFECTS_LOG_BYTES, 0);
    page
}

/// The feature identifiers supported and effects log.
pub(super) fn feature_effects(features: &Features) -> Vec<u8> {
    let entry = |fid: u8| features.kind(fid).map_or(0, |kind| kind.effects().0);
    (0..=u8::MAX).flat_map(|fid| entry(fid).to_le_bytes()).collect()
}
