//! The guest's side of the call page: posted writes, output, copies of registers.
//!
//! What the device wrote is believed: it is this machine's own. What this module does not do: leave the
//! guest. A caller that gets `None`, `false` or [`Full`] makes the access itself, which is an exit, and
//! the device carries out what was posted before.

use hal::DmaBuf;
use machine::call_page as page;
use machine::frame;
use machine::lab_device::{MAGIC, WAIT_BLOCK_BYTES, WaitBlock};

use crate::outbox::Full;

/// The position in the output that means that the device takes none.
const NOBODY_READS: u64 = u64::MAX;

/// How often a guest looks whether its call is taken before it makes the access by an exit: some tens of
/// microseconds, about what an exit costs.
const LOOKS_UNTAKEN_MAX: u32 = 1 << 8;
/// How often it looks whether a call that was taken is answered before it leaves the processor for a while: some
/// milliseconds.
const LOOKS_TAKEN_MAX: u32 = 1 << 14;
/// How long it does not look in between: less than an answer takes.
const PAUSES: u32 = 4;

/// Memory shared with a device in which a word can be changed by two sides.
pub trait SharedWord: DmaBuf {
    /// Replaces the little-endian word at `offset` if it is `old`, in order with all other accesses; whether it was.
    fn replace_u32(&self, offset: usize, old: u32, new: u32) -> bool;
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// It was answered.
    Answered,
    /// Nobody is there: the access has to be made.
    Nobody,
    /// It takes long: leave the processor once, then ask [`Calls::is_answered`].
    Slow,
}

/// The page and the output ring.
#[derive(Debug)]
pub struct Calls<D> {
    page: D,
    ring: D,
    written: u64,
}

impl<D: SharedWord> Calls<D> {
    /// Writes down what the device reads when the page is named to it.
    ///
    /// # Panics
    /// If `page` is not one page.
    pub fn new(page: D, ring: D) -> Self {
        assert_eq!(page.size_bytes(), page::PAGE_BYTES, "the call page is one page");
        let calls = Self { page, ring, written: 0 };
        calls.page.write(page::OPTIONS, &page::ANNOUNCE_ONLY.to_le_bytes());
        calls.set_u64(page::OUTPUT_ADDRESS, calls.ring.iova().0);
        calls.set_u64(page::OUTPUT_BYTES, calls.ring.size_bytes() as u64);
        calls
    }

    /// The address to name to the device.
    pub fn address(&self) -> u64 {
        self.page.iova().0
    }

    /// Whether the device took the page.
    pub fn is_accepted(&self) -> bool {
        self.u64(page::ACCEPTED) == MAGIC
    }

    /// Posts a write of a register; `false` if it has to be made.
    #[must_use]
    pub fn post(&self, address: u64, value: u32) -> bool {
        self.u32(page::STATE) & page::MAY_POST != 0 && self.put_posted(address, value)
    }

    /// Makes a write at once and waits for what it does, without an exit if somebody attends to the bell.
    #[must_use]
    pub fn ring(&self, address: u64, value: u32) -> Rung {
        let count = self.u32(page::POSTED_COUNT);
        if self.u32(page::BELL) != page::ATTENDED || !self.put_posted(address, value) {
            return Rung::Nobody;
        }
        let rung = self.ring_for_posted();
        if rung == Rung::Nobody {
            // Nobody takes what is posted until the next exit, so the call can be taken back.
            self.page.write(page::POSTED_COUNT, &count.to_le_bytes());
        }
        rung
    }

    /// Has everything carried out that was posted.
    #[must_use]
    pub fn ring_for_posted(&self) -> Rung {
        if !self.page.replace_u32(page::BELL, page::ATTENDED, page::RUNG) {
            return Rung::Nobody;
        }
        let is_taken = self.is_rung_off_within(page::RUNG, LOOKS_UNTAKEN_MAX)
            || !self.page.replace_u32(page::BELL, page::RUNG, page::DESERTED);
        match is_taken {
            true if self.is_answered() => Rung::Answered,
            true => Rung::Slow,
            false => Rung::Nobody,
        }
    }

    /// Asks for the register at `address`; the answer is [`Calls::asked`] when the call is answered.
    #[must_use]
    pub fn ask(&self, address: u64) -> Rung {
        if self.u32(page::BELL) != page::ATTENDED {
            return Rung::Nobody;
        }
        self.set_u64(page::ASKED_ADDRESS, address);
        let rung = self.ring_for_posted();
        if rung == Rung::Nobody {
            self.set_u64(page::ASKED_ADDRESS, 0);
        }
        rung
    }

