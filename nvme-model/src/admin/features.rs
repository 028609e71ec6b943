//! Set Features and Get Features.

use nvme_spec::aer::{self, AerResult};
use nvme_spec::feature::{
    self, Arbitration, AsyncEventConfig, InterruptCoalescing, InterruptVector,
};
use nvme_spec::log::{LID_SMART, critical_warning};
use nvme_spec::status;

use crate::controller::Outcome;
use crate::failure::{Failure, byte};
use crate::features::Features;
use crate::{Controller, Ports};

impl Controller {
    pub(crate) fn get_features(&self, fid: u8, sel: u32, value: u32) -> Outcome {
        match sel {
            feature::SEL_CURRENT => self.features.get(fid, value),
            // Nothing can be saved, so what is saved is the default.
            feature::SEL_DEFAULT | feature::SEL_SAVED => {
                Features::new(&self.config).get(fid, value)
            }
            feature::SEL_CAPABILITIES => self.features.capabilities(fid),
            _ => Err(Failure::field(byte::CDW10.saturating_add(1), 0)),
        }
    }

    pub(crate) fn set_features(
        &mut self,
        fid: u8,
        is_saved: bool,
        nsid: u32,
        value: u32,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        self.features.check_scope(fid, nsid, is_saved)?;
        if fid == feature::NUMBER_OF_QUEUES && self.has_io_queues() {
            return Err(Failure::permanent(status::COMMAND_SEQUENCE_ERROR));
        }
        let had_cache = self.features.is_cache_enabled();
        let result = self.features.set(fid, value)?;
        if had_cache && !self.features.is_cache_enabled() {
            // From here on completed writes are durable, and so must be the earlier ones.
            self.flush_all(ports)?;
        }
        match fid {
            feature::ARBITRATION => self.queues.arbiter.configure(Arbitration(value)),
            feature::INTERRUPT_COALESCING => self.coalescing.configure(InterruptCoalescing(value)),
            feature::INTERRUPT_VECTOR => {
                let config = InterruptVector(value);
                let vector = u16::try_from(config.iv()).unwrap_or(u16::MAX);
                self.coalescing.set_exempt(vector, config.cd() != 0);
            }
            _ => {}
        }
        if [feature::TEMPERATURE_THRESHOLD, feature::ASYNC_EVENT_CONFIG].contains(&fid) {
            self.check_temperature();
        }
        Ok(result)
    }

    pub(crate) fn is_too_hot(&self) -> bool {
        self.features.is_too_hot(self.config.temperature_kelvin)
    }

    /// Raises the temperature event if the host wants to hear of it.
    fn check_temperature(&mut self) {
        let wanted = AsyncEventConfig(self.features.async_event_config).smart();
        if self.is_too_hot() && wanted & u32::from(critical_warning::TEMPERATURE) != 0 {
            self.events.raise(
                AerResult(0)
                    .with_event_type(aer::TYPE_SMART)
                    .with_info(aer::SMART_TEMPERATURE)
                    .with_log_page(LID_SMART.into()),
            );
        }
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
