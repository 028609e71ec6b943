//! One step: everything that is due now, in an order that only depends on time and number.

use nvme_spec::ADMIN_QID;

use super::Controller;
use super::fused::Half;
use super::inflight::InFlight;
use crate::command::Command;
use crate::event::FatalCause;
use crate::failure::Failure;
use crate::fault::ActionKind;
use crate::findings::FindingKind;
use crate::queue::Slot;
use crate::{Event, Ports};

/// Commands fetched or completed in one step at the most; the rest is due at once.
const WORK_MAX: u32 = 4096;

impl Controller {
    /// Does what is due at `now_ns`: becomes ready, fetches and completes commands, reports events,
    /// signals interrupts. Bounded work: what is left over makes [`Controller::next_event`] say "now".
    pub fn step(&mut self, now_ns: u64, ports: &mut Ports<'_>) {
        self.advance(now_ns, ports.observer);
        self.has_backlog = false;
        self.look_at_shadow(ports);
        self.run_ghosts(ports);
        let mut work = 0_u32;
        loop {
            match self.work_once(ports) {
                0 if !self.look_again(ports) => break,
                done => work = work.saturating_add(done.max(1)),
            }
            if work >= WORK_MAX {
                self.has_backlog = true;
                break;
            }
        }
        self.write_completions(ports);
        self.work_done = self.work_done.saturating_add(work.into());
        self.watch_full(ports.observer);
        self.raise_doorbell_errors();
        self.report_events(ports);
        self.raise_late_interrupts();
        self.signal_interrupts(ports);
    }

    /// Completes one command that is due or fetches one that waits, or both of one that takes no time. Says how many of the
    /// two that was.
    #[inline]
    fn work_once(&mut self, ports: &mut Ports<'_>) -> u32 {
        if !self.is_running() || self.is_paused() {
            return 0;
        }
        if self.faults.has_released() {
            self.let_go();
        }
        if let Some(entry) = self.in_flight.take_due(self.now_ns) {
            self.finish(entry, ports);
            return 1;
        }
        if !self.is_fetching() {
            return 0;
        }
        let Some((sqid, slot)) = self.queues.next_ready() else { return 0 };
        let Some(entry) = self.fetch(sqid, slot, ports) else { return 1 };
        if self.is_next(&entry) {
            self.finish(entry, ports);
            return 2;
        }
        self.in_flight.insert(entry);
        1
    }

    /// Whether the next thing to be done would be this command, if it joined those in flight.
    fn is_next(&self, entry: &InFlight) -> bool {
        let is_due = |due_ns: Option<u64>| due_ns.is_some_and(|due_ns| due_ns <= self.now_ns);
        is_due(entry.due_ns)
            && !is_due(self.in_flight.next_due())
            && !self.faults.has_released()
            && self.is_running()
            && !self.is_paused()
    }

    /// Fetches a command, and says when it is due; `None` if nothing comes of it.
    ///
    /// Not a part of the loop, each turn of which would save the registers that only this needs.
    #[inline(never)]
    fn fetch(&mut self, sqid: u16, slot: Slot, ports: &mut Ports<'_>) -> Option<Box<InFlight>> {
        let mut entry = self.in_flight.vacant(slot);
        entry.subject.sqid = sqid;
        let Some(sq) = self.queues.sqs.get_mut(sqid) else {
            self.release(entry);
            return None;
        };
        let cqid = sq.cqid;
        if sq.fetch(ports.memory, &mut entry.subject.sqe).is_err() {
            self.release(entry);
            self.fail(FatalCause::SqFetch, ports.observer);
            return None;
        }
        self.lookahead.go_on();
        let first = self.understand(&mut entry, ports);
        self.lookahead.go_on();
        let number = entry.subject.number;
        // Whatever befalls it: the log counts the commands that were fetched.
        self.log_submission(&entry.subject);
        let faults = self.faults.at_submission(self.now_ns, &entry.subject, ports.observer);
        if !faults.is_empty() {
            self.write_completions(ports);
            if !self.befall(&faults, ports.observer) || !self.has_queue(cqid) {
                self.release(entry);
                return None;
            }
        }
        if faults.has(ActionKind::SpuriousInterrupt) {
            let vector = self.queues.cqs.get(cqid).and_then(|cq| cq.vector);
            vector.into_iter().for_each(|vector| self.interrupts.insert(vector));
        }
        let valid = entry.command.as_ref().ok();
        let done_ns = self.clock.due(self.now_ns, &self.config.timing, valid);
        let done_ns = self.begin_format(valid, number).unwrap_or(done_ns);
        let done_ns = done_ns.saturating_add(faults.delay_ns());
        let done_ns = done_ns.max(self.mishaps.not_before(sqid, self.now_ns, &faults));
        if let Some(command) = valid {
            self.look_ahead(sqid, command, done_ns <= self.now_ns, ports.memory);
        }
        self.lookahead.go_on();
        let is_stuck = faults.has(ActionKind::Hang) || self.faults.holds(number);
        entry.due_ns = (!is_stuck).then_some(done_ns);
        entry.faults = faults;
        self.time_fused(&mut entry, first);
        Some(entry)
    }