    /// What the register held that was asked for last.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.u32(page::ASKED_VALUE)
    }

    /// Whether the call that was taken is answered by now, or after a while.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.is_rung_off_within(page::ANSWERING, LOOKS_TAKEN_MAX)
    }

    /// Whether the bell is no longer in `state` within so many looks.
    fn is_rung_off_within(&self, state: u32, looks_max: u32) -> bool {
        (0..looks_max).any(|_| {
            let is_over = self.u32(page::BELL) != state;
            if !is_over {
                // Who answers writes to what is looked at here.
                (0..PAUSES).for_each(|_| core::hint::spin_loop());
            }
            is_over
        })
    }

    /// `false` if there is no room.
    fn put_posted(&self, address: u64, value: u32) -> bool {
        let count = self.u32(page::POSTED_COUNT) as usize;
        if count >= page::POSTED_MAX {
            return false;
        }
        let write = page::PostedWrite { address, at: self.written, value };
        self.page.write(page::POSTED + count * page::POSTED_BYTES, &write.to_bytes());
        self.page.write(page::POSTED_COUNT, &(count as u32 + 1).to_le_bytes());
        true
    }

    /// What the register at `address` holds, if the page knows.
    #[must_use]
    pub fn register(&self, address: u64) -> Option<u32> {
        let place = self.place_of(address).filter(|_| self.u32(page::POSTED_COUNT) == 0)?;
        Some(self.u32(place))
    }

    /// Whether the page would know what the register at `address` holds, if nothing were posted.
    #[must_use]
    pub fn is_stale(&self, address: u64) -> bool {
        self.place_of(address).is_some() && self.u32(page::POSTED_COUNT) != 0
    }

    /// Where the page has a copy of the register at `address`.
    fn place_of(&self, address: u64) -> Option<usize> {
        let has_copies = self.u32(page::STATE) & page::HAS_REGISTERS != 0;
        let offset = address.checked_sub(self.u64(page::REGISTERS_ADDRESS))?;
        let offset = usize::try_from(offset).ok().filter(|_| has_copies)?;
        (offset.is_multiple_of(4) && offset < page::REGISTERS_BYTES)
            .then_some(page::REGISTERS + offset)
    }

    /// The request for a wait, or its answer.
    #[must_use]
    pub fn wait_block(&self) -> WaitBlock {
        let mut bytes = [0; WAIT_BLOCK_BYTES];
        self.page.read(0, &mut bytes);
        WaitBlock::from_bytes(&bytes)
    }

    /// Puts the request for a wait into the page.
    pub fn set_wait_block(&self, block: &WaitBlock) {
        self.page.write(0, &block.to_bytes());
    }

    /// Puts a frame into the output ring.
    ///
    /// # Errors
    /// [`Full`]: nothing was written.
    ///
    /// # Panics
    /// If the payload is longer than [`frame::PAYLOAD_BYTES_MAX`]: a bug of the caller.
    pub fn push_frame(&mut self, kind: u8, payload: &[u8]) -> Result<(), Full> {
        assert!(payload.len() <= frame::PAYLOAD_BYTES_MAX, "a frame of {} bytes", payload.len());
        self.make_sure_of(frame::HEADER_BYTES + payload.len())?;
        self.put(&frame::header(kind, payload.len() as u16));
        self.put(payload);
        self.set_u64(page::WRITTEN, self.written);
        Ok(())
    }

    /// Puts text into the output ring. The byte that begins a frame is replaced by `?`.
    ///
    /// # Errors
    /// [`Full`]: nothing was written.
    pub fn push_text(&mut self, text: &str) -> Result<(), Full> {
        self.make_sure_of(text.len())?;
        for byte in text.bytes() {
            self.put(&[if byte == frame::START { b'?' } else { byte }]);
        }
        self.set_u64(page::WRITTEN, self.written);
        Ok(())
    }

    /// The longest piece of text that fits into an empty ring.
    pub fn output_bytes(&self) -> usize {
        self.ring.size_bytes()
    }

    fn make_sure_of(&self, length: usize) -> Result<(), Full> {
        let taken = self.u64(page::TAKEN);
        let used = self.written.wrapping_sub(taken);
        let is_room = used + length as u64 <= self.ring.size_bytes() as u64;
        if taken == NOBODY_READS || is_room { Ok(()) } else { Err(Full) }
    }

    fn put(&mut self, bytes: &[u8]) {
        let size = self.ring.size_bytes();
        let start = (self.written % size as u64) as usize;
        let (end, beginning) = bytes.split_at(bytes.len().min(size - start));
        self.ring.write(start, end);
        self.ring.write(0, beginning);
        self.written += bytes.len() as u64;
    }

    fn u32(&self, at: usize) -> u32 {
        self.page.load_acquire_u32(at)
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from(self.u32(at + 4)) << 32 | u64::from(self.u32(at))
    }

    fn set_u64(&self, at: usize, value: u64) {
        self.page.write(at, &value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
