//! Taking completions out of the queues. Everything in them is the device's word, not the truth.

use core::time::Duration;

use block::BlockError;
use hal::{Instant, Platform, Wake};
use nvme_spec::command::ABORT_NOT_ABORTED;
use nvme_spec::{Cqe, Status, status as code};

use crate::admin::Purpose;
use crate::events::Event;
use crate::registers::Registers;
use crate::slots::{JobState, Owner};
use crate::state::Core;
use crate::status;

impl<P: Platform> Core<P> {
    /// Takes what is in the I/O completion queue: at most one lap.
    #[inline]
    pub(crate) fn reap_io(&mut self, platform: &P, now: Instant, wake: Option<Wake>) {
        // Whoever submits looks, too, and mostly finds nothing.
        if self.io.has_news() {
            self.take_io(platform, now, wake);
            self.io.ring_cq(&Registers(platform.bar()), self.shadow.as_ref());
        }
    }

    /// Takes what a controller that is disabled by now had still answered. Its doorbells are dead.
    pub(crate) fn take_last_completions(&mut self, platform: &P, now: Instant) {
        self.take_io(platform, now, None);
    }

    #[inline(never)]
    fn take_io(&mut self, platform: &P, now: Instant, wake: Option<Wake>) {
        for _ in 0..self.io.depth() {
            let Some(cqe) = self.io.pop() else { return };
            self.check_queue_fields(platform, &cqe, self.io.qid(), self.io.depth());
            match self.slots.owner(cqe.cid.get()) {
                Owner::Job(slot) => self.io_answered(platform, now, wake, slot, &cqe),
                stranger => self.refuse_stranger(platform, stranger, self.io.qid(), &cqe),
            }
        }
    }

    fn io_answered(&mut self, platform: &P, now: Instant, wake: Option<Wake>, slot: u8, cqe: &Cqe) {
        let Some(job) = self.slots.get_mut(slot).and_then(|slot| slot.job.as_mut()) else {
            return;
        };
        let (cid, serial) = (cqe.cid.get(), job.ticket.0);
        let status = cqe.status();
        self.counters.completions = self.counters.completions.saturating_add(1);
        platform.tracer().emit(Event::Complete { cid, status: status.to_raw(), serial });
        let JobState::InFlight { deadline } = job.state else {
            return;
        };
        if wake == Some(Wake::Deadline) && now >= deadline {
            // Linux: "timeout, completion polled".
            self.counters.interrupts_missed = self.counters.interrupts_missed.saturating_add(1);
            platform.tracer().emit(Event::InterruptMissed { cid, serial });
        }
        if !status.is_success() {
            return self.io_failed(platform, now, slot, status);
        }
        job.done_blocks = job.done_blocks.saturating_add(job.piece_blocks);
        job.is_abort_sent = false;
        if job.done_blocks < job.bio.size_blocks() {
            job.state = JobState::Waiting { until: now };
            self.slots.note(JobState::Waiting { until: now });
        } else {
            self.finish(platform, slot, Ok(()));
        }
    }

    fn io_failed(&mut self, platform: &P, now: Instant, slot: u8, status: Status) {
        let Some(job) = self.slots.get(slot).and_then(|slot| slot.job.as_ref()) else {
            return;
        };
        let is_aborted = job.is_abort_sent && status.code == code::ABORT_REQUESTED;
        let retries_max = self.config.retries_max;
        let delay = self.controller.map_or(Duration::ZERO, |c| c.retry_delay(status.crd));
        if status::is_retryable(status, job.retries, retries_max)
            && self.retry(platform, now, slot, delay)
        {
            return;
        }
        // The abort's status is the driver's own doing: what went wrong is that no answer came.
        let error = if is_aborted { BlockError::Timeout } else { status::to_block_error(status) };
        self.finish(platform, slot, Err(error));
    }

