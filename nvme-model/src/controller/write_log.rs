//! Recording what a namespace is told to store, for whoever wants to know what a power cut may leave.

use nvme_spec::{ADMIN_QID, NSID_BROADCAST};

use super::Controller;
use crate::crash::WriteLog;
use crate::fault::Subject;
use crate::media::MediaError;

impl Controller {
    /// Begins to record every write, discard and flush of a namespace, on top of what its media holds now
    /// and its cache would lose. A log that was recorded before is gone. Recording ends with the power,
    /// unless nothing was recorded yet.
    ///
    /// # Errors
    /// [`MediaError`] if the media cannot be read.
    pub fn start_write_log(&mut self, nsid: u32) -> Result<(), MediaError> {
        self.namespaces.get_mut(nsid).map_or(Ok(()), crate::namespace::Namespace::start_log)
    }

    /// The log of a namespace.
    #[must_use]
    pub fn write_log(&self, nsid: u32) -> Option<&WriteLog> {
        self.namespaces.get(nsid).and_then(|ns| ns.log.as_ref())
    }

    /// A command was fetched: its operation begins here.
    pub(super) fn log_submission(&mut self, subject: &Subject) {
        if subject.sqid == ADMIN_QID {
            return;
        }
        let is_its = |nsid: u32| [nsid, NSID_BROADCAST].contains(&subject.nsid());
        for ns in self.namespaces.values_mut().filter(|ns| ns.is_logging && is_its(ns.nsid)) {
            if let Some(log) = &mut ns.log {
                log.submit_command(subject.number);
            }
        }
    }

    /// A command is executed: what is stored from here on belongs to it.
    pub(super) fn log_execution(&mut self, number: u64) {
        let is_cache_on = self.features.is_cache_enabled();
        for ns in self.namespaces.values_mut().filter(|ns| ns.is_logging) {
            (ns.command, ns.is_cache_on) = (number, is_cache_on);
        }
    }
}
