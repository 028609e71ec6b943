//! Completions, asynchronous events and interrupts on their way to the host.

use nvme_spec::Status;

use super::inflight::InFlight;
use super::{Controller, Outcome};
use crate::event::FatalCause;
use crate::failure::Failure;
use crate::health::Culprit;
use crate::queue::Slot;
use crate::{Event, Ports};

/// What a rule makes of a completion entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lies {
    pub(crate) is_duplicated: bool,
    pub(crate) wrong_cid: Option<u16>,
    pub(crate) is_interrupt_lost: bool,
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
        let InFlight {
            sqid,
            slot,
            lies,
            sqe,
            ..
        } = entry;
        let Some(cqid) = self.queues.sqs.get(&sqid).map(|sq| sq.cqid) else {
            slot.dissolve();
            return;
        };
        let cid = lies.wrong_cid.unwrap_or(sqe.cid());
        let posted = Entry {
            sqid,
            cid,
            status,
            dw0,
        };
        self.post(cqid, slot, posted, !lies.is_interrupt_lost, ports);
        if lies.is_duplicated {
            // A lie needs a place like any truth: in a full queue there is none, and the rule's firing
            // stays without effect.
            if let Some(again) = self.queues.cqs.get_mut(&cqid).and_then(|cq| cq.reserve()) {
                self.post(cqid, again, posted, !lies.is_interrupt_lost, ports);
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
        self.health
            .record(culprit, failure, self.config.error_log_entries);
    }

    fn post(
        &mut self,
        cqid: u16,
        slot: Slot,
        entry: Entry,
        has_interrupt: bool,
        ports: &mut Ports<'_>,
    ) {
        let Entry {
            sqid,
            cid,
            status,
            dw0,
        } = entry;
        let sqhd = self.queues.sqs.get(&sqid).map_or(0, |sq| sq.sqhd());
        let Some(cq) = self.queues.cqs.get_mut(&cqid) else {
            slot.dissolve();
            return;
        };
        let cqe = nvme_spec::Cqe::new(cid, sqid, sqhd, status, dw0, cq.phase());
        let vector = cq.vector.filter(|_| has_interrupt);
        if cq.post(slot, ports.memory, &cqe).is_err() {
            self.fail(FatalCause::CqPost, ports.observer);
            return;
        }
        self.interrupts.extend(vector);
        let event = Event::Complete {
            cqid,
            sqid,
            cid,
            status,
            dw0,
        };
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
            let entry = Entry {
                sqid: cqid,
                cid,
                status: Status::SUCCESS,
                dw0: event.0,
            };
            self.post(cqid, slot, entry, true, ports);
        }
    }

    /// Completes an admin command that keeps no place, if there is one left in the queue.
    pub(super) fn post_admin(&mut self, cid: u16, status: Status, ports: &mut Ports<'_>) {
        let cqid = nvme_spec::ADMIN_QID;
        if let Some(slot) = self.queues.cqs.get_mut(&cqid).and_then(|cq| cq.reserve()) {
            self.post(
                cqid,
                slot,
                Entry {
                    sqid: cqid,
                    cid,
                    status,
                    dw0: 0,
                },
                true,
                ports,
            );
        }
    }

    /// Signals every vector that has something to say and is not masked, each once.
    pub(super) fn signal_interrupts(&mut self, ports: &mut Ports<'_>) {
        let mask = self.registers.interrupt_mask;
        // INTMS and INTMC know the first 32 vectors.
        let is_masked = |vector: u16| vector < 32 && mask.wrapping_shr(vector.into()) & 1 != 0;
        let (held, ready) = self
            .interrupts
            .iter()
            .partition(|vector| is_masked(**vector));
        self.interrupts = held;
        let ready: std::collections::BTreeSet<u16> = ready;
        for vector in ready {
            ports
                .observer
                .event(self.now_ns, &Event::Interrupt { vector });
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
        let failure = Failure {
            status: code.into(),
            ..Failure::transient(code)
        };
        self.complete(entry, Err(failure), ports);
    }
}
