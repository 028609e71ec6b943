//! Completions, asynchronous events and interrupts on their way to the host.

use nvme_spec::{ADMIN_QID, Status};

use super::doorbell::FIRST_IO_QID;
use super::inflight::InFlight;
use super::{Controller, Outcome};
use crate::event::FatalCause;
use crate::failure::Failure;
use crate::fault::{ActionKind, Faults, PhaseFault, Subject, value_of};
use crate::health::Culprit;
use crate::queue::Slot;
use crate::{Event, Ports};

/// One completion entry.
#[derive(Clone, Copy)]
struct Entry {
    sqid: u16,
    cid: u16,
    sqhd: u16,
    status: Status,
    dw0: u32,
    /// What a rule does to its phase tag.
    wrong_phase: Option<PhaseFault>,
}

impl Entry {
    fn new(sqid: u16, cid: u16, status: Status, dw0: u32) -> Self {
        Self { sqid, cid, sqhd: 0, status, dw0, wrong_phase: None }
    }

    /// The same entry with what rules have put into its fields.
    fn told_by(self, lies: &Faults) -> Self {
        Self {
            sqid: value_of!(lies, WrongSqid).copied().unwrap_or(self.sqid),
            cid: value_of!(lies, WrongCid).copied().unwrap_or(self.cid),
            sqhd: value_of!(lies, WrongSqhd).copied().unwrap_or(self.sqhd),
            wrong_phase: value_of!(lies, WrongPhase).copied(),
            ..self
        }
    }
}

impl Controller {
    /// Counts how a command went and posts its completion.
    pub(super) fn complete(
        &mut self,
        mut entry: Box<InFlight>,
        outcome: &Outcome,
        ports: &mut Ports<'_>,
    ) {
        if let Some(until) = self.paused_until {
            return self.complete_after(until, entry, *outcome);
        }
        let (status, dw0) = match outcome {
            Ok(dw0) => (Status::SUCCESS, *dw0),
            Err(failure) => {
                let status = self.features.agreed(failure.status);
                self.record(&entry, &Failure { status, ..*failure });
                (status, 0)
            }
        };
        let (sqid, cid, slot) = (entry.sqid(), entry.cid(), entry.take_slot());
        match self.queues.sqs.get(sqid).map(|sq| sq.cqid) {
            Some(cqid) => {
                let posted = Entry::new(sqid, cid, status, dw0);
                self.post_with(cqid, slot, posted, &entry.lies, ports);
            }
            None => slot.dissolve(),
        }
        self.in_flight.done(entry);
    }

    /// Posts a completion where the rules want it, and as often.
    #[inline]
    fn post_with(
        &mut self,
        cqid: u16,
        slot: Slot,
        mut entry: Entry,
        lies: &Faults,
        ports: &mut Ports<'_>,
    ) {
        if lies.is_empty() {
            entry.sqhd = self.report_head(entry.sqid);
            let vector = self.post(cqid, slot, &entry, ports);
            self.announce(cqid, vector);
        } else {
            self.post_lies(cqid, slot, entry, lies, ports);
        }
    }

    /// Posts a completion about which rules lie.
    fn post_lies(
        &mut self,
        cqid: u16,
        slot: Slot,
        mut entry: Entry,
        lies: &Faults,
        ports: &mut Ports<'_>,
    ) {
        let (cqid, slot) = match value_of!(lies, WrongCq) {
            None => (cqid, slot),
            Some(wrong) => {
                self.queues.release(cqid, slot);
                match self.queues.cqs.get_mut(*wrong).and_then(|cq| cq.reserve()) {
                    Some(slot) => (*wrong, slot),
                    // There is no such queue, or no place in it: the completion is lost.
                    None => return,
                }
            }
        };
        entry.sqhd = self.report_head(entry.sqid);
        let entry = entry.told_by(lies);
        self.post_lie(cqid, slot, &entry, lies, ports);
        if lies.has(ActionKind::Duplicate) {
            // A lie needs a place like any truth: in a full queue there is none, and the rule's firing
            // stays without effect.
            if let Some(again) = self.queues.cqs.get_mut(cqid).and_then(|cq| cq.reserve()) {
                self.post_lie(cqid, again, &entry, lies, ports);
            }
        }
        for _ in 0..value_of!(lies, CqOverflow).copied().unwrap_or(0) {
            if let Some(place) = self.queues.cqs.get_mut(cqid).map(|cq| cq.overrun()) {
                self.post_lie(cqid, place, &entry, lies, ports);
            }
        }
    }

