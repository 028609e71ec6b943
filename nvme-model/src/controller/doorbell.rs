//! Doorbells, rung by a register write or found in the shadow pages.

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::LID_ERROR;
use nvme_spec::register::Doorbell;
use nvme_spec::{ADMIN_QID, prp, status};

use super::{Controller, Outcome};
use crate::failure::{Failure, byte};
use crate::fault::Transition;
use crate::findings::FindingKind;
use crate::queue::{Bell, News, Objection, ShadowDoorbells, Wrong};
use crate::{Event, GuestMemory, Observer, Ports};

/// The admin queue has no shadow.
pub(super) const FIRST_IO_QID: u16 = ADMIN_QID + 1;

impl Controller {
    /// A doorbell register was written. Before the controller is ready, and after it failed, that means
    /// nothing.
    pub(super) fn ring(&mut self, offset: u64, value: u32, observer: &mut dyn Observer) {
        let bell = Doorbell::at(offset, self.config.dstrd.into());
        let queue = bell.map_or(u16::MAX, Doorbell::qid);
        if !self.is_running() {
            if self.registers.csts.rdy() == 0 && self.registers.csts.cfs() == 0 {
                self.found(FindingKind::DoorbellBeforeReady, queue, value, observer);
            }
            return;
        }
        // The upper half of a doorbell is reserved.
        let index = value & 0xffff;
        let event = match bell {
            Some(Doorbell::SqTail(sqid)) => Event::SqDoorbell { sqid, tail: index },
            Some(Doorbell::CqHead(cqid)) => Event::CqDoorbell { cqid, head: index },
            None => {
                let offset = u32::try_from(offset).unwrap_or(u32::MAX);
                Event::RegisterWrite { offset, value: Some(value.into()) }
            }
        };
        observer.event(self.now_ns, &event);
        if self.arrives(Transition::Doorbell, (offset, 4), queue, observer) {
            self.ring_bell(bell, queue, index, observer);
        }
    }

    fn ring_bell(
        &mut self,
        bell: Option<Doorbell>,
        queue: u16,
        index: u32,
        observer: &mut dyn Observer,
    ) {
        let has_shadow = bell.is_some_and(|bell| self.has_shadow(bell));
        let queues = &mut self.queues;
        let result = match bell {
            Some(Doorbell::SqTail(sqid)) => {
                queues.sqs.get_mut(sqid).map(|sq| ring_register(sq, index, has_shadow))
            }
            Some(Doorbell::CqHead(cqid)) => {
                queues.cqs.get_mut(cqid).map(|cq| ring_register(cq, index, has_shadow))
            }
            None => None,
        };
        match result {
            Some(Ok(())) => {}
            Some(Err(objection)) => {
                self.found(finding(objection.wrong), queue, index, observer);
                if objection.is_refused {
                    self.raise_error(aer::ERROR_INVALID_DOORBELL_VALUE);
                }
            }
            None => {
                self.found(FindingKind::DoorbellRegister, queue, index, observer);
                self.raise_error(aer::ERROR_INVALID_DOORBELL_REGISTER);
            }
        }
    }

    /// Whether the shadow pages have a place for this doorbell.
    fn has_shadow(&self, bell: Doorbell) -> bool {
        bell.qid() >= FIRST_IO_QID && self.shadow.is_some_and(|shadow| shadow.has(bell))
    }

    /// An error that belongs to no command: its entry is in the error log at once, and the event comes later
    /// as everything that a doorbell brings about.
    fn raise_error(&mut self, info: u32) {
        let event = AerResult(0)
            .with_event_type(aer::TYPE_ERROR)
            .with_info(info)
            .with_log_page(LID_ERROR.into());
        self.log_event(event);
        let at = self.now_ns.saturating_add(self.config.timing.admin_ns);
        // One that is not told yet tells of this one, too: a host may do this as often as it likes.
        if !self.doorbell_errors.iter().any(|(_, other)| *other == event) {
            self.doorbell_errors.push_back((at, event));
        }
    }

    /// Raises the events about doorbells whose time has come.
    pub(super) fn raise_doorbell_errors(&mut self) {
        while let Some((_, event)) = self.doorbell_errors.pop_front_if(|(at, _)| *at <= self.now_ns)
        {
            self.events.raise(event);
        }
    }

    /// Enters an event about an error into the error log.
    pub(super) fn log_event(&mut self, event: AerResult) {
        if event.event_type() != aer::TYPE_ERROR {
            return;
        }
        let code = match event.info() {
            aer::ERROR_INVALID_DOORBELL_REGISTER => status::INVALID_QUEUE_IDENTIFIER,
            aer::ERROR_INVALID_DOORBELL_VALUE => status::INVALID_FIELD,
            _ => status::INTERNAL_ERROR,
        };
        self.health.record_event(code, self.config.error_log_entries);
    }

