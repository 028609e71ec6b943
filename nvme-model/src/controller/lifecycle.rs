//! Being enabled, reset, shut down, cut off, pulled out.

use nvme_spec::register::{
    Aqa, CC_AMS_WEIGHTED, Csts, SHN_NORMAL, SHST_COMPLETE, SHST_NORMAL, SHST_OCCURRING,
};

use super::Controller;
use super::registers::Registers;
use crate::admin::reservation::HostIdentity;
use crate::async_events::AsyncEvents;
use crate::event::FatalCause;
use crate::fault::{ActionKind, Faults, Transition, value_of};
use crate::queue::{Coalescing, CompletionQueue, Priority, Queues, SubmissionQueue};
use crate::{Event, Observer};

impl Controller {
    /// Whether the controller works on commands.
    pub(super) fn is_running(&self) -> bool {
        /// Of SHST's values only this one has its upper bit.
        const LOOKED_AT: u32 = Csts(0).with_rdy(1).with_cfs(1).with_shst(SHST_COMPLETE).0;
        const READY: u32 = Csts(0).with_rdy(1).0;
        let is_enabled = self.registers.cc.en() != 0 || self.is_reset_ignored;
        self.registers.csts.0 & LOOKED_AT == READY && is_enabled && !self.is_removed
    }

    /// Whether it takes new ones.
    pub(super) fn is_fetching(&self) -> bool {
        self.is_running() && self.registers.csts.shst() == SHST_NORMAL
    }

    pub(super) fn set_csts(&mut self, csts: Csts, observer: &mut dyn Observer) {
        if csts != self.registers.csts {
            self.registers.csts = csts;
            observer.event(self.now_ns, &Event::Status { csts: csts.0 });
        }
    }

    /// Sets CSTS.CFS. Only a reset clears it.
    // Spec: NVMe-Base-2.0c 9.5 "Controller Fatal Status Condition"
    pub(crate) fn fail(&mut self, cause: FatalCause, observer: &mut dyn Observer) {
        observer.event(self.now_ns, &Event::Fatal { cause });
        self.ready_at = None;
        self.set_csts(self.registers.csts.with_cfs(1), observer);
        self.device_failed(cause);
    }

    /// CC.EN was set.
    pub(super) fn enable(&mut self, observer: &mut dyn Observer) {
        if std::mem::take(&mut self.is_reset_ignored) {
            // It never noticed the reset, so it does not notice the end of it.
            return;
        }
        let Some(faults) = self.ask_transition(Transition::Enable, |_| {}, observer) else {
            return;
        };
        // A host that did not wait for RDY = 0 finds it so nevertheless.
        self.unready_at = None;
        self.set_csts(self.registers.csts.with_rdy(0), observer);
        if self.mishaps.is_fatal_for_good() {
            self.fail(FatalCause::Injected, observer);
            return;
        }
        if !self.registers.is_startable() {
            self.fail(FatalCause::BadConfiguration, observer);
            return;
        }
        self.registers.enabled_cc = self.registers.cc;
        let Registers { aqa, asq, acq, cc, .. } = self.registers;
        let (sq_size, cq_size) = (aqa.asqs_z().saturating_add(1), aqa.acqs_z().saturating_add(1));
        let qid = nvme_spec::ADMIN_QID;
        self.queues.arbiter.set_weighted(cc.ams() == CC_AMS_WEIGHTED);
        self.queues.sqs.insert(qid, SubmissionQueue::new(asq, sq_size, qid, Priority::Urgent));
        self.queues.cqs.insert(qid, CompletionQueue::new(acq, cq_size, Some(0)));
        let ready_at = self.now_ns.saturating_add(self.config.timing.ready_ns);
        self.ready_at = ready_time(&faults, ready_at);
    }

    /// Forgets queues and commands; returns how many will never complete.
    pub(super) fn tear_down(&mut self) -> u32 {
        self.outlive_all();
        let lost = self.in_flight.dissolve();
        self.half_fused.clear();
        self.host = HostIdentity::default();
        self.queues = Queues::default();
        self.events = AsyncEvents::default();
        self.device_reset();
        self.clock.reset();
        self.interrupts.clear();
        self.coalescing = Coalescing::default();
        self.shadow = None;
        self.late_interrupts.clear();
        self.ready_at = None;
        self.unready_at = None;
        self.is_reset_ignored = false;
        self.shutdown_at = None;
        self.paused_until = None;
        self.has_backlog = false;
        self.faults.on_reset();
        self.mishaps.is_pin_stuck = false;
        self.doorbell_errors.clear();
        self.namespaces.values_mut().for_each(|ns| ns.format_run = None);
        lost
    }

    /// CC.EN was cleared by the host.
    pub(super) fn disable(&mut self, observer: &mut dyn Observer) {
        let Some(faults) = self.ask_transition(Transition::Disable, |_| {}, observer) else {
            return;
        };
        self.is_reset_ignored = faults.has(ActionKind::IgnoreReset);
        if self.is_reset_ignored {
            return;
        }
        self.paused_until = None;
        let (was_ready, now_ns) = (self.registers.csts.rdy(), self.now_ns);
        if faults.has(ActionKind::KeepQueues) {
            self.lose_admin_queues();
            self.set_csts(Csts(0), observer);
        } else {
            self.controller_reset(observer);
        }
        let unready_at = ready_time(&faults, now_ns);
        if was_ready != 0 && unready_at != Some(now_ns) {
            self.unready_at = unready_at;
            self.set_csts(self.registers.csts.with_rdy(1), observer);
        }
    }

