//! Features: their values, and what may be done with them.
//!
//! A value is current, saved or default. A reset makes the saved values current; what was never saved
//! has its default. Saved values survive power cycles. What a feature *does* is elsewhere: here is only
//! what the host said.
// Spec: NVMe-Base-2.0c 5.27 "Set Features command"

mod kinds;
mod timestamp;
mod values;

use nvme_spec::feature::{self, AsyncEventConfig, TemperatureThreshold};
use nvme_spec::identify::oaes;
use nvme_spec::{NSID_BROADCAST, Status, status};

pub(crate) use kinds::{Kind, POWER_STATES_Z};
pub(crate) use timestamp::Timestamp;

use kinds::KINDS;
use values::Values;

use crate::config::Config;
use crate::failure::{Failure, byte};

/// The default over-temperature threshold, as Identify's warning temperature.
pub(crate) const WARNING_TEMPERATURE_KELVIN: u16 = 343;

/// Notices that can be enabled: those that Identify offers in OAES.
pub(crate) const OAES: u32 = oaes::NAMESPACE | oaes::FIRMWARE_ACTIVATION | oaes::TELEMETRY;

/// SMART critical warnings that can be enabled.
const SMART_WARNINGS: u32 = 0x1f;

/// Error Recovery, bit 16 (DULBE): reading deallocated or unwritten blocks is an error.
const DEALLOCATED_ERROR: u32 = 1 << 16;

/// Interrupt Vector Configuration, bit 16: coalescing is disabled.
const COALESCING_DISABLED: u32 = 1 << 16;

/// The values of a controller's features.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    current: Values,
    saved: Values,
    pub(crate) timestamp: Timestamp,
    host_behavior: Vec<u8>,
    /// I/O queues granted, zero-based.
    pub(crate) queues_granted_z: u16,
    queues_max_z: u16,
    vectors_max: u16,
    has_cache: bool,
}

/// Which value a command is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) fid: u8,
    pub(crate) nsid: u32,
    /// Dword 11, which some features use as a selector.
    pub(crate) value: u32,
}

impl Features {
    pub(crate) fn new(config: &Config) -> Self {
        let queues_max_z = config.io_queues_max.saturating_sub(1);
        Self {
            current: Values::default(),
            saved: Values::default(),
            timestamp: Timestamp::default(),
            host_behavior: vec![0; feature::HOST_BEHAVIOR_BYTES],
            queues_granted_z: queues_max_z,
            queues_max_z,
            vectors_max: config.vectors,
            has_cache: config.has_volatile_cache,
        }
    }

    /// A controller level reset: what was saved is current.
    pub(crate) fn reset(&mut self, now_ns: u64) {
        self.current = self.saved.clone();
        self.timestamp = Timestamp::starting_at(now_ns);
        self.host_behavior.fill(0);
        self.queues_granted_z = self.queues_max_z;
    }

    /// Whether writes may stay in the volatile cache.
    pub(crate) fn is_cache_enabled(&self) -> bool {
        self.has_cache && self.current(feature::VOLATILE_WRITE_CACHE, 0) & 1 != 0
    }

    /// Whether reading deallocated or unwritten blocks is an error (DULBE).
    pub(crate) fn is_deallocated_error(&self, nsid: u32) -> bool {
        self.current(feature::ERROR_RECOVERY, nsid) & DEALLOCATED_ERROR != 0
    }

    /// The status as the host agreed to have it: Command Retry Delay is reserved unless the host enabled it
    /// (ACRE) and may retry.
    // Spec: NVMe-Base-2.0c 3.3.3.2.1 "Command Retry Delay (CRD)"
    pub(crate) fn agreed(&self, status: Status) -> Status {
        let acre = self.host_behavior.get(feature::HOST_BEHAVIOR_ACRE).copied();
        if acre == Some(1) && !status.dnr { status } else { status.with_crd(0) }
    }

    /// Whether the host said that it uses this Copy descriptor format; it need not for the first two.
    pub(crate) fn is_copy_format_enabled(&self, number: u8) -> bool {
        let enabled = self.host_behavior.get(feature::HOST_BEHAVIOR_CDFE).copied().unwrap_or(0);
        number < 2 || enabled.wrapping_shr(number.into()) & 1 != 0
    }

