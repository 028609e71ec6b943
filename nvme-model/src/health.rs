//! What the controller remembers about its life: counters and the error log.
//!
//! Survives resets and power cuts, as SMART data does.

use std::collections::VecDeque;

use nvme_spec::log::{ErrorEntry, SmartLog};
use nvme_spec::status::{self, SCT_MEDIA};
use nvme_spec::{Status, StatusCode};

use crate::failure::Failure;

/// Queue and identifier of an error that belongs to no command.
const NOBODY: u16 = 0xffff;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_MINUTE: u64 = 60_000_000_000;
const NS_PER_HOUR: u64 = 3_600_000_000_000;

/// Counters and error log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) host_reads: u64,
    pub(crate) host_writes: u64,
    pub(crate) busy_ns: u64,
    pub(crate) power_cycles: u64,
    pub(crate) unsafe_shutdowns: u64,
    media_errors: u64,
    error_count: u64,
    /// Time powered in earlier lives.
    powered_ns: u64,
    /// When this life began; set by its first call, since time may begin anywhere.
    powered_on_at: Option<u64>,
    errors: VecDeque<ErrorEntry>,
}

/// Which command an error is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Culprit {
    pub(crate) sqid: u16,
    pub(crate) cid: u16,
    pub(crate) nsid: u32,
    pub(crate) lba: u64,
}

impl Health {
    /// A controller that was just switched on for the first time.
    pub(crate) fn new() -> Self {
        Self { power_cycles: 1, ..Self::default() }
    }

    /// Enters a failure into the log of at most `entries_max` entries. Commands that somebody aborted
    /// are no errors.
    pub(crate) fn record(&mut self, culprit: Culprit, failure: &Failure, entries_max: u16) {
        let code = failure.status.code;
        if [status::ABORT_REQUESTED, status::ABORTED_SQ_DELETION].contains(&code) {
            return;
        }
        if code.sct == SCT_MEDIA {
            self.media_errors = self.media_errors.saturating_add(1);
        }
        self.enter(culprit, failure.status, failure.location, failure.lba, entries_max);
    }

    /// Enters an error that belongs to no command.
    pub(crate) fn record_event(&mut self, code: StatusCode, entries_max: u16) {
        let culprit = Culprit { sqid: NOBODY, cid: NOBODY, nsid: 0, lba: 0 };
        self.record(culprit, &Failure::permanent(code), entries_max);
    }

    fn enter(
        &mut self,
        culprit: Culprit,
        status: Status,
        location: u16,
        lba: Option<u64>,
        entries_max: u16,
    ) {
        self.error_count = self.error_count.saturating_add(1);
        let mut entry = ErrorEntry::default();
        entry.error_count = self.error_count.into();
        entry.sqid = culprit.sqid.into();
        entry.cid = culprit.cid.into();
        entry.status_phase = (status.to_raw() << 1).into();
        entry.parameter_location = location.into();
        entry.lba = lba.unwrap_or(culprit.lba).into();
        entry.nsid = culprit.nsid.into();
        self.errors.push_front(entry);
        self.errors.truncate(entries_max.into());
    }

    /// Something happened: the power is on.
    pub(crate) fn power_is_on(&mut self, now_ns: u64) {
        self.powered_on_at.get_or_insert(now_ns);
    }

    /// The power goes; remembers how long it was on.
    pub(crate) fn power_off(&mut self, now_ns: u64) {
        self.powered_ns = self.powered(now_ns);
        self.powered_on_at = None;
    }

    fn powered(&self, now_ns: u64) -> u64 {
        let this_life = self.powered_on_at.map_or(0, |on_at| now_ns.saturating_sub(on_at));
        self.powered_ns.saturating_add(this_life)
    }

    /// The error log, newest first; places without an entry are zeros.
    pub(crate) fn error_log(&self, entries_max: u16) -> Vec<u8> {
        let empty = ErrorEntry::default();
        let entries = self.errors.iter().chain(std::iter::repeat(&empty));
        entries.take(entries_max.into()).flat_map(ErrorEntry::to_bytes).collect()
    }

    /// Hours powered on.
    pub(crate) fn power_on_hours(&self, now_ns: u64) -> u64 {
        self.powered(now_ns).checked_div(NS_PER_HOUR).unwrap_or(0)
    }

    /// Milliseconds powered on.
    pub(crate) fn power_on_ms(&self, now_ns: u64) -> u64 {
        self.powered(now_ns).checked_div(NS_PER_MS).unwrap_or(0)
    }

    pub(crate) fn media_errors(&self) -> u64 {
        self.media_errors
    }

    /// The counters of the SMART log. What is not counted here is left as it is.
    pub(crate) fn report(&self, now_ns: u64, log: &mut SmartLog) {
        // In thousands of 512-byte units, rounded up.
        let units = |bytes: u64| u128::from(bytes.div_ceil(512_000));
        log.data_units_read = units(self.bytes_read).into();
        log.data_units_written = units(self.bytes_written).into();
        log.host_reads = u128::from(self.host_reads).into();
        log.host_writes = u128::from(self.host_writes).into();
        log.controller_busy_minutes =
            u128::from(self.busy_ns.checked_div(NS_PER_MINUTE).unwrap_or(0)).into();
        log.power_cycles = u128::from(self.power_cycles).into();
        log.power_on_hours = u128::from(self.power_on_hours(now_ns)).into();
        log.unsafe_shutdowns = u128::from(self.unsafe_shutdowns).into();
        log.media_errors = u128::from(self.media_errors).into();
        log.error_log_entries = u128::from(self.error_count).into();
    }
}
