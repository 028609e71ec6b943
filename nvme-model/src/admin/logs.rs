//! Get Log Page.
// Spec: NVMe-Base-2.0c 5.16 "Get Log Page command"

use nvme_spec::aer;
use nvme_spec::log::{
    CHANGED_NAMESPACES_BYTES, CommandEffects, EFFECTS_LOG_BYTES, FirmwareSlots,
    LID_CHANGED_NAMESPACES, LID_COMMAND_EFFECTS, LID_ERROR, LID_FIRMWARE_SLOT, LID_SMART,
    LID_SUPPORTED_PAGES, SupportedPage,
};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, NvmOpcode, status};
use zerocopy::IntoBytes;

use super::identify::padded;
use crate::Controller;
use crate::failure::{Failure, byte};

/// The pages there are.
const PAGES: [u8; 6] = [
    LID_SUPPORTED_PAGES,
    LID_ERROR,
    LID_SMART,
    LID_FIRMWARE_SLOT,
    LID_CHANGED_NAMESPACES,
    LID_COMMAND_EFFECTS,
];

/// The admin commands there are.
pub(crate) const ADMIN_COMMANDS: [AdminOpcode; 11] = [
    AdminOpcode::DELETE_IO_SQ,
    AdminOpcode::CREATE_IO_SQ,
    AdminOpcode::GET_LOG_PAGE,
    AdminOpcode::DELETE_IO_CQ,
    AdminOpcode::CREATE_IO_CQ,
    AdminOpcode::IDENTIFY,
    AdminOpcode::ABORT,
    AdminOpcode::SET_FEATURES,
    AdminOpcode::GET_FEATURES,
    AdminOpcode::ASYNC_EVENT_REQUEST,
    AdminOpcode::DOORBELL_BUFFER_CONFIG,
];

/// The I/O commands there are, and whether they change blocks.
pub(crate) const NVM_COMMANDS: [(NvmOpcode, bool); 8] = [
    (NvmOpcode::FLUSH, false),
    (NvmOpcode::WRITE, true),
    (NvmOpcode::READ, false),
    (NvmOpcode::WRITE_ZEROES, true),
    (NvmOpcode::DATASET_MANAGEMENT, true),
    (NvmOpcode::WRITE_UNCORRECTABLE, true),
    (NvmOpcode::COMPARE, false),
    (NvmOpcode::VERIFY, false),
];

impl Controller {
    /// The part of a log page that the host asked for; it ends where the page ends.
    pub(crate) fn log_page(
        &self,
        lid: u8,
        nsid: u32,
        length: u64,
        offset: u64,
    ) -> Result<Vec<u8>, Failure> {
        let page = match lid {
            LID_SUPPORTED_PAGES => supported_pages(),
            LID_ERROR => self.health.error_log(self.config.error_log_entries),
            LID_SMART => self.smart_page(nsid)?,
            LID_FIRMWARE_SLOT => self.firmware_page(),
            // Namespaces do not change yet.
            LID_CHANGED_NAMESPACES => vec![0; CHANGED_NAMESPACES_BYTES],
            LID_COMMAND_EFFECTS => effects_page(),
            _ => return Err(Failure::permanent(status::INVALID_LOG_PAGE).at(byte::CDW10)),
        };
        let begin = usize::try_from(offset).ok().filter(|_| offset & 3 == 0);
        let mut rest = begin.and_then(|begin| page.get(begin..)).unwrap_or(&[]).to_vec();
        if rest.is_empty() {
            return Err(Failure::field(byte::CDW12, 0));
        }
        rest.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(rest)
    }

    /// The host has the page: what it tells may be reported again.
    pub(crate) fn log_page_was_read(&mut self, lid: u8, is_retained: bool) {
        if is_retained {
            return;
        }
        match lid {
            LID_ERROR => self.events.rearm(aer::TYPE_ERROR),
            LID_SMART => self.events.rearm(aer::TYPE_SMART),
            LID_CHANGED_NAMESPACES => self.events.rearm(aer::TYPE_NOTICE),
            _ => {}
        }
    }

    /// The page is the controller's: there is none per namespace, and LPA says so.
    fn smart_page(&self, nsid: u32) -> Result<Vec<u8>, Failure> {
        if nsid != 0 && nsid != NSID_BROADCAST {
            return Err(Failure::field(byte::NSID, 0));
        }
        let kelvin = self.config.temperature_kelvin;
        let log = self.health.smart_log(self.now_ns(), kelvin, self.is_too_hot());
        Ok(log.as_bytes().to_vec())
    }

    fn firmware_page(&self) -> Vec<u8> {
        let mut slots = FirmwareSlots::zeroed();
        slots.afi = 1;
        if let Some(first) = slots.frs.first_mut() {
            *first = padded(&self.config.firmware);
        }
        slots.as_bytes().to_vec()
    }
}

fn supported_pages() -> Vec<u8> {
    let entry = |lid| SupportedPage(0).with_lsupp(PAGES.contains(&lid).into());
    (0..=u8::MAX).flat_map(|lid| entry(lid).0.to_le_bytes()).collect()
}

fn effects_page() -> Vec<u8> {
    let admin = |opcode: u8| {
        let is_there = ADMIN_COMMANDS.contains(&AdminOpcode(opcode));
        CommandEffects(0).with_csupp(is_there.into())
    };
    let io = |opcode: u8| {
        let known = NVM_COMMANDS.iter().find(|(known, _)| known.0 == opcode);
        known.map_or(CommandEffects(0), |(_, changes)| {
            CommandEffects(0).with_csupp(1).with_lbcc((*changes).into())
        })
    };
    let entries = (0..=u8::MAX).map(admin).chain((0..=u8::MAX).map(io));
    let mut page: Vec<u8> = entries.flat_map(|effects| effects.0.to_le_bytes()).collect();
    page.resize(EFFECTS_LOG_BYTES, 0);
    page
}