    /// Whether this composite temperature is outside of the thresholds.
    pub(crate) fn is_too_hot(&self, kelvin: u16) -> bool {
        let threshold = |select| self.current(feature::TEMPERATURE_THRESHOLD, select);
        u32::from(kelvin) >= threshold(0) || u32::from(kelvin) <= threshold(1)
    }

    /// Which events are reported.
    pub(crate) fn async_events(&self) -> AsyncEventConfig {
        AsyncEventConfig(self.current(feature::ASYNC_EVENT_CONFIG, 0))
    }

    /// The power state in use.
    pub(crate) fn power_state(&self) -> u32 {
        self.current(feature::POWER_MANAGEMENT, 0) & 0x1f
    }

    /// The controller itself chose another power state.
    pub(crate) fn set_power_state(&mut self, state: u32) {
        self.current.insert(feature::POWER_MANAGEMENT, 0, state);
    }

    /// Whether an unwanted deallocation is a warning and no error.
    pub(crate) fn is_deallocation_warned(&self) -> bool {
        self.current(feature::SANITIZE_CONFIG, 0) & 1 != 0
    }

    /// Host behavior support, as the host last set it.
    pub(crate) fn host_behavior(&self) -> &[u8] {
        &self.host_behavior
    }

    pub(crate) fn set_host_behavior(&mut self, data: Vec<u8>) {
        self.host_behavior = data;
    }

    /// The current value of a feature.
    pub(crate) fn current(&self, fid: u8, selector: u32) -> u32 {
        self.stored(&self.current, fid, selector)
    }

    fn stored(&self, values: &Values, fid: u8, selector: u32) -> u32 {
        values.get(fid, selector).unwrap_or_else(|| self.default(fid, selector))
    }

    fn default(&self, fid: u8, selector: u32) -> u32 {
        match (fid, selector) {
            (feature::VOLATILE_WRITE_CACHE, _) => self.has_cache.into(),
            (feature::TEMPERATURE_THRESHOLD, 0) => WARNING_TEMPERATURE_KELVIN.into(),
            (feature::INTERRUPT_VECTOR, vector) => vector,
            _ => 0,
        }
    }

