//! Register accesses.

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::LID_ERROR;
use nvme_spec::register::{self as reg, Doorbell};

use super::Controller;
use super::lifecycle::is_shutdown;
use crate::fault::Transition;
use crate::findings::FindingKind;
use crate::{Event, Observer};

/// The last half of ASQ and ACQ, which begin at [`reg::ASQ`].
const ACQ_END: u64 = reg::ACQ + 8;

impl Controller {
    /// Reads registers. Defined for aligned accesses of 4 and 8 bytes; any other reads as zeros, and
    /// everything reads as all ones once the device is removed.
    pub fn mmio_read(
        &mut self,
        now_ns: u64,
        offset: u64,
        data: &mut [u8],
        observer: &mut dyn Observer,
    ) {
        self.advance(now_ns, observer);
        if self.is_removed {
            data.fill(reg::REMOVED_BYTE);
            return;
        }
        data.fill(0);
        if !is_access(offset, data.len()) {
            return;
        }
        for (at, word) in (offset..).step_by(4).zip(data.chunks_mut(4)) {
            word.copy_from_slice(&self.registers.read(at, &self.config).to_le_bytes());
        }
        self.lie(Transition::RegisterRead, offset, data, observer);
        if self.is_removed {
            data.fill(reg::REMOVED_BYTE);
        }
    }

    /// Writes registers. Defined for aligned accesses of 4 and 8 bytes, doorbells for 4; any other is
    /// ignored. The owner calls [`Controller::step`] afterwards.
    pub fn mmio_write(
        &mut self,
        now_ns: u64,
        offset: u64,
        data: &[u8],
        observer: &mut dyn Observer,
    ) {
        self.advance(now_ns, observer);
        if self.is_removed || !is_access(offset, data.len()) {
            return;
        }
        let (words, _) = data.as_chunks::<4>();
        if offset >= reg::DOORBELLS {
            if let [word] = words {
                self.ring(offset, u32::from_le_bytes(*word), observer);
            }
            return;
        }
        self.trace_write(offset, data, observer);
        let length = data.len() as u64;
        if !self.arrives(Transition::RegisterWrite, (offset, length), 0, observer) {
            return;
        }
        for (at, word) in (offset..).step_by(4).zip(words) {
            self.watch_write(at, u32::from_le_bytes(*word), observer);
            self.write_register(at, u32::from_le_bytes(*word), observer);
        }
    }

    fn trace_write(&self, offset: u64, data: &[u8], observer: &mut dyn Observer) {
        let number = data.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let end = offset.saturating_add(data.len() as u64);
        let is_address = end > reg::ASQ && offset < ACQ_END;
        let value = (!is_address).then_some(number);
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        observer.event(self.now_ns, &Event::RegisterWrite { offset, value });
    }

    fn write_register(&mut self, offset: u64, word: u32, observer: &mut dyn Observer) {
        match offset {
            reg::INTMS => self.registers.interrupt_mask |= word,
            reg::INTMC => self.registers.interrupt_mask &= !word,
            reg::CC => self.write_cc(word, observer),
            reg::CSTS if word >> 4 & 1 != 0 => {
                self.set_csts(self.registers.csts.with_nssro(0), observer);
            }
            reg::NSSR if word == reg::NSSR_MAGIC => self.subsystem_reset(observer),
            reg::AQA..ACQ_END => self.registers.write_admin_queue(offset, word),
            _ => {}
        }
    }

    fn write_cc(&mut self, word: u32, observer: &mut dyn Observer) {
        let old = self.registers.cc;
        self.registers.set_cc(word);
        let new = self.registers.cc;
        let was_enabled = old.en() != 0 || self.is_reset_ignored;
        if was_enabled && new.en() == 0 {
            self.disable(observer);
        } else if old.en() == 0 && new.en() != 0 {
            self.enable(observer);
        }
        if is_shutdown(new.shn()) && !is_shutdown(old.shn()) {
            self.begin_shutdown(observer);
        }
    }

    /// A doorbell rang. Before the controller is ready, and after it failed, that means nothing.
    fn ring(&mut self, offset: u64, value: u32, observer: &mut dyn Observer) {
        // The upper half of a doorbell is reserved.
        let index = value & 0xffff;
        let bell = Doorbell::at(offset, self.config.dstrd.into());
        let queue = bell.map_or(u16::MAX, Doorbell::qid);
        if !self.is_running() {
            if self.registers.csts.rdy() == 0 && self.registers.csts.cfs() == 0 {
                self.found(FindingKind::DoorbellBeforeReady, queue, value, observer);
            }
            return;
        }
        let event = match bell {
            Some(Doorbell::SqTail(sqid)) => Event::SqDoorbell { sqid, tail: index },
            Some(Doorbell::CqHead(cqid)) => Event::CqDoorbell { cqid, head: index },
            None => {
                let offset = u32::try_from(offset).unwrap_or(u32::MAX);
                Event::RegisterWrite { offset, value: Some(value.into()) }
            }
        };
        observer.event(self.now_ns, &event);
        if !self.arrives(Transition::Doorbell, (offset, 4), queue, observer) {
            return;
        }
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
        self.events.raise(
            AerResult(0)
                .with_event_type(aer::TYPE_ERROR)
                .with_info(info)
                .with_log_page(LID_ERROR.into()),
        );
    }
}

/// Whether an access is aligned and of a size that registers have.
fn is_access(offset: u64, length: usize) -> bool {
    matches!(length, 4 | 8) && offset.checked_rem(length as u64) == Some(0)
}