    /// Doorbell Buffer Config.
    pub(super) fn configure_doorbell_buffer(
        &mut self,
        values: u64,
        events: u64,
        ports: &Ports<'_>,
    ) -> Outcome {
        let page_bytes = self.page_bytes();
        for (address, at) in [(values, byte::PRP1), (events, byte::PRP2)] {
            if prp::page_offset(address, page_bytes) != 0 {
                return Err(Failure::field(at, 0));
            }
        }
        let dstrd = self.config.dstrd;
        let shadow = ShadowDoorbells::new(ports.memory, values, events, page_bytes, dstrd);
        let refused = |_| Failure::permanent(status::DATA_TRANSFER_ERROR).at(byte::PRP1);
        let shadow = shadow.map_err(refused)?;
        self.shadow = Some(shadow);
        self.queues.sqs.values_mut().for_each(Bell::forget_shadow);
        self.queues.cqs.values_mut().for_each(Bell::forget_shadow);
        Ok(0)
    }

    /// Looks at the shadow doorbells of every I/O queue; `true` if one was rung.
    pub(super) fn look_at_shadow(&mut self, ports: &mut Ports<'_>) -> bool {
        let Some(shadow) = self.shadow.filter(|_| self.is_running()) else {
            return false;
        };
        let mut seen = Seen::default();
        let (now_ns, memory) = (self.now_ns, ports.memory);
        for (sqid, sq) in self.queues.sqs.starting_at(FIRST_IO_QID) {
            if let Some(news) = sq.news(&shadow, memory, Doorbell::SqTail(sqid)) {
                if news.is_new {
                    let event = Event::SqDoorbell { sqid, tail: news.value };
                    ports.observer.event(now_ns, &event);
                }
                seen.take(sq, sqid, news);
            }
        }
        for (cqid, cq) in self.queues.cqs.starting_at(FIRST_IO_QID) {
            if let Some(news) = cq.news(&shadow, memory, Doorbell::CqHead(cqid)) {
                if news.is_new {
                    let event = Event::CqDoorbell { cqid, head: news.value };
                    ports.observer.event(now_ns, &event);
                }
                seen.take(cq, cqid, news);
            }
        }
        for (kind, queue, value) in seen.findings {
            self.found(kind, queue, value, ports.observer);
        }
        if seen.is_nonsense {
            self.raise_error(aer::ERROR_INVALID_DOORBELL_VALUE);
        }
        seen.is_news
    }

    /// Tells the host which doorbells it has to ring, and looks once more: it may have been about to.
    pub(super) fn look_again(&mut self, ports: &mut Ports<'_>) -> bool {
        self.write_completions(ports);
        self.publish_events(ports.memory);
        self.look_at_shadow(ports)
    }

    /// A host rings when it passes EventIdx.
    fn publish_events(&mut self, memory: &dyn GuestMemory) {
        let Some(shadow) = self.shadow else { return };
        let is_polled = self.is_polled;
        for (sqid, sq) in self.queues.sqs.starting_at(FIRST_IO_QID) {
            sq.publish(&shadow, memory, Doorbell::SqTail(sqid), is_polled);
        }
        for (cqid, cq) in self.queues.cqs.starting_at(FIRST_IO_QID) {
            cq.publish(&shadow, memory, Doorbell::CqHead(cqid), is_polled);
        }
    }

    /// Says whether the owner looks at the shadow doorbells all the time, by calling
    /// [`Controller::step`]. If it does, the host is told that it need not ring.
    pub fn set_polled(&mut self, is_polled: bool, memory: &dyn GuestMemory) {
        self.is_polled = is_polled;
        self.publish_events(memory);
    }

    /// Whether there is something to poll: shadow doorbells of at least one I/O queue.
    #[must_use]
    pub fn has_shadow_doorbells(&self) -> bool {
        self.shadow.is_some() && self.queues.sqs.keys().any(|sqid| sqid >= FIRST_IO_QID)
    }
}

/// What a look at the shadow doorbells brought.
#[derive(Debug, Default)]
struct Seen {
    is_news: bool,
    is_nonsense: bool,
    findings: Vec<(FindingKind, u16, u32)>,
}

impl Seen {
    /// Takes what is in the shadow of a queue's doorbell, and notes what is wrong with it: one thing.
    fn take(&mut self, bell: &mut impl Bell, queue: u16, news: News) {
        let result = if news.is_new { bell.ring_shadow(news.value) } else { Ok(()) };
        let is_refused = result.is_err_and(|objection| objection.is_refused);
        self.is_news |= news.is_new && !is_refused;
        self.is_nonsense |= is_refused;
        let wrong = result.err().map(|objection| finding(objection.wrong));
        let shadow = news.is_behind_register.then_some(FindingKind::DoorbellShadow);
        self.findings.extend(shadow.or(wrong).map(|kind| (kind, queue, news.value)));
    }
}

/// Takes a doorbell register's value.
fn ring_register(bell: &mut impl Bell, index: u32, has_shadow: bool) -> Result<(), Objection> {
    if has_shadow { bell.ring_beside_shadow(index) } else { bell.ring(index) }
}

fn finding(wrong: Wrong) -> FindingKind {
    match wrong {
        Wrong::Outside | Wrong::PassesEnd => FindingKind::DoorbellValue,
        Wrong::GoesBack => FindingKind::DoorbellRace,
    }
}