    /// What is known of a feature, if there is such a feature here.
    pub(crate) fn kind(&self, fid: u8) -> Result<&'static Kind, Failure> {
        let is_there = |kind: &&Kind| {
            kind.fid == fid && (self.has_cache || fid != feature::VOLATILE_WRITE_CACHE)
        };
        KINDS.iter().find(is_there).ok_or(Failure::field(byte::CDW10, 0))
    }

    /// Get Features, for a feature whose value is a dword.
    pub(crate) fn get(&self, scope: Scope, sel: u32) -> Result<u32, Failure> {
        let kind = self.kind(scope.fid)?;
        if sel == feature::SEL_CAPABILITIES {
            return Ok(kind.capabilities());
        }
        if sel > feature::SEL_CAPABILITIES {
            return Err(Failure::field(byte::CDW10.saturating_add(1), 0));
        }
        if scope.fid == feature::NUMBER_OF_QUEUES {
            let is_default = sel != feature::SEL_CURRENT;
            let granted_z = if is_default { self.queues_max_z } else { self.queues_granted_z };
            return Ok(both_queues(granted_z));
        }
        let selector = self.selector(kind, scope)?;
        match sel {
            feature::SEL_CURRENT => Ok(self.current(scope.fid, selector)),
            feature::SEL_DEFAULT => Ok(self.default(scope.fid, selector)),
            _ => Ok(self.stored(&self.saved, scope.fid, selector)),
        }
    }

    /// Set Features, for a feature whose value is a dword; returns dword 0 of the completion.
    pub(crate) fn set(&mut self, scope: Scope, is_saved: bool) -> Result<u32, Failure> {
        let kind = self.kind(scope.fid)?;
        if scope.fid == feature::NUMBER_OF_QUEUES {
            return self.set_queues(scope.value);
        }
        let selector = self.selector(kind, scope)?;
        let value = self.checked(scope)?;
        self.current.insert(scope.fid, selector, value);
        if is_saved {
            self.saved.insert(scope.fid, selector, value);
        }
        Ok(0)
    }

    /// Checks Set Features' namespace and save bit.
    pub(crate) fn check_scope(&self, fid: u8, nsid: u32, is_saved: bool) -> Result<(), Failure> {
        let kind = self.kind(fid)?;
        if is_saved && !kind.is_saveable {
            return Err(Failure::permanent(status::FEATURE_NOT_SAVEABLE).at(byte::CDW10));
        }
        if !kind.is_changeable {
            return Err(Failure::permanent(status::FEATURE_NOT_CHANGEABLE).at(byte::CDW10));
        }
        if !kind.is_per_namespace && nsid != 0 && nsid != NSID_BROADCAST {
            return Err(Failure::permanent(status::FEATURE_NOT_NAMESPACE_SPECIFIC).at(byte::NSID));
        }
        Ok(())
    }

    /// What of the command says which value of the feature it means.
    fn selector(&self, kind: &Kind, scope: Scope) -> Result<u32, Failure> {
        if kind.is_per_namespace {
            return Ok(scope.nsid);
        }
        match scope.fid {
            feature::INTERRUPT_VECTOR => {
                let vector = scope.value & 0xffff;
                let is_there = vector < u32::from(self.vectors_max);
                if is_there { Ok(vector) } else { Err(Failure::field(byte::CDW11, 0)) }
            }
            feature::TEMPERATURE_THRESHOLD => {
                let which = TemperatureThreshold(scope.value);
                // Only the composite temperature has thresholds; 15 means every sensor.
                match (which.tmpsel(), which.thsel()) {
                    (0 | 15, select @ (0 | 1)) => Ok(select),
                    _ => Err(Failure::field(byte::CDW11, 0)),
                }
            }
            _ => Ok(0),
        }
    }

    /// The value as it is kept, if it is one that the feature can have.
    fn checked(&self, scope: Scope) -> Result<u32, Failure> {
        let value = scope.value;
        let refused = Err(Failure::field(byte::CDW11, 0));
        match scope.fid {
            feature::POWER_MANAGEMENT if value & 0x1f > POWER_STATES_Z => refused,
            feature::POWER_MANAGEMENT => Ok(value & 0xff),
            feature::TEMPERATURE_THRESHOLD => Ok(TemperatureThreshold(value).tmpth()),
            feature::ERROR_RECOVERY => Ok(value & (DEALLOCATED_ERROR | 0xffff)),
            feature::INTERRUPT_COALESCING => Ok(value & 0xffff),
            feature::INTERRUPT_VECTOR => Ok(value & (COALESCING_DISABLED | 0xffff)),
            feature::ASYNC_EVENT_CONFIG => Ok(value & (OAES | SMART_WARNINGS)),
            feature::VOLATILE_WRITE_CACHE
            | feature::WRITE_ATOMICITY
            | feature::NON_OPERATIONAL_POWER_STATE
            | feature::SANITIZE_CONFIG => Ok(value & 1),
            feature::KEEP_ALIVE_TIMER => Ok(kinds::rounded_keep_alive_ms(value)),
            _ => Ok(value),
        }
    }

    fn set_queues(&mut self, value: u32) -> Result<u32, Failure> {
        let wanted = feature::NumberOfQueues(value);
        if wanted.nsq_z() == 0xffff || wanted.ncq_z() == 0xffff {
            return Err(Failure::field(byte::CDW11, 0));
        }
        let wanted_z = u16::try_from(wanted.nsq_z().max(wanted.ncq_z())).unwrap_or(u16::MAX);
        self.queues_granted_z = wanted_z.min(self.queues_max_z);
        Ok(both_queues(self.queues_granted_z))
    }
}

fn both_queues(granted_z: u16) -> u32 {
    let granted_z = u32::from(granted_z);
    feature::NumberOfQueues(0).with_nsq_z(granted_z).with_ncq_z(granted_z).0
}
