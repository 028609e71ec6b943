//! Register accesses.

use nvme_spec::register as reg;

use super::Controller;
use super::lifecycle::is_shutdown;
use crate::fault::Transition;
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
}

/// Whether an access is aligned and of a size that registers have.
fn is_access(offset: u64, length: usize) -> bool {
    matches!(length, 4 | 8) && offset.checked_rem(length as u64) == Some(0)
}
