//! Features: their values, and what may be done with them.
//!
//! None can be saved; a controller reset brings the defaults back.
// Spec: NVMe-Base-2.0c 5.27 "Set Features command"

use std::collections::BTreeMap;

use nvme_spec::feature::{self, TemperatureThreshold};
use nvme_spec::{NSID_BROADCAST, status};

use crate::config::Config;
use crate::failure::{Failure, byte};

/// The default over-temperature threshold, as Identify's warning temperature.
pub(crate) const WARNING_TEMPERATURE_KELVIN: u16 = 343;

/// Interrupt Vector Configuration, bit 16: coalescing is disabled.
const COALESCING_DISABLED: u32 = 1 << 16;

/// The values of a controller's features.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    arbitration: u32,
    error_recovery: u32,
    is_cache_enabled: bool,
    coalescing: u32,
    write_atomicity: u32,
    pub(crate) async_event_config: u32,
    over_kelvin: u16,
    under_kelvin: u16,
    /// I/O queues granted, zero-based.
    pub(crate) queues_granted_z: u16,
    vectors: BTreeMap<u16, u32>,
    vectors_max: u16,
    queues_max_z: u16,
    has_cache: bool,
}

impl Features {
    pub(crate) fn new(config: &Config) -> Self {
        let queues_max_z = config.io_queues_max.saturating_sub(1);
        Self {
            arbitration: 0,
            error_recovery: 0,
            is_cache_enabled: config.has_volatile_cache,
            coalescing: 0,
            write_atomicity: 0,
            async_event_config: 0,
            over_kelvin: WARNING_TEMPERATURE_KELVIN,
            under_kelvin: 0,
            queues_granted_z: queues_max_z,
            vectors: BTreeMap::new(),
            vectors_max: config.vectors,
            queues_max_z,
            has_cache: config.has_volatile_cache,
        }
    }

    /// Whether writes may stay in the volatile cache.
    pub(crate) fn is_cache_enabled(&self) -> bool {
        self.is_cache_enabled
    }

    /// Whether reading deallocated or unwritten blocks is an error (DULBE).
    pub(crate) fn is_deallocated_error(&self, _nsid: u32) -> bool {
        self.error_recovery >> 16 & 1 != 0
    }

    /// Whether this composite temperature is outside of the thresholds.
    pub(crate) fn is_too_hot(&self, kelvin: u16) -> bool {
        kelvin >= self.over_kelvin || kelvin <= self.under_kelvin
    }

    /// Get Features. `value` is dword 11, which some features use as a selector.
    pub(crate) fn get(&self, fid: u8, value: u32) -> Result<u32, Failure> {
        Ok(match fid {
            feature::ARBITRATION => self.arbitration,
            feature::POWER_MANAGEMENT => 0,
            feature::TEMPERATURE_THRESHOLD => self.temperature(value)?,
            feature::ERROR_RECOVERY => self.error_recovery,
            feature::VOLATILE_WRITE_CACHE if self.has_cache => self.is_cache_enabled.into(),
            feature::NUMBER_OF_QUEUES => self.queues_granted(),
            feature::INTERRUPT_COALESCING => self.coalescing,
            feature::INTERRUPT_VECTOR => {
                let vector = self.vector(value)?;
                self.vectors.get(&vector).copied().unwrap_or(0) | u32::from(vector)
            }
            feature::WRITE_ATOMICITY => self.write_atomicity,
            feature::ASYNC_EVENT_CONFIG => self.async_event_config,
            _ => return Err(Failure::field(byte::CDW10, 0)),
        })
    }

    /// What Get Features says with "select capabilities".
    pub(crate) fn capabilities(&self, fid: u8) -> Result<u32, Failure> {
        self.get(fid, 0).map(|_| feature::CAPABILITY_CHANGEABLE)
    }

    /// Set Features; returns dword 0 of the completion.
    pub(crate) fn set(&mut self, fid: u8, value: u32) -> Result<u32, Failure> {
        match fid {
            feature::ARBITRATION => self.arbitration = value,
            // There is one power state and no workload hint.
            feature::POWER_MANAGEMENT if value & 0x1f != 0 => {
                return Err(Failure::field(byte::CDW11, 0));
            }
            feature::POWER_MANAGEMENT => {}
            feature::TEMPERATURE_THRESHOLD => self.set_temperature(value)?,
            feature::ERROR_RECOVERY => self.error_recovery = value & 0x1_ffff,
            feature::VOLATILE_WRITE_CACHE if self.has_cache => {
                self.is_cache_enabled = value & 1 != 0;
            }
            feature::NUMBER_OF_QUEUES => return self.set_queues(value),
            feature::INTERRUPT_COALESCING => self.coalescing = value & 0xffff,
            feature::INTERRUPT_VECTOR => {
                let vector = self.vector(value)?;
                self.vectors.insert(vector, value & COALESCING_DISABLED);
            }
            feature::WRITE_ATOMICITY => self.write_atomicity = value & 1,
            feature::ASYNC_EVENT_CONFIG => self.async_event_config = value,
            _ => return Err(Failure::field(byte::CDW10, 0)),
        }
        Ok(0)
    }

    /// Checks Set Features' namespace and save bit. No feature here belongs to a namespace.
    pub(crate) fn check_scope(&self, fid: u8, nsid: u32, is_saved: bool) -> Result<(), Failure> {
        self.get(fid, 0)?;
        if is_saved {
            return Err(Failure::permanent(status::FEATURE_NOT_SAVEABLE).at(byte::CDW10));
        }
        if nsid != 0 && nsid != NSID_BROADCAST {
            return Err(Failure::permanent(status::FEATURE_NOT_NAMESPACE_SPECIFIC).at(byte::NSID));
        }
        Ok(())
    }

    fn queues_granted(&self) -> u32 {
        let granted_z = u32::from(self.queues_granted_z);
        feature::NumberOfQueues(0).with_nsq_z(granted_z).with_ncq_z(granted_z).0
    }

    fn set_queues(&mut self, value: u32) -> Result<u32, Failure> {
        let wanted = feature::NumberOfQueues(value);
        if wanted.nsq_z() == 0xffff || wanted.ncq_z() == 0xffff {
            return Err(Failure::field(byte::CDW11, 0));
        }
        let wanted_z = u16::try_from(wanted.nsq_z().max(wanted.ncq_z())).unwrap_or(u16::MAX);
        self.queues_granted_z = wanted_z.min(self.queues_max_z);
        Ok(self.queues_granted())
    }

    fn vector(&self, value: u32) -> Result<u16, Failure> {
        u16::try_from(value & 0xffff)
            .ok()
            .filter(|vector| *vector < self.vectors_max)
            .ok_or(Failure::field(byte::CDW11, 0))
    }

    /// Only the composite temperature (selector 0) has thresholds.
    fn temperature(&self, value: u32) -> Result<u32, Failure> {
        let which = TemperatureThreshold(value);
        match (which.tmpsel(), which.thsel()) {
            (0, 0) => Ok(self.over_kelvin.into()),
            (0, 1) => Ok(self.under_kelvin.into()),
            _ => Err(Failure::field(byte::CDW11, 0)),
        }
    }

    fn set_temperature(&mut self, value: u32) -> Result<(), Failure> {
        let which = TemperatureThreshold(value);
        let kelvin = u16::try_from(which.tmpth()).unwrap_or(u16::MAX);
        match (which.tmpsel(), which.thsel()) {
            (0 | 15, 0) => self.over_kelvin = kelvin,
            (0 | 15, 1) => self.under_kelvin = kelvin,
            _ => return Err(Failure::field(byte::CDW11, 0)),
        }
        Ok(())
    }
}
