//! Set Features and Get Features.

use nvme_spec::feature::{
    self, Arbitration, InterruptCoalescing, InterruptVector, TIMESTAMP_BYTES,
};
use nvme_spec::status;

use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};
use crate::features::Scope;
use crate::{Controller, Ports};

impl Controller {
    pub(crate) fn get_features(
        &mut self,
        scope: Scope,
        sel: u32,
        to: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let is_asked_for_value = sel != feature::SEL_CAPABILITIES;
        if is_asked_for_value && self.features.kind(scope.fid)?.is_per_namespace {
            self.check_active(scope.nsid)?;
        }
        let value = self.features.get(scope, sel)?;
        let is_current = sel == feature::SEL_CURRENT;
        match scope.fid {
            feature::TIMESTAMP if is_asked_for_value => {
                let raw = self.features.timestamp.to_raw(self.now_ns());
                let raw = if is_current { raw } else { 0 };
                self.send(&raw.to_le_bytes(), to, ports)
            }
            feature::OCP_ERROR_INJECTION if is_current => self.get_error_injection(to, ports),
            feature::HOST_BEHAVIOR if is_asked_for_value => {
                let none = [0; feature::HOST_BEHAVIOR_BYTES];
                let data = if is_current { self.features.host_behavior() } else { &none };
                self.send(data, to, ports)
            }
            feature::HOST_IDENTIFIER if is_asked_for_value => {
                self.get_host(scope, is_current, to, ports)
            }
            feature::RESERVATION_MASK | feature::RESERVATION_PERSISTENCE if is_asked_for_value => {
                Ok(self.get_reservations(scope, is_current))
            }
            _ => Ok(value),
        }
    }

    pub(crate) fn set_features(
        &mut self,
        scope: Scope,
        is_saved: bool,
        from: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        self.features.check_scope(scope.fid, scope.nsid, is_saved)?;
        match scope.fid {
            feature::NUMBER_OF_QUEUES if self.has_io_queues() => {
                return Err(Failure::permanent(status::COMMAND_SEQUENCE_ERROR));
            }
            feature::TIMESTAMP => return self.set_timestamp(from, ports),
            feature::OCP_ERROR_INJECTION => {
                return self.set_error_injection(scope.value & 0xff, from, ports);
            }
            feature::HOST_BEHAVIOR => return self.set_host_behavior(from, ports),
            feature::HOST_IDENTIFIER => return self.set_host(scope, from, ports),
            feature::RESERVATION_MASK | feature::RESERVATION_PERSISTENCE => {
                self.check_active_or_all(scope.nsid)?;
                self.set_reservations(scope);
                return Ok(0);
            }
            feature::ERROR_RECOVERY => self.check_active_or_all(scope.nsid)?,
            _ => {}
        }
        let value = scope.value;
        let had_cache = self.features.is_cache_enabled();
        let had_power_state = self.features.power_state();
        let result = self.set_value(scope, is_saved)?;
        if had_cache && !self.features.is_cache_enabled() {
            // From here on completed writes are durable, and so must be the earlier ones.
            self.flush_all(ports)?;
        }
        match scope.fid {
            feature::TEMPERATURE_THRESHOLD | feature::ASYNC_EVENT_CONFIG => {
                self.check_temperature();
            }
            feature::KEEP_ALIVE_TIMER => {
                self.keep_alive();
            }
            feature::POWER_MANAGEMENT if self.features.power_state() != had_power_state => {
                self.count_power_state_change();
            }
            feature::ARBITRATION => self.queues.arbiter.configure(Arbitration(value)),
            feature::INTERRUPT_COALESCING => self.coalescing.configure(InterruptCoalescing(value)),
            feature::INTERRUPT_VECTOR => {
                let config = InterruptVector(value);
                let vector = u16::try_from(config.iv()).unwrap_or(u16::MAX);
                self.coalescing.set_exempt(vector, config.cd() != 0);
            }
            _ => {}
        }
        Ok(result)
    }

    /// Sets the feature, for each namespace if it belongs to one and all are meant.
    fn set_value(&mut self, scope: Scope, is_saved: bool) -> Outcome {
        let is_per_namespace = self.features.kind(scope.fid)?.is_per_namespace;
        if !is_per_namespace || scope.nsid != nvme_spec::NSID_BROADCAST {
            return self.features.set(scope, is_saved);
        }
        for nsid in self.namespaces.keys() {
            self.features.set(Scope { nsid, ..scope }, is_saved)?;
        }
        Ok(0)
    }

    fn set_timestamp(&mut self, from: DataPointer, ports: &mut Ports<'_>) -> Outcome {
        let mut bytes = [0; TIMESTAMP_BYTES];
        self.receive(&mut bytes, from, ports)?;
        let now_ns = self.now_ns();
        let previous = self.features.timestamp.to_raw(now_ns);
        self.journal_timestamp(previous);
        self.features.timestamp.set(bytes, now_ns);
        Ok(0)
    }

    /// Host behavior support: what the host can do. Telemetry area 4 is not there to be enabled.
    fn set_host_behavior(&mut self, from: DataPointer, ports: &mut Ports<'_>) -> Outcome {
        let mut data = vec![0; feature::HOST_BEHAVIOR_BYTES];
        self.receive(&mut data, from, ports)?;
        if data.iter().take(3).any(|byte| *byte > 1) {
            return Err(Failure::field(byte::PRP1, 0));
        }
        self.features.set_host_behavior(data);
        Ok(0)
    }

    /// An I/O command leaves a state in which there is no I/O.
    // Spec: NVMe-Base-2.0c 8.15.1 "Non-Operational Power States"
    pub(crate) fn wake_for_io(&mut self) {
        let state = self.features.power_state();
        if state > super::identify::LAST_OPERATIONAL_STATE {
            self.features.set_power_state(super::identify::LAST_OPERATIONAL_STATE);
            self.count_power_state_change();
        }
    }

    fn count_power_state_change(&mut self) {
        let changes = &mut self.device.power_state_changes;
        *changes = changes.saturating_add(1);
    }

    /// Empties the cache of every namespace.
    pub(crate) fn flush_all(&mut self, ports: &mut Ports<'_>) -> Outcome {
        let now_ns = self.now_ns();
        let flushed: Result<(), _> =
            self.namespaces.values_mut().try_for_each(|ns| ns.flush(now_ns, ports.observer));
        self.host_result(flushed)?;
        Ok(0)
    }
}