    /// CC.EN was cleared, or the function was reset. The cache and the admin queues' description stay.
    // Spec: NVMe-Base-2.0c 3.7.2 "Controller Level Reset"
    pub(super) fn controller_reset(&mut self, observer: &mut dyn Observer) {
        let lost_commands = self.tear_down();
        observer.event(self.now_ns, &Event::Reset { lost_commands });
        self.registers.interrupt_mask = 0;
        let nssro = self.registers.csts.nssro();
        self.set_csts(Csts(0).with_nssro(nssro), observer);
    }

    /// A function level reset, as the PCI function gets it: a controller reset that also clears every
    /// register. What outlives a reset stays, the write cache among it.
    pub fn function_level_reset(&mut self, now_ns: u64, observer: &mut dyn Observer) {
        if self.is_removed {
            return;
        }
        self.now_ns = now_ns;
        self.registers.cc = nvme_spec::register::Cc(0);
        self.controller_reset(observer);
        (self.registers.aqa, self.registers.asq, self.registers.acq) = (Aqa(0), 0, 0);
    }

    /// NSSR was written with its magic value.
    pub(super) fn subsystem_reset(&mut self, observer: &mut dyn Observer) {
        let now_ns = self.now_ns;
        let faults = self.ask_transition(Transition::SubsystemReset, |_| {}, observer);
        if faults.is_none_or(|faults| faults.has(ActionKind::IgnoreReset)) {
            return;
        }
        self.function_level_reset(now_ns, observer);
        self.set_csts(self.registers.csts.with_nssro(1), observer);
    }

    /// CC.SHN was set.
    // Spec: NVMe-Base-2.0c 3.6.1 "Memory-based Controller Shutdown (PCIe)"
    pub(super) fn begin_shutdown(&mut self, observer: &mut dyn Observer) {
        if self.registers.csts.shst() != SHST_NORMAL {
            return;
        }
        let Some(faults) = self.ask_transition(Transition::Shutdown, |_| {}, observer) else {
            return;
        };
        let shutdown_at = self.now_ns.saturating_add(self.config.timing.shutdown_ns);
        self.shutdown_at = (!faults.has(ActionKind::IgnoreShutdown)).then_some(shutdown_at);
        self.set_csts(self.registers.csts.with_shst(SHST_OCCURRING), observer);
    }

    /// Does what is due by itself: becoming ready, finishing a shutdown.
    pub(crate) fn advance(&mut self, now_ns: u64, observer: &mut dyn Observer) {
        self.now_ns = now_ns;
        if self.mishaps.returns_at().is_some_and(|at| at <= now_ns) {
            self.come_back(observer);
        }
        if self.is_removed {
            return;
        }
        self.health.power_is_on(now_ns);
        if self.ready_at.is_some_and(|at| at <= now_ns) {
            self.ready_at = None;
            self.set_csts(self.registers.csts.with_rdy(1), observer);
        }
        if self.unready_at.is_some_and(|at| at <= now_ns) {
            self.unready_at = None;
            self.set_csts(self.registers.csts.with_rdy(0), observer);
        }
        if self.shutdown_at.is_some_and(|at| at <= now_ns) {
            self.shutdown_at = None;
            self.finish_shutdown(observer);
        }
        self.resume(observer);
        self.advance_device(observer);
    }

    /// An abrupt shutdown, too, leaves nothing in the cache: the media is fast enough for that here.
    fn finish_shutdown(&mut self, observer: &mut dyn Observer) {
        let now_ns = self.now_ns;
        let flushed: Result<(), _> =
            self.namespaces.values_mut().try_for_each(|ns| ns.flush(now_ns, observer));
        if let Err(error) = flushed {
            self.note_host_failure(error);
        }
        let lost_commands = self.in_flight.dissolve();
        self.half_fused.clear();
        if lost_commands > 0 {
            observer.event(now_ns, &Event::Reset { lost_commands });
        }
        self.set_csts(self.registers.csts.with_shst(SHST_COMPLETE), observer);
    }

    pub(crate) fn note_host_failure(&mut self, error: crate::media::MediaError) {
        log::error!("{error}");
        self.host_failure.get_or_insert(error.into());
    }

    /// The device is pulled out: registers read all ones, writes are lost, nothing completes. The cache
    /// keeps its content until [`Controller::power_cut`] decides about it and plugs the device in.
    pub fn remove(&mut self, now_ns: u64, observer: &mut dyn Observer) {
        self.now_ns = now_ns;
        if self.is_removed {
            return;
        }
        self.tear_down();
        self.is_removed = true;
        observer.event(now_ns, &Event::Removed);
    }
}

/// When CSTS.RDY changes that would have at `at_ns`; `None` if never.
fn ready_time(faults: &Faults, at_ns: u64) -> Option<u64> {
    if faults.has(ActionKind::RdyNever) {
        return None;
    }
    Some(value_of!(faults, RdyDelay).map_or(at_ns, |ns| at_ns.saturating_add(*ns)))
}

/// The only shutdown kinds there are; anything else in CC.SHN is no shutdown.
pub(super) fn is_shutdown(shn: u32) -> bool {
    shn == SHN_NORMAL || shn == nvme_spec::register::SHN_ABRUPT
}
