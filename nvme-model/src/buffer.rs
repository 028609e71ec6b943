//! The bytes of blocks on their way from the host to the media: filled once, then shared, never copied.
//!
//! The media keeps the very bytes that a write brought and gives up those that it had; the next write is
//! fetched into these. So a stream of writes neither allocates nor clears memory.

use std::fmt;
use std::ops::{Deref, Range};

use prefetch::Rest;
use triomphe::{Arc, HeaderSlice, HeaderWithLength, ThinArc};

/// So many buffers are kept for the next writes: an eviction gives up a few at once.
const SPARES_MAX: usize = 8;

/// So many bytes lie before those of a block in an allocation of [`BlockBytes`]: how often they are shared, and
/// how many they are. An allocator that wants to keep blocks together knows them by that.
pub const BLOCK_HEADER_BYTES: usize = 2 * size_of::<usize>();

/// The bytes of blocks, shared by all who have a copy of this. One word: its length is with the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockBytes(ThinArc<(), u8>);

impl BlockBytes {
    /// Whether there is another copy.
    pub(crate) fn is_shared(&self) -> bool {
        ThinArc::strong_count(&self.0) > 1
    }

    /// Asks memory for the first of these bytes, and for their length, which lies before all of them: for half of the
    /// blocks in another line. So how many there are is not looked at here.
    pub(crate) fn warm(&self, range: Range<usize>) -> Rest {
        let header = &self.0.header;
        prefetch::value(header);
        let behind = |offset: usize| size_of_val(header).saturating_add(offset);
        prefetch::run(header, behind(range.start), behind(range.end).saturating_sub(1))
    }

    /// Asks memory for the count of copies, and for the translations of the pages that so many bytes are on: what it takes to
    /// have others in their place.
    pub(crate) fn warm_ends(&self, length: usize) {
        let header = &self.0.header;
        prefetch::value(header);
        prefetch::behind(header, size_of_val(header).saturating_add(length).saturating_sub(1));
    }

    /// Puts other bytes at a place that is within these. Whoever shares them keeps what was there.
    pub(crate) fn replace(&mut self, at: Range<usize>, src: &[u8]) {
        if self.is_shared() {
            *self = Self::from(&**self);
        }
        self.0.with_arc_mut(|bytes| {
            let whole = Arc::get_mut(bytes).map(|bytes| bytes.slice_mut());
            if let Some(to) = whole.and_then(|whole| whole.get_mut(at)) {
                to.copy_from_slice(src);
            }
        });
    }
}

impl fmt::Debug for BlockBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockBytes").field(&self.len()).finish()
    }
}

impl Deref for BlockBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.slice
    }
}

impl From<&[u8]> for BlockBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(ThinArc::from_header_and_slice((), bytes))
    }
}

impl From<Vec<u8>> for BlockBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(bytes.as_slice())
    }
}

/// Bytes that nobody else has yet.
#[derive(Debug)]
pub(crate) struct Buffer(Arc<HeaderSlice<HeaderWithLength<()>, [u8]>>);

impl Buffer {
    /// All zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        Self::from(vec![0; length])
    }

    /// The bytes, to be changed.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        match Arc::get_mut(&mut self.0) {
            Some(bytes) => &mut bytes.slice,
            None => unreachable!("a buffer is shared only by giving it up"),
        }
    }

    /// Gives the bytes to whoever wants to keep them.
    pub(crate) fn share(self) -> BlockBytes {
        BlockBytes(Arc::into_thin(self.0))
    }

    /// Takes bytes back that nobody else has.
    fn reclaim(bytes: BlockBytes) -> Option<Self> {
        (!bytes.is_shared()).then(|| Self(Arc::from_thin(bytes.0)))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.slice
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::from_thin(ThinArc::from_header_and_slice((), &bytes)))
    }
}

/// Buffers that nobody needs any more. A copy of them is of no use and harmless: what is shared is not
/// taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spares(Vec<BlockBytes>);

impl Spares {
    /// A buffer of this length, of whatever it held before: to be filled whole.
    pub(crate) fn take(&mut self, length: usize) -> Buffer {
        while let Some(spare) = self.0.pop() {
            if let Some(spare) = Buffer::reclaim(spare).filter(|spare| spare.len() == length) {
                return spare;
            }
        }
        Buffer::zeros(length)
    }

    /// Keeps bytes for later that somebody no longer needs, if nobody else does.
    pub(crate) fn give(&mut self, bytes: BlockBytes) {
        if self.0.len() < SPARES_MAX && !bytes.is_shared() {
            self.0.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_still_has_is_never_taken() {
        let (mut spares, kept) = (Spares::default(), BlockBytes::from(vec![7; 4]));
        spares.give(kept.clone());
        spares.take(4).bytes().fill(1);
        assert_eq!(*kept, [7; 4]);
        spares.give(kept);
        let mut copy = spares.clone();
        copy.take(4).bytes().fill(2);
        assert_eq!(*spares.take(4), [7; 4], "each has its own");
    }

    #[test]
    fn whoever_shares_bytes_keeps_them_when_others_replace_theirs() {
        let mut bytes = BlockBytes::from(vec![7; 4]);
        let kept = bytes.clone();
        bytes.replace(1..3, &[1, 2]);
        assert_eq!((&*bytes, &*kept), (&[7, 1, 2, 7][..], &[7; 4][..]));
        bytes.replace(0..1, &[3]);
        assert_eq!(*bytes, [3, 1, 2, 7]);
    }

    #[test]
    fn two_words_lie_before_the_bytes_of_a_block() {
        let bytes = BlockBytes::from(vec![7; 4096]);
        let before = bytes.as_ptr().addr() - bytes.0.heap_ptr().addr();
        assert_eq!(before, BLOCK_HEADER_BYTES);
    }

    #[test]
    fn a_spare_of_the_right_length_is_taken_as_it_is() {
        let mut spares = Spares::default();
        spares.give(vec![7; 4].into());
        assert_eq!(*spares.take(8), [0; 8]);
        spares.give(vec![7; 4].into());
        assert_eq!(*spares.take(4), [7; 4]);
    }
}
