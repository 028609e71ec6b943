//! Format NVM.
//!
//! The blocks change at the moment at which the command completes; from its fetch until then the
//! namespace answers Format in Progress. A format that is aborted or lost in a reset has not happened.
// Spec: NVMe-Base-2.0c 5.14 "Format NVM command"

use nvme_spec::command::FormatNvm10;
use nvme_spec::log::result_code;
use nvme_spec::{NSID_BROADCAST, Status, status};

use crate::command::{AdminCommand, Command};
use crate::controller::Outcome;
use crate::failure::{Failure, byte};
use crate::format::NamespaceFormat;
use crate::namespace::Namespace;
use crate::reservation::Access;
use crate::{Controller, Ports};

/// SES: no secure erase, user data erase, cryptographic erase. They leave the same here: nothing.
const SES_MAX: u32 = 2;

impl Controller {
    /// Begins a format that is possible: returns when it is done.
    pub(crate) fn begin_format(&mut self, command: Option<&Command>, number: u64) -> Option<u64> {
        let Some(Command::Admin(AdminCommand::FormatNvm { nsid, how })) = command else {
            return None;
        };
        parse(*how).ok()?;
        let targets = self.format_targets(*nsid, number).ok()?;
        let until_ns = self.now_ns().saturating_add(self.config.timing.format_ns);
        for nsid in targets {
            if let Some(ns) = self.namespaces.get_mut(nsid) {
                ns.format_run = Some(FormatRun { number, until_ns });
            }
        }
        let hours = self.power_on_hours();
        self.device.self_test.abort(result_code::ABORTED_BY_FORMAT, hours);
        self.journal_format_start(*nsid, *how);
        Some(until_ns)
    }

    /// Ends a format; `number` is that of the command.
    pub(crate) fn format_nvm(
        &mut self,
        nsid: u32,
        how: FormatNvm10,
        number: u64,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let format = parse(how)?;
        let targets = self.format_targets(nsid, number)?;
        let done = targets.into_iter().try_for_each(|ns| self.format_namespace(ns, format, ports));
        let status = done.err().map_or(Status::SUCCESS, |failure| failure.status);
        self.journal_format_completion(nsid, status);
        done.map(|()| 0)
    }

    /// The namespaces that a command formats.
    fn format_targets(&self, nsid: u32, number: u64) -> Result<Vec<u32>, Failure> {
        let is_meant = |known: &u32| nsid == NSID_BROADCAST || *known == nsid;
        self.check_active_or_all(nsid)?;
        let targets: Vec<u32> = self.namespaces.keys().filter(is_meant).collect();
        self.check_active_or_all(nsid)?;
        for nsid in &targets {
            self.check_no_format(*nsid, number)?;
            self.check_reserved(*nsid, Access::Write)?;
        }
        Ok(targets)
    }

    /// A namespace that another command formats takes no commands; 0 is the number of none.
    pub(crate) fn check_no_format(&self, nsid: u32, number: u64) -> Result<(), Failure> {
        let ns = self.namespaces.get(nsid);
        ns.map_or(Ok(()), |ns| ns.check_no_format(number, self.now_ns()))
    }

    fn format_namespace(
        &mut self,
        nsid: u32,
        format: NamespaceFormat,
        ports: &mut Ports<'_>,
    ) -> Result<(), Failure> {
        let now_ns = self.now_ns();
        let Some(ns) = self.namespaces.get_mut(nsid) else {
            return Ok(());
        };
        let done = ns.reformat(format, now_ns, ports.observer);
        let blocks = ns.size_blocks();
        if !self.host_result(done)? {
            return Err(Failure::permanent(status::INVALID_FORMAT).at(byte::CDW10));
        }
        self.blocks_were_rewritten(nsid, 0, blocks);
        self.namespace_changed(nsid);
        Ok(())
    }
}

/// A format that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FormatRun {
    /// The number of its command.
    number: u64,
    until_ns: u64,
}

fn parse(how: FormatNvm10) -> Result<NamespaceFormat, Failure> {
    if how.ses() > SES_MAX {
        return Err(Failure::field(byte::CDW10.saturating_add(1), 1));
    }
    let flbas = how.lbafl() | how.mset() << 4 | how.lbafu() << 5;
    let dps = how.pi() | how.pil() << 3;
    let low8 = |bits: u32| u8::try_from(bits).unwrap_or(u8::MAX);
    NamespaceFormat::new(low8(flbas), low8(dps))
}

impl Namespace {
    /// Whether no format of this namespace is under way, but that of the command of this number.
    pub(crate) fn check_no_format(&self, number: u64, now_ns: u64) -> Result<(), Failure> {
        let is_busy =
            self.format_run.is_some_and(|run| run.number != number && now_ns <= run.until_ns);
        if is_busy { Err(Failure::transient(status::FORMAT_IN_PROGRESS)) } else { Ok(()) }
    }
}