    /// Decodes an entry that was fetched, reports it, and notes what rules see of it. Returns the first command
    /// of a fused operation if this is its second.
    fn understand(&mut self, entry: &mut InFlight, ports: &mut Ports<'_>) -> Option<Half> {
        self.commands_fetched = self.commands_fetched.saturating_add(1);
        let InFlight { command, subject, .. } = entry;
        let (sqid, cid) = (subject.sqid, subject.sqe.cid());
        let is_conflict =
            self.in_flight.has(sqid, cid) || sqid == ADMIN_QID && self.events.is_parked(cid);
        *command = if is_conflict {
            Err(Failure::permanent(nvme_spec::status::CID_CONFLICT))
        } else {
            Command::decode(sqid, &subject.sqe)
        };
        if let Ok(Err(failure)) = command.as_ref().map(|command| self.admit(command)) {
            *command = Err(failure);
        }
        let first = self.pair_up(entry, ports);
        let InFlight { command, subject, .. } = entry;
        let command = command.as_ref().ok();
        subject.number = self.commands_fetched;
        subject.lba = command.and_then(Command::blocks);
        subject.contents = self.look_into(command, ports);
        let (slba, count) = subject.lba.unwrap_or((0, 0));
        let (opcode, nsid) = (subject.opcode(), subject.nsid());
        let blocks = u32::try_from(count).unwrap_or(u32::MAX);
        let fetched = Event::Fetch { sqid, cid, opcode, nsid, slba, blocks };
        ports.observer.event(self.now_ns, &fetched);
        if is_conflict {
            self.found(FindingKind::CidInUse, sqid, cid.into(), ports.observer);
        }
        if let Some(command) = command {
            self.watch_pages(sqid, subject.number, cid, command, ports);
        }
        first
    }

    /// A command's time has come.
    fn finish(&mut self, entry: Box<InFlight>, ports: &mut Ports<'_>) {
        if entry.fused_first.is_some() {
            self.finish_pair(entry, ports);
        } else {
            self.finish_one(entry, ports);
        }
    }

    /// Executes a command, asks the rules about its completion, posts that. Says whether it succeeded.
    pub(super) fn finish_one(&mut self, mut entry: Box<InFlight>, ports: &mut Ports<'_>) -> bool {
        if let Some(outcome) = entry.outcome {
            self.complete(entry, &outcome, ports);
            return true;
        }
        if entry.sqid() == ADMIN_QID {
            self.write_completions(ports);
        }
        self.lookahead.turn(&entry.command);
        let executed =
            if self.complete_early(&entry) { Some(Ok(0)) } else { self.execute(&entry, ports) };
        // By reference: what was just written piece by piece is read fastest piece by piece.
        let outcome = match &executed {
            Some(outcome) if !self.is_removed => outcome,
            // Parked: nothing to complete now, and the place is not kept for it. Or the power went.
            _ => {
                self.release(entry);
                return !self.is_removed;
            }
        };
        self.lookahead.go_on();
        let faults = self.faults.at_completion(self.now_ns, &entry.subject, ports.observer);
        if faults.is_empty() {
            self.complete(entry, outcome, ports);
            self.lookahead.go_on();
            return outcome.is_ok();
        }
        self.write_completions(ports);
        let goes_on = self.befall(&faults, ports.observer);
        if !goes_on || faults.has(ActionKind::Drop) {
            self.release(entry);
            return outcome.is_ok() && goes_on;
        }
        let told = faults.status().map_or(*outcome, injected);
        let delay_ns = faults.delay_ns();
        entry.lies = faults;
        if delay_ns > 0 {
            entry.outcome = Some(told);
            entry.due_ns = Some(self.now_ns.saturating_add(delay_ns));
            self.in_flight.insert(entry);
        } else {
            self.complete(entry, &told, ports);
        }
        outcome.is_ok()
    }

    fn has_queue(&self, cqid: u16) -> bool {
        self.queues.cqs.has(cqid)
    }

    /// Gives up a command without a completion.
    pub(super) fn release(&mut self, entry: Box<InFlight>) {
        match self.queues.sqs.get(entry.sqid()).map(|sq| sq.cqid) {
            Some(cqid) => self.queues.release(cqid, entry.slot),
            None => entry.slot.dissolve(),
        }
    }
}

/// The outcome that a rule prescribes. A status of success is a lie that the rule may tell.
pub(super) fn injected(status: nvme_spec::Status) -> super::Outcome {
    if status.is_success() {
        return Ok(0);
    }
    Err(Failure { status, ..Failure::transient(status.code) })
}
