//! A descriptor chain as two byte streams: what the device reads, and what it writes.

use nvme_model::GuestMemory;

/// A run of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) address: u64,
    pub(super) size_bytes: u32,
}

/// One request of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) head: u16,
    readable: Vec<Span>,
    writable: Vec<Span>,
}

impl Chain {
    pub(super) fn new(head: u16) -> Self {
        Self { head, readable: Vec::new(), writable: Vec::new() }
    }

    /// False if a readable part comes after a writable one.
    pub(super) fn add(&mut self, span: Span, is_writable: bool) -> bool {
        if is_writable {
            self.writable.push(span);
        } else {
            self.readable.push(span);
        }
        is_writable || self.writable.is_empty()
    }

    /// Bytes that the device may read.
    pub(super) fn readable_bytes(&self) -> u64 {
        self.readable.iter().map(|span| u64::from(span.size_bytes)).sum()
    }

    /// Everything that the device may read; `None` if it is not memory or more than `bytes_max`.
    pub(super) fn gather(&self, bytes_max: u32, memory: &dyn GuestMemory) -> Option<Vec<u8>> {
        if self.readable_bytes() > u64::from(bytes_max) {
            return None;
        }
        let mut bytes = Vec::new();
        for span in &self.readable {
            let start = bytes.len();
            bytes.resize(start.checked_add(usize::try_from(span.size_bytes).ok()?)?, 0);
            memory.read(span.address, bytes.get_mut(start..)?).ok()?;
        }
        Some(bytes)
    }

    /// Writes as many of `bytes` as there is room for; `None` if the room is not memory.
    pub(super) fn scatter(&self, bytes: &[u8], memory: &dyn GuestMemory) -> Option<u32> {
        let mut rest = bytes;
        let mut written = 0_u32;
        for span in &self.writable {
            let size = usize::try_from(span.size_bytes).ok()?.min(rest.len());
            let (now, later) = rest.split_at_checked(size)?;
            memory.write(span.address, now).ok()?;
            written = written.checked_add(u32::try_from(size).ok()?)?;
            rest = later;
        }
        Some(written)
    }
}
