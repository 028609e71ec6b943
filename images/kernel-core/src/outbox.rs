//! The console's outgoing bytes: a ring that text and trace records are put into and a virtqueue is
//! fed from.
//!
//! A byte is *written*, then *published* (named by a descriptor, the device may read it any time),
//! then *reclaimed* (the device is done with it). Only reclaimed bytes are overwritten, so nothing is
//! ever lost: a full ring is the caller's to drain. Nothing here allocates after [`Outbox::new`].

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use core::ops::Range;

use machine::frame;

/// The ring has no room for the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Debug)]
struct Segment {
    token: u16,
    range: Range<usize>,
    is_done: bool,
}

/// The ring and what is in flight.
#[derive(Debug)]
pub struct Outbox {
    bytes: Box<[u8]>,
    /// Bytes ever written, published and reclaimed: `reclaimed <= published <= written`.
    written: u64,
    published: u64,
    reclaimed: u64,
    /// In the order of their bytes.
    in_flight: VecDeque<Segment>,
    in_flight_max: usize,
}

impl Outbox {
    /// A ring of `size_bytes` with at most `in_flight_max` published segments.
    ///
    /// # Panics
    /// If one of them is zero.
    #[must_use]
    pub fn new(size_bytes: usize, in_flight_max: usize) -> Self {
        assert!(size_bytes > 0 && in_flight_max > 0, "an outbox that holds nothing");
        Self {
            bytes: vec![0; size_bytes].into_boxed_slice(),
            written: 0,
            published: 0,
            reclaimed: 0,
            in_flight: VecDeque::with_capacity(in_flight_max),
            in_flight_max,
        }
    }

    /// The longest piece that fits when everything is reclaimed.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Writes a piece of text. The byte that begins a frame is replaced by `?`.
    ///
    /// # Errors
    /// [`Full`]: nothing was written.
    pub fn push_text(&mut self, text: &str) -> Result<(), Full> {
        let plain = |byte| if byte == frame::START { b'?' } else { byte };
        self.push(text.len(), text.bytes().map(plain))
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// [`Full`]: nothing was written.
    ///
    /// # Panics
    /// If the payload is longer than [`frame::PAYLOAD_BYTES_MAX`]: a bug of the caller.
    pub fn push_frame(&mut self, kind: u8, payload: &[u8]) -> Result<(), Full> {
        assert!(payload.len() <= frame::PAYLOAD_BYTES_MAX, "a frame of {} bytes", payload.len());
        let header = frame::header(kind, payload.len() as u16);
        self.push(header.len() + payload.len(), header.iter().chain(payload).copied())
    }

    /// The next bytes to publish, contiguous; `None` if all are, or too many segments are in flight.
    #[must_use]
    pub fn unpublished(&self) -> Option<Range<usize>> {
        if self.published == self.written || self.in_flight.len() == self.in_flight_max {
            return None;
        }
        let start = self.index(self.published);
        let length = (self.written - self.published) as usize;
        Some(start..self.bytes.len().min(start + length))
    }

    /// The bytes of a range that [`Outbox::unpublished`] or [`Outbox::segment`] named.
    #[must_use]
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Remembers that `range` ([`Outbox::unpublished`]) is now in the device's hands as `token`.
    ///
    /// # Panics
    /// If it is another range: a bug of the caller.
    pub fn published(&mut self, token: u16, range: Range<usize>) {
        assert_eq!(self.unpublished(), Some(range.clone()), "published out of order");
        self.published += range.len() as u64;
        self.in_flight.push_back(Segment { token, range, is_done: false });
    }

    /// The range in flight as `token`.
    #[must_use]
    pub fn segment(&self, token: u16) -> Option<Range<usize>> {
        self.in_flight.iter().find(|s| s.token == token && !s.is_done).map(|s| s.range.clone())
    }

    /// The device is done with `token`; its bytes are free once all before them are.
    pub fn finished(&mut self, token: u16) {
        if let Some(segment) = self.in_flight.iter_mut().find(|s| s.token == token && !s.is_done) {
            segment.is_done = true;
        }
        while let Some(segment) = self.in_flight.pop_front_if(|segment| segment.is_done) {
            self.reclaimed += segment.range.len() as u64;
        }
    }

    /// Whether everything written has been taken by the device.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.reclaimed == self.written
    }

