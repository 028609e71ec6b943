//! What actions carry besides their kind.

/// How much of a write reaches the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// So many blocks from the first on.
    Blocks(u32),
    /// So many bytes from the first on; the block in which they end is half new and half old.
    Bytes(u64),
}

/// What is wrong with the phase tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseFault {
    /// This one entry has the tag of the pass before: the host does not see it, nor what comes after it.
    Inverted,
    /// The tag no longer changes when the queue wraps, as long as the queue exists.
    Frozen,
}

/// Which transfer fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaTarget {
    /// The command's data: it fails with Data Transfer Error, without Do Not Retry.
    Data,
    /// The submission queue entry: CSTS.CFS.
    Sqe,
    /// The completion queue entry: CSTS.CFS, and nothing was posted.
    Cqe,
}

/// One byte that changes on its way: `data[offset % length] ^= xor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// Which byte of the transfer.
    pub offset: u64,
    /// What to flip in it; not 0.
    pub xor: u8,
}

/// Bytes under a mask at an offset: to look for, or to put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytePattern {
    /// The first byte.
    pub offset: u64,
    /// The bytes; bits outside of the mask do not count.
    pub value: Vec<u8>,
    /// Which bits count; as long as `value`.
    pub mask: Vec<u8>,
}

impl BytePattern {
    /// Whether `bytes`, which begin at offset `base`, hold the pattern; not if they end before it.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let Some(bytes) = bytes.get(start..) else {
            return false;
        };
        bytes.len() >= self.value.len()
            && bytes
                .iter()
                .zip(self.value.iter().zip(&self.mask))
                .all(|(byte, (value, mask))| byte & mask == value & mask)
    }

    /// Puts the pattern into `bytes`, the first of which is at `base`, as far as it reaches.
    pub(crate) fn put(&self, base: u64, bytes: &mut [u8]) {
        for ((at, value), mask) in (self.offset..).zip(&self.value).zip(&self.mask) {
            let index = at.checked_sub(base).and_then(|index| usize::try_from(index).ok());
            if let Some(byte) = index.and_then(|index| bytes.get_mut(index)) {
                *byte = *byte & !mask | value & mask;
            }
        }
    }
}

/// An asynchronous event as a completed request reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Event type.
    pub event_type: u8,
    /// Event information.
    pub info: u8,
    /// The log page that tells more.
    pub log_page: u8,
}
