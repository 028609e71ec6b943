//! Disable, enable, shut down: what CC asks for and CSTS answers.
// Spec: NVMe-Base-2.0c 3.5.1 "Memory-based Controller Initialization (PCIe)"

use core::time::Duration;

use block::BlockError;
use hal::{Instant, Platform};
use nvme_spec::register::{Aqa, Cc, SHN_NORMAL, SHST_COMPLETE};

use crate::error::{Error, Stage};
use crate::events::{Event, ResetReason};
use crate::phase::{Phase, Poll};
use crate::registers::Registers;
use crate::slots::JobState;
use crate::state::Core;

/// An I/O submission queue entry has 64 bytes.
const IOSQES: u32 = 6;
/// An I/O completion queue entry has 16 bytes.
const IOCQES: u32 = 4;

/// CC for the NVM command set, 4 KiB pages and round robin, not enabled.
fn cc() -> Cc {
    Cc(0).with_iosqes(IOSQES).with_iocqes(IOCQES)
}

impl<P: Platform> Core<P> {
    /// How long RDY may take to follow EN. CAP.TO is a whole number of half seconds and may be zero;
    /// as in Linux one more is allowed, and CRTO may ask for more.
    // Spec: NVMe-Base-2.0c 3.1.3.1 "Timeout (TO)"
    fn ready_timeout(&self, platform: &P) -> Duration {
        let has_crto = self.cap.crms() != 0;
        let crwmt = if has_crto { Registers(platform.bar()).crto().crwmt() } else { 0 };
        let halves = self.cap.to().max(u64::from(crwmt)).saturating_add(1);
        Duration::from_millis(halves.saturating_mul(500))
    }

    pub(crate) fn write_disable(&self, platform: &P) {
        Registers(platform.bar()).set_cc(cc());
    }

    /// Begins the way through disable, enable and set-up.
    pub(crate) fn begin_disable(&mut self, platform: &P, now: Instant) {
        let timeout = self.ready_timeout(platform);
        self.write_disable(platform);
        self.phase = Phase::Disabling(Poll::new(now, timeout));
    }

    /// Begins a controller reset. Commands in flight stay where they are until RDY = 0.
    pub(crate) fn begin_reset(&mut self, platform: &P, now: Instant, reason: ResetReason) {
        self.counters.resets = self.counters.resets.saturating_add(1);
        platform.tracer().emit(Event::Reset { reason });
        self.begin_disable(platform, now);
    }

    pub(crate) fn poll_disabled(&mut self, platform: &P, now: Instant, poll: Poll) {
        match Registers(platform.bar()).csts() {
            None => self.end(platform, Error::Removed),
            Some(csts) if csts.rdy() == 0 => self.enable(platform, now),
            Some(_) => self.poll_again(platform, now, poll, Stage::Disable, Phase::Disabling),
        }
    }

    /// RDY = 0: the controller has forgotten every command and touches no memory. What it had
    /// answered before that counts; the rest is sent again or given back.
    fn enable(&mut self, platform: &P, now: Instant) {
        self.take_last_completions(platform, now);
        self.cancel_in_flight(platform, now);
        self.admin.reset();
        self.unread_logs = 0;
        self.io.reset();
        if let Some(shadow) = &mut self.shadow {
            shadow.reset();
        }
        let registers = Registers(platform.bar());
        let depth_z = u32::from(self.admin.ring.depth_z());
        let aqa = Aqa(0).with_asqs_z(depth_z).with_acqs_z(depth_z);
        let ring = &self.admin.ring;
        registers.set_admin_queues(aqa, ring.sq_address(), ring.cq_address());
        registers.set_cc(cc().with_en(1));
        self.phase = Phase::Enabling(Poll::new(now, self.ready_timeout(platform)));
    }

    /// Commands that the reset swept away are sent again, a bounded number of times, as Linux does
    /// with `NVME_SC_HOST_ABORTED_CMD`.
    fn cancel_in_flight(&mut self, platform: &P, now: Instant) {
        let mut last = None;
        let is_in_flight = |state| matches!(state, JobState::InFlight { .. });
        while let Some((ticket, slot)) = self.slots.next_after(last, |job| is_in_flight(job.state))
        {
            last = Some(ticket);
            if !self.retry(platform, now, slot, Duration::ZERO) {
                self.finish(platform, slot, Err(BlockError::Timeout));
            }
        }
    }

    pub(crate) fn poll_enabled(&mut self, platform: &P, now: Instant, poll: Poll) {
        match Registers(platform.bar()).csts() {
            None => self.end(platform, Error::Removed),
            Some(csts) if csts.cfs() != 0 => self.end(platform, Error::Fatal),
            Some(csts) if csts.rdy() != 0 => self.begin_configure(platform, now),
            Some(_) => self.poll_again(platform, now, poll, Stage::Enable, Phase::Enabling),
        }
    }

    /// Asks for an orderly shutdown.
    // Spec: NVMe-Base-2.0c 3.6.1 "Memory-based Transport Controller Shutdown"
    pub(crate) fn begin_shut_down(&mut self, platform: &P, now: Instant) {
        let timeout = self.controller.map_or(Duration::ZERO, |limits| limits.shutdown_timeout);
        Registers(platform.bar()).set_cc(cc().with_en(1).with_shn(SHN_NORMAL));
        self.phase = Phase::ShuttingDown(Poll::new(now, timeout));
    }

    pub(crate) fn poll_shut_down(&mut self, platform: &P, now: Instant, poll: Poll) {
        match Registers(platform.bar()).csts() {
            None => self.end(platform, Error::Removed),
            Some(csts) if csts.shst() == SHST_COMPLETE => self.end(platform, Error::ShutDown),
            Some(_) => self.poll_again(platform, now, poll, Stage::Shutdown, Phase::ShuttingDown),
        }
    }

    fn poll_again(
        &mut self,
        platform: &P,
        now: Instant,
        poll: Poll,
        stage: Stage,
        phase: impl FnOnce(Poll) -> Phase,
    ) {
        match poll.again(now, stage) {
            Ok(poll) => self.phase = phase(poll),
            Err(error) => self.end(platform, error),
        }
    }
}
