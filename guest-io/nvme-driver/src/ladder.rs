//! The time-out ladder of Linux `nvme_timeout`: look again, abort, reset, give up.
//!
//! The completion queues were polled just before, so a command that is late here is really not
//! answered. Each command has its own deadline; after its abort it gets the same time once more.

use hal::{Instant, Platform};
use nvme_spec::Sqe;

use crate::admin::Purpose;
use crate::command;
use crate::error::Error;
use crate::events::{Event, ResetReason};
use crate::phase::{PAUSE_MIN, Phase};
use crate::registers::Registers;
use crate::slots::{Job, JobState};
use crate::state::{Core, IO_QID};

fn is_late<D>(job: &Job<D>, now: Instant) -> bool {
    matches!(job.state, JobState::InFlight { deadline } if deadline <= now)
}

impl<P: Platform> Core<P> {
    /// Climbs the ladder for every command that is late.
    #[inline]
    pub(crate) fn check_deadlines(&mut self, platform: &P, now: Instant) {
        self.check_admin_deadlines(platform, now);
        if self.slots.may_be_late(now) {
            self.climb(platform, now);
        }
    }

    #[cold]
    fn climb(&mut self, platform: &P, now: Instant) {
        let mut last = None;
        let mut is_status_read = false;
        while let (Phase::Live, Some((ticket, slot))) =
            (self.phase, self.slots.next_after(last, |job| is_late(job, now)))
        {
            last = Some(ticket);
            self.note_timeout(platform, slot);
            if !is_status_read {
                is_status_read = true;
                self.check_status(platform, now);
            }
            if matches!(self.phase, Phase::Live) {
                self.abort_or_reset(platform, now, slot);
            }
        }
        self.slots.take_stock();
    }

    fn note_timeout(&mut self, platform: &P, slot: u8) {
        self.counters.timeouts = self.counters.timeouts.saturating_add(1);
        let Some(slot_ref) = self.slots.get(slot) else {
            return;
        };
        if let Some(job) = &slot_ref.job {
            let cid = slot_ref.sequence.cid(slot);
            platform.tracer().emit(Event::Timeout { cid, serial: job.ticket.0 });
        }
    }

    /// Before anything is sent to a late controller: is it there, and does it say that it is broken?
    fn check_status(&mut self, platform: &P, now: Instant) {
        match Registers(platform.bar()).csts() {
            None => self.end(platform, Error::Removed),
            Some(csts) if csts.cfs() != 0 || csts.nssro() != 0 => {
                self.begin_reset(platform, now, ResetReason::Fatal);
            }
            Some(_) => {}
        }
    }

    fn abort_or_reset(&mut self, platform: &P, now: Instant, slot: u8) {
        let aborts = self.admin.count(|purpose| matches!(purpose, Purpose::Abort(_)));
        let aborts_max = self.controller.map_or(1, |limits| limits.aborts_max);
        let Some(slot_ref) = self.slots.get_mut(slot) else {
            return;
        };
        let cid = slot_ref.sequence.cid(slot);
        let Some(job) = slot_ref.job.as_mut() else {
            return;
        };
        if job.is_abort_sent {
            return self.begin_reset(platform, now, ResetReason::Timeout);
        }
        job.state = JobState::InFlight { deadline: now.after(self.config.io_timeout) };
        if aborts >= aborts_max {
            // The aborts in flight have deadlines of their own: this cannot go on for ever.
            return;
        }
        let serial = job.ticket.0;
        let deadline = now.after(self.config.admin_timeout);
        let sqe = Sqe::abort(IO_QID, cid);
        job.is_abort_sent =
            self.admin.send(&Registers(platform.bar()), sqe, Purpose::Abort(cid), deadline);
        if job.is_abort_sent {
            self.counters.aborts = self.counters.aborts.saturating_add(1);
            platform.tracer().emit(Event::Abort { cid, serial });
        }
    }

    /// An admin command that is late: during the set-up that is the end, later a reset.
    #[inline]
    pub(crate) fn check_admin_deadlines(&mut self, platform: &P, now: Instant) {
        if self.admin.late_from() <= now {
            self.find_late_admin(platform, now);
        }
    }

    #[cold]
    fn find_late_admin(&mut self, platform: &P, now: Instant) {
        let late = self.admin.commands().find(|(_, command)| command.deadline <= now);
        let Some((cid, command)) = late else { return };
        let opcode = command.opcode;
        self.counters.admin_timeouts = self.counters.admin_timeouts.saturating_add(1);
        platform.tracer().emit(Event::AdminTimeout { cid, opcode: opcode.0 });
        let is_gone = Registers(platform.bar()).csts().is_none();
        match self.phase {
            _ if is_gone => self.end(platform, Error::Removed),
            Phase::Live => self.begin_reset(platform, now, ResetReason::AdminTimeout),
            _ => self.end(platform, Error::AdminTimeout { opcode }),
        }
    }

    /// Sends the commands whose time has come, oldest bio first.
    #[inline]
    pub(crate) fn send_waiting(&mut self, platform: &P, now: Instant) {
        if self.slots.may_wait() {
            self.send_all_due(platform, now);
        }
    }

    fn send_all_due(&mut self, platform: &P, now: Instant) {
        let is_due =
            |job: &Job<P::Dma>| matches!(job.state, JobState::Waiting { until } if until <= now);
        let mut last = None;
        while let Some((ticket, slot)) = self.slots.next_after(last, is_due) {
            last = Some(ticket);
            self.send(platform, now, slot);
        }
        self.slots.take_stock();
    }

    /// Sends the command of the job in `slot`, or its next piece.
    pub(crate) fn send(&mut self, platform: &P, now: Instant, slot: u8) {
        let Some(limits) = &self.namespace else {
            return;
        };
        let Some(slot_ref) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(job) = slot_ref.job.as_mut() else {
            return;
        };
        let built =
            command::build(&job.bio, job.done_blocks, limits, self.config.nsid, &slot_ref.list);
        // The bio was checked when it was accepted.
        let Some((sqe, blocks)) = built else { return };
        slot_ref.sequence.advance();
        let cid = slot_ref.sequence.cid(slot);
        job.piece_blocks = blocks;
        let state = JobState::InFlight { deadline: now.after(self.config.io_timeout) };
        job.state = state;
        self.pause = PAUSE_MIN;
        self.counters.submissions = self.counters.submissions.saturating_add(1);
        let block = job.bio.block.saturating_add(job.done_blocks);
        let (opcode, serial) = (sqe.opcode(), job.ticket.0);
        platform.tracer().emit(Event::Submit { cid, opcode, serial, block, blocks });
        self.slots.note(state);
        self.io.push(&Registers(platform.bar()), self.shadow.as_ref(), &sqe.with_cid(cid));
    }
}

#[cfg(test)]
mod tests;
