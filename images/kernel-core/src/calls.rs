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

/// The page and the output ring.
#[derive(Debug)]
pub struct Calls<D> {
    page: D,
    ring: D,
    written: u64,
}

impl<D: DmaBuf> Calls<D> {
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
        let count = self.u32(page::POSTED_COUNT) as usize;
        if self.u32(page::STATE) & page::MAY_POST == 0 || count >= page::POSTED_MAX {
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
        let is_good =
            self.u32(page::STATE) & page::HAS_REGISTERS != 0 && self.u32(page::POSTED_COUNT) == 0;
        let offset = address.checked_sub(self.u64(page::REGISTERS_ADDRESS))?;
        let offset = usize::try_from(offset).ok().filter(|_| is_good)?;
        (offset.is_multiple_of(4) && offset < page::REGISTERS_BYTES)
            .then(|| self.u32(page::REGISTERS + offset))
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
mod tests {
    use super::*;
    use hal::testing::{DmaPool, PoolDma};

    fn calls() -> Calls<PoolDma> {
        let pool = DmaPool::new(3);
        let calls = Calls::new(pool.alloc(1).unwrap(), pool.alloc(1).unwrap());
        state(&calls, page::MAY_POST | page::HAS_REGISTERS);
        calls.set_u64(page::REGISTERS_ADDRESS, 0xc000_4000);
        calls
    }

    fn state(calls: &Calls<PoolDma>, state: u32) {
        calls.page.write(page::STATE, &state.to_le_bytes());
    }

    #[test]
    fn posted_writes_lie_in_order_with_the_output_before_them() {
        let mut calls = calls();
        assert!(calls.post(0xc000_5000, 1));
        calls.push_frame(frame::KIND_RECORDS, &[7; 8]).unwrap();
        assert!(calls.post(0xc000_5004, 2));
        let written = |index: usize| {
            let mut bytes = [0; page::POSTED_BYTES];
            calls.page.read(page::POSTED + index * page::POSTED_BYTES, &mut bytes);
            page::PostedWrite::from_bytes(&bytes)
        };
        assert_eq!(written(0), page::PostedWrite { address: 0xc000_5000, at: 0, value: 1 });
        assert_eq!(written(1), page::PostedWrite { address: 0xc000_5004, at: 12, value: 2 });
        assert_eq!(calls.u32(page::POSTED_COUNT), 2);
    }

    #[test]
    fn a_write_is_not_posted_when_it_must_not_be_or_there_is_no_room() {
        let calls = calls();
        for _ in 0..page::POSTED_MAX {
            assert!(calls.post(0, 0));
        }
        assert!(!calls.post(0, 0));
        calls.page.write(page::POSTED_COUNT, &[0; 4]);
        state(&calls, page::HAS_REGISTERS);
        assert!(!calls.post(0, 0));
    }

    #[test]
    fn a_copy_of_a_register_is_good_until_a_write_was_posted() {
        let calls = calls();
        calls.page.write(page::REGISTERS + 0x1c, &[1, 0, 0, 0]);
        assert_eq!(calls.register(0xc000_401c), Some(1));
        for elsewhere in [0xc000_3ffc, 0xc000_401e, 0xc000_4040] {
            assert_eq!(calls.register(elsewhere), None, "{elsewhere:#x}");
        }
        assert!(calls.post(0xc000_4014, 0));
        assert_eq!(calls.register(0xc000_401c), None);
        calls.page.write(page::POSTED_COUNT, &[0; 4]);
        state(&calls, page::MAY_POST);
        assert_eq!(calls.register(0xc000_401c), None);
    }

    #[test]
    fn the_output_wraps_and_nothing_that_was_not_taken_is_overwritten() {
        let mut calls = calls();
        let line = "x".repeat(3000);
        calls.push_text(&line).unwrap();
        assert_eq!(calls.push_text(&line), Err(Full));
        calls.set_u64(page::TAKEN, 3000);
        calls.push_text("\u{1}yz").unwrap();
        calls.push_text(&"w".repeat(1500)).unwrap();
        let mut bytes = [0; 4];
        calls.ring.read(2998, &mut bytes);
        assert_eq!(&bytes, b"xx?y");
        calls.ring.read(0, &mut bytes);
        assert_eq!(&bytes, b"wwww");
    }

    #[test]
    fn output_that_nobody_reads_is_lost_and_stops_nobody() {
        let mut calls = calls();
        calls.set_u64(page::TAKEN, NOBODY_READS);
        for _ in 0..10 {
            calls.push_text(&"x".repeat(1000)).unwrap();
        }
    }
}
