//! The reservation commands, and the check that reservations ask of all others.
// Spec: NVMe-Base-2.0c 7.2 "Reservation Acquire command"

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::LID_RESERVATION;
use nvme_spec::reservation::{
    CNTLID_NONE, EXTENDED_HEADER_PADDING, ExtendedReportEntry, Register10, ReportEntry,
    ReportHeader, Reserve10,
};
use nvme_spec::status;
use zerocopy::IntoBytes;

use crate::command::{NvmCommand, NvmOp};
use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};
use crate::namespace::Namespace;
use crate::reservation::{Access, Host, Kind, Notice, Refusal, Reservations};
use crate::{Controller, Ports};

/// This controller, as Identify Controller names it.
const CNTLID: u16 = 0;

/// RREGA, RACQA and RRELA.
const REGISTER: u32 = 0;
const UNREGISTER: u32 = 1;
const REPLACE: u32 = 2;
const ACQUIRE: u32 = 0;
const PREEMPT: u32 = 1;
const PREEMPT_AND_ABORT: u32 = 2;
const RELEASE: u32 = 0;
const CLEAR: u32 = 1;

/// CPTPL.
const KEEP_PERSISTENCE: u32 = 0;
const LOSE: u32 = 2;
const PERSIST: u32 = 3;

impl Controller {
    /// Whether reservations of a namespace, attached or not, let this host do this.
    pub(crate) fn check_reserved(&self, nsid: u32, access: Access) -> Result<(), Failure> {
        let ns = self.allocated(nsid);
        ns.map_or(Ok(()), |ns| ns.check_reserved(self.host.id, access))
    }

    /// The same of all namespaces.
    pub(crate) fn check_all_reserved(&self, access: Access) -> Result<(), Failure> {
        self.allocated_nsids().into_iter().try_for_each(|nsid| self.check_reserved(nsid, access))
    }

    pub(super) fn reserve(&mut self, command: &NvmCommand, ports: &mut Ports<'_>) -> Outcome {
        let nsid = command.nsid;
        match command.op {
            NvmOp::ReservationReport { bytes, is_extended } => {
                let report = self.reservation_report(nsid, is_extended)?;
                let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(report.len());
                return self.send(report.get(..length).unwrap_or(&report), command.data, ports);
            }
            NvmOp::ReservationRegister(how) => {
                self.register_host(nsid, how, command.data, ports)?;
            }
            NvmOp::ReservationAcquire(how) => {
                self.acquire_reservation(nsid, how, command.data, ports)?;
            }
            NvmOp::ReservationRelease(how) => {
                self.release_reservation(nsid, how, command.data, ports)?;
            }
            _ => {}
        }
        Ok(0)
    }