    /// Lets the job be sent again after `delay`; false if that was done often enough.
    pub(crate) fn retry(&mut self, platform: &P, now: Instant, slot: u8, delay: Duration) -> bool {
        let retries_max = self.config.retries_max;
        let Some(job) = self.slots.get_mut(slot).and_then(|slot| slot.job.as_mut()) else {
            return false;
        };
        if job.retries >= retries_max {
            return false;
        }
        job.retries = job.retries.saturating_add(1);
        job.state = JobState::Waiting { until: now.after(delay) };
        job.is_abort_sent = false;
        self.counters.retries = self.counters.retries.saturating_add(1);
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let (attempt, serial) = (job.retries, job.ticket.0);
        self.slots.note(JobState::Waiting { until: now.after(delay) });
        platform.tracer().emit(Event::Retry { attempt, serial, delay_ns });
        true
    }

    /// Takes what is in the admin completion queue: at most one lap.
    #[inline]
    pub(crate) fn reap_admin(&mut self, platform: &P, now: Instant) {
        if self.admin.ring.has_news() {
            self.take_admin(platform, now);
        }
    }

    /// Apart, as [`Core::go_on`] is.
    #[inline(never)]
    fn take_admin(&mut self, platform: &P, now: Instant) {
        for _ in 0..self.admin.ring.depth() {
            let Some(cqe) = self.admin.ring.pop() else { break };
            self.admin_answered(platform, now, &cqe);
            if self.ended().is_some() {
                return;
            }
        }
        self.admin.ring.ring_cq(&Registers(platform.bar()), None);
    }

    fn admin_answered(&mut self, platform: &P, now: Instant, cqe: &Cqe) {
        let (qid, depth) = (self.admin.ring.qid(), self.admin.ring.depth());
        self.check_queue_fields(platform, cqe, qid, depth);
        let command = match self.admin.take(cqe.cid.get()) {
            Ok(command) => command,
            Err(stranger) => return self.refuse_stranger(platform, stranger, qid, cqe),
        };
        let (status, dw0) = (cqe.status(), cqe.dw0.get());
        match command.purpose {
            Purpose::Configure => self.step_answered(platform, now, command.opcode, status),
            Purpose::Abort(cid) => {
                let is_aborted = status.is_success() && dw0 & ABORT_NOT_ABORTED == 0;
                let (status, is_aborted) = (status.to_raw(), u8::from(is_aborted));
                platform.tracer().emit(Event::AbortDone { cid, status, is_aborted });
            }
            Purpose::Event => self.event_answered(platform, now, status, dw0),
            Purpose::Log(lid) => self.log_answered(platform, now, lid, status),
            Purpose::Rescan => {
                self.rescan_answered(platform, status);
                self.read_unread_log(platform, now);
            }
        }
    }

    /// SQID and SQHD are checked for the record. They decide nothing: the CID alone does.
    // Spec: NVMe-Base-2.0c 3.3.3.2 "SQ Head Pointer (SQHD)"
    fn check_queue_fields(&mut self, platform: &P, cqe: &Cqe, qid: u16, depth: u16) {
        let (sqid, sqhd) = (cqe.sqid.get(), cqe.sqhd.get());
        if sqid != qid || sqhd >= depth {
            self.counters.bad_queue_fields = self.counters.bad_queue_fields.saturating_add(1);
            platform.tracer().emit(Event::BadQueueField { qid, sqid, sqhd });
        }
    }

    /// A completion for nobody is counted and otherwise ignored (Linux: "invalid id completed").
    fn refuse_stranger(&mut self, platform: &P, stranger: Owner, qid: u16, cqe: &Cqe) {
        let (cid, status) = (cqe.cid.get(), cqe.status().to_raw());
        if stranger == Owner::Stale {
            self.counters.stale_cids = self.counters.stale_cids.saturating_add(1);
            platform.tracer().emit(Event::StaleCid { cid, status, qid });
        } else {
            self.counters.unknown_cids = self.counters.unknown_cids.saturating_add(1);
            platform.tracer().emit(Event::UnknownCid { cid, status, qid });
        }
    }
}

#[cfg(test)]
mod tests;