    fn record(&mut self, entry: &InFlight, failure: &Failure) {
        let culprit = Culprit {
            sqid: entry.sqid(),
            cid: entry.cid(),
            nsid: entry.subject.nsid(),
            lba: entry.subject.lba.map_or(0, |(slba, _)| slba),
        };
        self.health.record(culprit, failure, self.config.error_log_entries);
        self.journal_media_error(entry.sqid(), entry.cid(), failure);
    }

    /// How far a queue was read. From here on the host knows that.
    fn report_head(&mut self, sqid: u16) -> u16 {
        self.queues.sqs.get_mut(sqid).map_or(0, |sq| sq.report_head())
    }

    /// Writes an entry into its place, and reports that. Returns the vector by which the host is to hear of it.
    fn post(&mut self, cqid: u16, slot: Slot, entry: &Entry, ports: &mut Ports<'_>) -> Option<u16> {
        let Entry { sqid, cid, sqhd, status, dw0, wrong_phase } = *entry;
        let Some(cq) = self.queues.cqs.get_mut(cqid) else {
            slot.dissolve();
            return None;
        };
        if wrong_phase == Some(PhaseFault::Frozen) {
            cq.freeze_phase();
        }
        let phase = cq.phase() ^ (wrong_phase == Some(PhaseFault::Inverted));
        let cqe = nvme_spec::Cqe::new(cid, sqid, sqhd, status, dw0, phase);
        let vector = cq.vector;
        let is_kept = self.is_polled && cqid != ADMIN_QID;
        if cq.post(slot, ports.memory, &cqe, is_kept).is_err() {
            self.fail(FatalCause::CqPost, ports.observer);
            return None;
        }
        let event = Event::Complete { cqid, sqid, cid, status, dw0 };
        ports.observer.event(self.now_ns, &event);
        vector
    }

    /// Writes the completions that were kept because a host that polls looks at their line: before anything else is done
    /// that it can see.
    pub(super) fn write_completions(&mut self, ports: &mut Ports<'_>) {
        let mut is_lost = false;
        for (_, cq) in self.queues.cqs.starting_at(FIRST_IO_QID) {
            is_lost |= !cq.is_written() && cq.write(ports.memory).is_err();
        }
        if is_lost {
            self.fail(FatalCause::CqPost, ports.observer);
        }
    }

    /// Signals a completion as coalescing has it.
    #[inline]
    fn announce(&mut self, cqid: u16, vector: Option<u16>) {
        if let Some(vector) = vector
            && (cqid == ADMIN_QID || self.coalescing.completed(vector, self.now_ns))
        {
            self.interrupts.insert(vector);
        }
    }

    /// Posts an entry of which rules want more than that, and signals it as they want it.
    fn post_lie(
        &mut self,
        cqid: u16,
        slot: Slot,
        entry: &Entry,
        lies: &Faults,
        ports: &mut Ports<'_>,
    ) {
        let Some(vector) = self.post(cqid, slot, entry, ports) else { return };
        if lies.has(ActionKind::LostInterrupt) {
            return;
        }
        let vector = value_of!(lies, WrongVector).copied().unwrap_or(vector);
        let at = |ns: u64| self.now_ns.saturating_add(ns);
        if let Some(storm) = value_of!(lies, InterruptStorm) {
            let storm = 1..=u64::from(*storm);
            let storm = storm.map(|index| (at(index.saturating_mul(1000)), vector));
            self.late_interrupts.extend(storm);
        }
        match value_of!(lies, LateInterrupt) {
            None => self.announce(cqid, Some(vector)),
            Some(delay_ns) => {
                self.late_interrupts.insert((at(*delay_ns), vector));
            }
        }
    }

