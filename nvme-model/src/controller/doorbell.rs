//! Doorbells, rung by a register write or found in the shadow pages.

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::LID_ERROR;
use nvme_spec::register::Doorbell;
use nvme_spec::{ADMIN_QID, prp, status};

use super::{Controller, Outcome};
use crate::failure::{Failure, byte};
use crate::fault::Transition;
use crate::findings::FindingKind;
use crate::queue::{Bell, InvalidDoorbellValue, ShadowDoorbells};
use crate::{Event, GuestMemory, Observer, Ports};

/// The admin queue has no shadow.
const FIRST_IO_QID: u16 = ADMIN_QID + 1;

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
        let result = match bell {
            Some(Doorbell::SqTail(sqid)) => self.queues.sqs.get_mut(&sqid).map(|sq| sq.ring(index)),
            Some(Doorbell::CqHead(cqid)) => self.queues.cqs.get_mut(&cqid).map(|cq| cq.ring(index)),
            None => None,
        };
        let (info, finding) = match result {
            Some(Ok(())) => return,
            Some(Err(_)) => (aer::ERROR_INVALID_DOORBELL_VALUE, FindingKind::DoorbellValue),
            None => (aer::ERROR_INVALID_DOORBELL_REGISTER, FindingKind::DoorbellRegister),
        };
        self.found(finding, queue, index, observer);
        self.raise_error(info);
    }

    /// Reports an error that belongs to no command, with its entry in the error log.
    fn raise_error(&mut self, info: u32) {
        let event = AerResult(0)
            .with_event_type(aer::TYPE_ERROR)
            .with_info(info)
            .with_log_page(LID_ERROR.into());
        self.log_event(event);
        self.events.raise(event);
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
        let (mut is_news, mut is_nonsense) = (false, false);
        let mut take = |result: Result<(), InvalidDoorbellValue>| {
            is_news |= result.is_ok();
            is_nonsense |= result.is_err();
        };
        let (now_ns, memory) = (self.now_ns, ports.memory);
        for (sqid, sq) in self.queues.sqs.range_mut(FIRST_IO_QID..) {
            let sqid = *sqid;
            if let Some(tail) = sq.news(&shadow, memory, Doorbell::SqTail(sqid)) {
                ports.observer.event(now_ns, &Event::SqDoorbell { sqid, tail });
                take(sq.ring_shadow(tail));
            }
        }
        for (cqid, cq) in self.queues.cqs.range_mut(FIRST_IO_QID..) {
            let cqid = *cqid;
            if let Some(head) = cq.news(&shadow, memory, Doorbell::CqHead(cqid)) {
                ports.observer.event(now_ns, &Event::CqDoorbell { cqid, head });
                take(cq.ring_shadow(head));
            }
        }
        if is_nonsense {
            self.raise_error(aer::ERROR_INVALID_DOORBELL_VALUE);
        }
        is_news
    }

    /// Tells the host which doorbells it has to ring, and looks once more: it may have been about to.
    pub(super) fn look_again(&mut self, ports: &mut Ports<'_>) -> bool {
        self.publish_events(ports.memory);
        self.look_at_shadow(ports)
    }

    /// A host rings when it passes EventIdx. While somebody polls that is one before where it stands,
    /// which it passes last of all.
    fn publish_events(&mut self, memory: &dyn GuestMemory) {
        let Some(shadow) = self.shadow else { return };
        let back = u32::from(self.is_polled);
        for (sqid, sq) in self.queues.sqs.range_mut(FIRST_IO_QID..) {
            sq.publish(&shadow, memory, Doorbell::SqTail(*sqid), back);
        }
        for (cqid, cq) in self.queues.cqs.range_mut(FIRST_IO_QID..) {
            cq.publish(&shadow, memory, Doorbell::CqHead(*cqid), back);
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
        self.shadow.is_some() && self.queues.sqs.range(FIRST_IO_QID..).next().is_some()
    }
}