    fn push(&mut self, length: usize, bytes: impl Iterator<Item = u8>) -> Result<(), Full> {
        let used = (self.written - self.reclaimed) as usize;
        if length > self.bytes.len() - used {
            return Err(Full);
        }
        for byte in bytes {
            let index = self.index(self.written);
            self.bytes[index] = byte;
            self.written += 1;
        }
        Ok(())
    }

    fn index(&self, position: u64) -> usize {
        (position % self.bytes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn text_never_contains_the_byte_that_begins_a_frame() {
        let mut outbox = Outbox::new(16, 4);
        outbox.push_text("a\u{1}b").unwrap();
        assert_eq!(outbox.bytes(outbox.unpublished().unwrap()), b"a?b");
    }

    #[test]
    fn a_frame_has_its_header() {
        let mut outbox = Outbox::new(16, 4);
        outbox.push_frame(frame::KIND_RECORDS, &[7, 8]).unwrap();
        assert_eq!(outbox.bytes(outbox.unpublished().unwrap()), [1, 1, 2, 0, 7, 8]);
    }

    #[test]
    fn a_piece_that_does_not_fit_is_not_written_in_part() {
        let mut outbox = Outbox::new(4, 4);
        outbox.push_text("abc").unwrap();
        assert_eq!(outbox.push_text("de"), Err(Full));
        assert_eq!(outbox.bytes(outbox.unpublished().unwrap()), b"abc");
    }

    #[test]
    fn bytes_in_flight_are_not_overwritten_even_if_later_ones_are_done() {
        let mut outbox = Outbox::new(4, 4);
        for (token, text) in [(9, "ab"), (3, "cd")] {
            outbox.push_text(text).unwrap();
            outbox.published(token, outbox.unpublished().unwrap());
        }
        outbox.finished(3);
        assert_eq!(outbox.push_text("x"), Err(Full));
        outbox.finished(9);
        assert!(outbox.is_drained());
        assert_eq!(outbox.push_text("wxyz"), Ok(()));
    }

    proptest! {
        /// Whatever the sizes and however slowly the device takes segments, it sees every byte once
        /// and in order.
        #[test]
        fn the_device_sees_every_byte_once_and_in_order(
            size in 1_usize..40,
            segments_max in 1_usize..5,
            steps in proptest::collection::vec((0_u8..3, 1_usize..12), 1..200),
        ) {
            let mut outbox = Outbox::new(size, segments_max);
            let (mut sent, mut seen) = (Vec::new(), Vec::new());
            let (mut tokens, mut next_byte, mut next_token) = (VecDeque::new(), b'a', 0);
            for (step, length) in steps {
                match step {
                    0 => {
                        let text: Vec<u8> = (0..length).map(|i| next_byte + i as u8 % 8).collect();
                        if outbox.push_text(core::str::from_utf8(&text).unwrap()).is_ok() {
                            sent.extend(text);
                            next_byte = b'a' + (next_byte - b'a' + 1) % 16;
                        }
                    }
                    1 => while let Some(range) = outbox.unpublished() {
                        outbox.published(next_token, range);
                        tokens.push_back(next_token);
                        next_token += 1;
                    },
                    _ => if let Some(token) = tokens.pop_front() {
                        seen.extend_from_slice(outbox.bytes(outbox.segment(token).unwrap()));
                        outbox.finished(token);
                    },
                }
                prop_assert!(sent.starts_with(&seen));
                prop_assert_eq!(outbox.is_drained(), sent.len() == seen.len());
            }
        }
    }
}
