//! Completions, asynchronous events and interrupts on their way to the host.

use nvme_spec::Status;

use super::inflight::InFlight;
use super::{Controller, Outcome};
use crate::event::FatalCause;
use crate::failure::Failure;
use crate::fault::{CompletionFaults, PhaseFault};
use crate::health::Culprit;
use crate::queue::Slot;
use crate::{Event, Ports};

/// What a rule makes of a completion entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lies {
    pub(crate) is_duplicated: bool,
    pub(crate) wrong_cid: Option<u16>,
    pub(crate) wrong_sqid: Option<u16>,
    pub(crate) wrong_sqhd: Option<u16>,
    pub(crate) wrong_phase: Option<PhaseFault>,
    pub(crate) is_interrupt_lost: bool,
    pub(crate) interrupt_delay_ns: Option<u64>,
}

impl From<&CompletionFaults> for Lies {
    fn from(faults: &CompletionFaults) -> Self {
        Self {
            is_duplicated: faults.is_duplicated,
            wrong_cid: faults.wrong_cid,
            wrong_sqid: faults.wrong_sqid,
            wrong_sqhd: faults.wrong_sqhd,
            wrong_phase: faults.wrong_phase,
            is_interrupt_lost: faults.is_interrupt_lost,
            interrupt_delay_ns: faults.interrupt_delay_ns,
        }
    }
}

/// One completion entry.
#[derive(Clone, Copy)]
struct Entry {
    sqid: u16,
    cid: u16,
    status: Status,
    dw0: u32,
}

impl Controller {
    /// Counts how a command went and posts its completion.
    pub(super) fn complete(&mut self, entry: InFlight, outcome: Outcome, ports: &mut Ports<'_>) {
        let (status, dw0) = match outcome {
            Ok(dw0) => (Status::SUCCESS, dw0),
            Err(failure) => {
                self.record(&entry, &failure);
                (failure.status, 0)
            }
        };
        let InFlight { sqid, slot, lies, sqe, .. } = entry;
        let Some(cqid) = self.queues.sqs.get(&sqid).map(|sq| sq.cqid) else {
            slot.dissolve();
            return;
        };
        let posted = Entry { sqid, cid: sqe.cid(), status, dw0 };
        self.post(cqid, slot, posted, &lies, ports);
        if lies.is_duplicated {
            // A lie needs a place like any truth: in a full queue there is none, and the rule's firing
            // stays without effect.
            if let Some(again) = self.queues.cqs.get_mut(&cqid).and_then(|cq| cq.reserve()) {
                self.post(cqid, again, posted, &lies, ports);
            }
        }
    }

    fn record(&mut self, entry: &InFlight, failure: &Failure) {
        let culprit = Culprit {
            sqid: entry.sqid,
            cid: entry.sqe.cid(),
            nsid: entry.subject.nsid,
            lba: entry.subject.lba.map_or(0, |(slba, _)| slba),
        };
        self.health.record(culprit, failure, self.config.error_log_entries);
        self.journal_media_error(entry.sqid, entry.sqe.cid(), failure);
    }

    fn post(&mut self, cqid: u16, slot: Slot, entry: Entry, lies: &Lies, ports: &mut Ports<'_>) {
        let Entry { sqid, cid, status, dw0 } = entry;
        let sqhd = self.queues.sqs.get(&sqid).map_or(0, |sq| sq.sqhd());
        let sqhd = lies.wrong_sqhd.unwrap_or(sqhd);
        let sqid = lies.wrong_sqid.unwrap_or(sqid);
        let cid = lies.wrong_cid.unwrap_or(cid);
        let Some(cq) = self.queues.cqs.get_mut(&cqid) else {
            slot.dissolve();
            return;
        };
        if lies.wrong_phase == Some(PhaseFault::Frozen) {
            cq.freeze_phase();
        }
        let phase = cq.phase() ^ (lies.wrong_phase == Some(PhaseFault::Inverted));
        let cqe = nvme_spec::Cqe::new(cid, sqid, sqhd, status, dw0, phase);
        let vector = cq.vector.filter(|_| !lies.is_interrupt_lost);
        if cq.post(slot, ports.memory, &cqe).is_err() {
            self.fail(FatalCause::CqPost, ports.observer);
            return;
        }
        match lies.interrupt_delay_ns {
            None => self.interrupts.extend(vector),
            Some(delay_ns) => {
                let at = self.now_ns.saturating_add(delay_ns);
                self.late_interrupts.extend(vector.map(|vector| (at, vector)));
            }
        }
        let event = Event::Complete { cqid, sqid, cid, status, dw0 };
        ports.observer.event(self.now_ns, &event);
    }

    /// Reports pending events to the requests that wait for them, as far as there is room.
    pub(super) fn report_events(&mut self, ports: &mut Ports<'_>) {
        while self.is_fetching() && self.events.is_deliverable() {
            let cqid = nvme_spec::ADMIN_QID;
            let Some(slot) = self.queues.cqs.get_mut(&cqid).and_then(|cq| cq.reserve()) else {
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
            let entry = Entry { sqid: cqid, cid, status: Status::SUCCESS, dw0: event.0 };
            self.post(cqid, slot, entry, &Lies::default(), ports);
        }
    }

    /// Completes an admin command that keeps no place, if there is one left in the queue.
    pub(super) fn post_admin(&mut self, cid: u16, status: Status, ports: &mut Ports<'_>) {
        let cqid = nvme_spec::ADMIN_QID;
        if let Some(slot) = self.queues.cqs.get_mut(&cqid).and_then(|cq| cq.reserve()) {
            self.post(
                cqid,
                slot,
                Entry { sqid: cqid, cid, status, dw0: 0 },
                &Lies::default(),
                ports,
            );
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
        let (held, ready) = self.interrupts.iter().partition(|vector| self.is_masked(**vector));
        self.interrupts = held;
        let ready: std::collections::BTreeSet<u16> = ready;
        for vector in ready {
            ports.observer.event(self.now_ns, &Event::Interrupt { vector });
            ports.irq.signal(vector);
        }
    }

    /// Completes a command that is taken out of flight before its time.
    pub(crate) fn cut_short(
        &mut self,
        entry: InFlight,
        code: nvme_spec::StatusCode,
        ports: &mut Ports<'_>,
    ) {
        let failure = Failure { status: code.into(), ..Failure::transient(code) };
        self.complete(entry, Err(failure), ports);
    }
}