    /// Reports pending events to the requests that wait for them, as far as there is room.
    pub(super) fn report_events(&mut self, ports: &mut Ports<'_>) {
        while self.is_fetching() && self.events.is_deliverable() {
            let cqid = ADMIN_QID;
            let Some(slot) = self.queues.cqs.get_mut(cqid).and_then(|cq| cq.reserve()) else {
                return;
            };
            let Some((cid, event)) = self.events.deliver() else {
                self.queues.release(cqid, slot);
                return;
            };
            let byte = |field: u32| u8::try_from(field).unwrap_or(u8::MAX);
            let reported = Event::AsyncEvent {
                event_type: byte(event.event_type()),
                info: byte(event.info()),
                log_page: byte(event.log_page()),
            };
            ports.observer.event(self.now_ns, &reported);
            let subject = self.request(cid);
            let lies = self.faults.at_completion(self.now_ns, &subject, ports.observer);
            let goes_on = self.befall(&lies, ports.observer);
            if !goes_on || lies.has(ActionKind::Drop) || !self.queues.cqs.has(cqid) {
                self.queues.release(cqid, slot);
                continue;
            }
            let status = self.features.agreed(lies.status().unwrap_or(Status::SUCCESS));
            let entry = Entry::new(cqid, cid, status, event.0);
            self.post_with(cqid, slot, entry, &lies, ports);
        }
    }

    /// What rules see of a request that was parked and completes now.
    fn request(&self, cid: u16) -> Subject {
        let sqe = nvme_spec::Sqe::async_event_request().with_cid(cid);
        Subject { number: self.commands_fetched, sqid: ADMIN_QID, sqe, ..Subject::default() }
    }

    /// Completes an admin command that keeps no place, if there is one left in the queue.
    pub(super) fn post_admin(&mut self, cid: u16, status: Status, ports: &mut Ports<'_>) {
        let cqid = ADMIN_QID;
        if let Some(slot) = self.queues.cqs.get_mut(cqid).and_then(|cq| cq.reserve()) {
            let entry = Entry::new(cqid, cid, status, 0);
            self.post_with(cqid, slot, entry, &Faults::default(), ports);
        }
    }

    /// Moves the interrupts whose time has come to those that are to be signalled.
    pub(super) fn raise_late_interrupts(&mut self) {
        while let Some((at, vector)) = self.late_interrupts.first().copied() {
            if at > self.now_ns {
                return;
            }
            self.late_interrupts.pop_first();
            self.interrupts.insert(vector);
        }
    }

    /// Signals every vector that has something to say and is not masked, each once.
    pub(super) fn signal_interrupts(&mut self, ports: &mut Ports<'_>) {
        for vector in self.coalescing.take_due(self.now_ns) {
            self.interrupts.insert(vector);
        }
        if self.interrupts.is_empty() {
            return;
        }
        let mut interrupts = std::mem::take(&mut self.interrupts);
        interrupts.drain(|vector| {
            if self.is_masked(vector) {
                return false;
            }
            ports.observer.event(self.now_ns, &Event::Interrupt { vector });
            ports.irq.signal(vector);
            self.coalescing.raised(vector);
            true
        });
        self.interrupts = interrupts;
    }

    /// Completes a command that is taken out of flight before its time.
    pub(crate) fn cut_short(
        &mut self,
        entry: Box<InFlight>,
        code: nvme_spec::StatusCode,
        ports: &mut Ports<'_>,
    ) {
        let failure = Failure { status: code.into(), ..Failure::transient(code) };
        self.outlive(&entry);
        self.complete(entry, &Err(failure), ports);
    }
}