    fn receive_keys<const N: usize>(
        &self,
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Result<[u64; N], Failure> {
        let mut bytes = [[0; 8]; N];
        self.receive(bytes.as_flattened_mut(), from, ports)?;
        Ok(bytes.map(u64::from_le_bytes))
    }

    fn register_host(
        &mut self,
        nsid: u32,
        how: Register10,
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        let [current, new] = self.receive_keys(from, ports)?;
        let is_persistent = match how.cptpl() {
            KEEP_PERSISTENCE => None,
            LOSE => Some(false),
            PERSIST => Some(true),
            _ => return Err(Failure::field(byte::CDW10.saturating_add(3), 6)),
        };
        let (host, key) = (self.host.id, (how.iekey() == 0).then_some(current));
        self.change_reservations(nsid, |all| {
            let notices = match how.rrega() {
                REGISTER => all.register(host, new),
                UNREGISTER => all.unregister(host, key),
                REPLACE => all.replace(host, key, new),
                _ => Err(Refusal::InvalidField),
            }?;
            all.is_persistent = is_persistent.unwrap_or(all.is_persistent);
            Ok(notices)
        })
    }

    fn acquire_reservation(
        &mut self,
        nsid: u32,
        how: Reserve10,
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        let [key, victim] = self.receive_keys(from, ports)?;
        let (kind, host) = (checked_kind(how)?, self.host.id);
        self.change_reservations(nsid, |all| match how.action() {
            ACQUIRE => all.acquire(host, key, kind),
            // Commands of other hosts ended with the reset between the hosts: there is nothing to abort.
            PREEMPT | PREEMPT_AND_ABORT => all.preempt(host, key, victim, kind),
            _ => Err(Refusal::InvalidField),
        })
    }

    fn release_reservation(
        &mut self,
        nsid: u32,
        how: Reserve10,
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        let [key] = self.receive_keys(from, ports)?;
        let host = self.host.id;
        match how.action() {
            RELEASE => {
                let kind = checked_kind(how)?;
                self.change_reservations(nsid, |all| all.release(host, key, kind))
            }
            CLEAR if how.iekey() == 0 => self.change_reservations(nsid, |all| all.clear(host, key)),
            _ => Err(Failure::field(byte::CDW10, 0)),
        }
    }

    /// Changes the reservations of a namespace, and tells whom it concerns.
    fn change_reservations(
        &mut self,
        nsid: u32,
        act: impl FnOnce(&mut Reservations) -> Result<Vec<Notice>, Refusal>,
    ) -> Result<(), Failure> {
        let Some(ns) = self.namespaces.get_mut(nsid) else {
            return Ok(());
        };
        let notices = act(&mut ns.reservations).map_err(|refusal| match refusal {
            Refusal::Conflict => Failure::permanent(status::RESERVATION_CONFLICT),
            Refusal::InvalidField => Failure::field(byte::CDW10, 0),
        })?;
        let mask = ns.reservations.notice_mask;
        for notice in notices {
            if mask.wrapping_shr(notice.kind.into()) & 1 == 0 {
                self.notices.add(nsid, notice);
            }
        }
        self.announce_notices();
        Ok(())
    }

    /// Raises the event if there is something to read for the host that is here.
    pub(crate) fn announce_notices(&mut self) {
        if self.notices.has_any(self.host.id) {
            self.events.raise(
                AerResult(0)
                    .with_event_type(aer::TYPE_COMMAND_SET)
                    .with_info(aer::RESERVATION_LOG_AVAILABLE)
                    .with_log_page(LID_RESERVATION.into()),
            );
        }
    }

    // Spec: NVMe-Base-2.0c 7.5 "Reservation Report command"
    fn reservation_report(&self, nsid: u32, is_extended: bool) -> Result<Vec<u8>, Failure> {
        if is_extended != self.host.is_extended {
            return Err(Failure::permanent(status::HOST_ID_FORMAT).at(byte::CDW11));
        }
        let Some(all) = self.namespaces.get(nsid).map(|ns| &ns.reservations) else {
            return Ok(Vec::new());
        };
        let rtype = all.kind().map_or(0, Kind::rtype);
        let entries = u16::try_from(all.registrants().count()).unwrap_or(u16::MAX);
        let header = ReportHeader::new(all.generation(), rtype, entries, all.is_persistent);
        let mut report = header.as_bytes().to_vec();
        if is_extended {
            report.resize(report.len().saturating_add(EXTENDED_HEADER_PADDING), 0);
        }
        for (host, key, is_holder) in all.registrants() {
            let cntlid = if host == self.host.id { CNTLID } else { CNTLID_NONE };
            if is_extended {
                let entry = ExtendedReportEntry::new(cntlid, is_holder, host, key);
                report.extend_from_slice(entry.as_bytes());
            } else {
                let host = u64::try_from(host).unwrap_or(u64::MAX);
                let entry = ReportEntry::new(cntlid, is_holder, host, key);
                report.extend_from_slice(entry.as_bytes());
            }
        }
        Ok(report)
    }
}

/// The type that a command names; the existing key may not be ignored here.
fn checked_kind(how: Reserve10) -> Result<Kind, Failure> {
    if how.iekey() != 0 {
        return Err(Failure::field(byte::CDW10, 3));
    }
    Kind::new(how.rtype()).ok_or(Failure::field(byte::CDW10.saturating_add(1), 0))
}

impl Namespace {
    /// Whether reservations let a host do this.
    pub(super) fn check_reserved(&self, host: Host, access: Access) -> Result<(), Failure> {
        if self.reservations.allows(host, access) {
            return Ok(());
        }
        Err(Failure::permanent(status::RESERVATION_CONFLICT).at(byte::NSID))
    }
}
