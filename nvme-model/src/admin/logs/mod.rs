//! Get Log Page.
// Spec: NVMe-Base-2.0c 5.16 "Get Log Page command"

mod effects;
mod ocp;
mod telemetry;

use nvme_spec::log::{
    ERROR_ENTRY_BYTES, LID_CHANGED_NAMESPACES, LID_COMMAND_EFFECTS, LID_ERROR, LID_FEATURE_EFFECTS,
    LID_FIRMWARE_SLOT, LID_LBA_STATUS, LID_OCP_SMART, LID_PERSISTENT_EVENT, LID_RESERVATION,
    LID_SANITIZE, LID_SELF_TEST, LID_SMART, LID_SUPPORTED_PAGES, LID_TELEMETRY_CONTROLLER,
    LID_TELEMETRY_HOST, SupportedPage, TELEMETRY_BLOCK_BYTES,
};
use nvme_spec::{NSID_BROADCAST, status};
use zerocopy::IntoBytes;

pub(super) use effects::oacs;

use super::injection::LID_FAULT_RULES;
use crate::Controller;
use crate::device::SanitizeMode;
use crate::failure::{Failure, byte};

/// The pages there are, and what is special about each.
const PAGES: [(u8, SupportedPage); 16] = [
    (LID_SUPPORTED_PAGES, PLAIN),
    (LID_ERROR, PLAIN),
    (LID_SMART, PLAIN),
    (LID_FIRMWARE_SLOT, PLAIN),
    (LID_CHANGED_NAMESPACES, PLAIN),
    (LID_COMMAND_EFFECTS, PLAIN),
    (LID_SELF_TEST, PLAIN),
    (LID_TELEMETRY_HOST, PLAIN),
    (LID_TELEMETRY_CONTROLLER, PLAIN),
    // A context can be established and the header alone read.
    (LID_PERSISTENT_EVENT, PLAIN.with_lidsp(1)),
    (LID_LBA_STATUS, PLAIN),
    (LID_FEATURE_EFFECTS, PLAIN),
    (LID_RESERVATION, PLAIN),
    (LID_SANITIZE, PLAIN),
    (LID_OCP_SMART, PLAIN),
    (LID_FAULT_RULES, PLAIN),
];

const PLAIN: SupportedPage = SupportedPage(1);

/// What of a log page the host asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest {
    pub(crate) lid: u8,
    /// Specific to the page.
    pub(crate) lsp: u8,
    pub(crate) nsid: u32,
    pub(crate) length: u64,
    pub(crate) offset: u64,
    /// The event that names the page stays reported.
    pub(crate) is_retained: bool,
}

impl Controller {
    /// The part of a log page that the host asked for; it ends where the page ends.
    pub(crate) fn log_page(&mut self, asked: PageRequest) -> Result<Vec<u8>, Failure> {
        let page = self.whole_page(asked)?;
        if page.is_empty() {
            // Nothing is transferred.
            return Ok(page);
        }
        let begin = usize::try_from(asked.offset).ok().filter(|_| asked.offset & 3 == 0);
        let mut rest = begin.and_then(|begin| page.get(begin..)).unwrap_or(&[]).to_vec();
        if rest.is_empty() {
            return Err(Failure::field(byte::CDW12, 0));
        }
        rest.truncate(usize::try_from(asked.length).unwrap_or(usize::MAX));
        Ok(rest)
    }

    fn whole_page(&mut self, asked: PageRequest) -> Result<Vec<u8>, Failure> {
        let now_ns = self.now_ns();
        Ok(match asked.lid {
            LID_SUPPORTED_PAGES => supported_pages(),
            LID_ERROR => self.error_page(),
            LID_SMART => {
                check_whole_controller(asked.nsid)?;
                self.smart_log().as_bytes().to_vec()
            }
            LID_FIRMWARE_SLOT => self.device.firmware.page(),
            LID_CHANGED_NAMESPACES => self.device.changed.page(),
            LID_COMMAND_EFFECTS => effects::command_effects(),
            LID_SELF_TEST => self.device.self_test.page(now_ns),
            LID_TELEMETRY_HOST => {
                check_blocks(asked)?;
                self.telemetry_host_page(asked.lsp)
            }
            LID_TELEMETRY_CONTROLLER => {
                check_blocks(asked)?;
                self.device.telemetry.controller_page(LID_TELEMETRY_CONTROLLER)
            }
            LID_PERSISTENT_EVENT => self.persistent_page(asked.lsp)?,
            LID_LBA_STATUS => self.lba_status_page(),
            LID_FEATURE_EFFECTS => effects::feature_effects(&self.features),
            LID_RESERVATION => self.reservation_page(),
            LID_SANITIZE => {
                let writes = self.health.host_writes;
                self.device.sanitize.page(&self.config.timing, now_ns, writes)
            }
            LID_OCP_SMART => self.ocp_smart_page(),
            LID_FAULT_RULES => self.fault_page(),
            _ => return Err(Failure::permanent(status::INVALID_LOG_PAGE).at(byte::CDW10)),
        })
    }

    /// The host has the page: what it tells may be reported again.
    pub(crate) fn log_page_was_read(&mut self, asked: PageRequest) {
        if asked.is_retained {
            return;
        }
        self.events.rearm(asked.lid.into());
        match asked.lid {
            LID_CHANGED_NAMESPACES => self.changed_namespaces_were_read(),
            LID_RESERVATION => self.reservation_page_was_read(),
            _ => {}
        }
    }

    /// While data is being erased no block is named.
    fn error_page(&self) -> Vec<u8> {
        let mut page = self.health.error_log(self.config.error_log_entries);
        if self.device.sanitize.mode() != SanitizeMode::Idle {
            for entry in page.chunks_mut(ERROR_ENTRY_BYTES) {
                if let Some(lba) = entry.get_mut(16..24) {
                    lba.fill(0);
                }
            }
        }
        page
    }
}

/// The page is the controller's: there is none per namespace, and LPA says so.
fn check_whole_controller(nsid: u32) -> Result<(), Failure> {
    if nsid != 0 && nsid != NSID_BROADCAST {
        return Err(Failure::field(byte::NSID, 0));
    }
    Ok(())
}

/// Telemetry is read in whole blocks.
fn check_blocks(asked: PageRequest) -> Result<(), Failure> {
    let block = TELEMETRY_BLOCK_BYTES as u64;
    if !asked.offset.is_multiple_of(block) {
        return Err(Failure::field(byte::CDW12, 0));
    }
    if !asked.length.is_multiple_of(block) {
        return Err(Failure::field(byte::CDW10 + 2, 0));
    }
    Ok(())
}

fn supported_pages() -> Vec<u8> {
    let entry =
        |lid: u8| PAGES.iter().find(|(page, _)| *page == lid).map_or(0, |(_, entry)| entry.0);
    (0..=u8::MAX).flat_map(|lid| entry(lid).to_le_bytes()).collect()
}
