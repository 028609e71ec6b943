//! The bytes of blocks on their way from the host to the media: filled once, then shared, never copied.
//!
//! The media keeps the very bytes that a write brought and gives up those that it had; the next write is
//! fetched into these. So a stream of writes neither allocates nor clears memory.

use std::ops::Deref;
use std::sync::Arc;

/// So many buffers are kept for the next writes: an eviction gives up a few at once.
const SPARES_MAX: usize = 8;

/// Bytes that nobody else has yet.
#[derive(Debug)]
pub(crate) struct Buffer(Arc<[u8]>);

impl Buffer {
    /// All zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        Self(std::iter::repeat_n(0, length).collect())
    }

    /// The bytes, to be changed.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        match Arc::get_mut(&mut self.0) {
            Some(bytes) => bytes,
            None => unreachable!("a buffer is shared only by giving it up"),
        }
    }

    /// Gives the bytes to whoever wants to keep them.
    pub(crate) fn share(self) -> Arc<[u8]> {
        self.0
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// Buffers that nobody needs any more. A copy of them is of no use and harmless: what is shared is not
/// taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spares(Vec<Arc<[u8]>>);

impl Spares {
    /// A buffer of this length, of whatever it held before: to be filled whole.
    pub(crate) fn take(&mut self, length: usize) -> Buffer {
        while let Some(mut spare) = self.0.pop() {
            if spare.len() == length && Arc::get_mut(&mut spare).is_some() {
                return Buffer(spare);
            }
        }
        Buffer::zeros(length)
    }

    /// Keeps bytes for later that somebody no longer needs, if nobody else does.
    pub(crate) fn give(&mut self, bytes: Arc<[u8]>) {
        if self.0.len() < SPARES_MAX && Arc::strong_count(&bytes) == 1 {
            self.0.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_still_has_is_never_taken() {
        let (mut spares, kept) = (Spares::default(), Arc::from([7; 4]));
        spares.give(Arc::clone(&kept));
        spares.take(4).bytes().fill(1);
        assert_eq!(*kept, [7; 4]);
        spares.give(kept);
        let mut copy = spares.clone();
        copy.take(4).bytes().fill(2);
        assert_eq!(*spares.take(4), [7; 4], "each has its own");
    }

    #[test]
    fn a_spare_of_the_right_length_is_taken_as_it_is() {
        let mut spares = Spares::default();
        spares.give(Arc::from([7; 4]));
        assert_eq!(*spares.take(8), [0; 8]);
        spares.give(Arc::from([7; 4]));
        assert_eq!(*spares.take(4), [7; 4]);
    }
}
