//! MSI-X: the table, the pending bits and the two masks of one function.
//!
//! A vector that is raised while masked stays pending and is delivered when the mask goes. While MSI-X
//! is disabled nothing is delivered and nothing becomes pending: the function would use INTx, which
//! this machine does not have.
//!
//! A function that is served to another machine has its table there. What is left here is who listens to which
//! vector ([`Msix::listen`]).

use std::sync::Arc;

use super::config_space::ConfigSpace;
use super::{Bar, Line, MsiMessage, MsiSink};

/// Capability id.
// Spec: PCI-3.0 6.8.2 "MSI-X Capability and Table Structure"
const CAPABILITY_ID: u8 = 0x11;
/// Message Control: MSI-X enable.
const CONTROL_ENABLE: u16 = 1 << 15;
/// Message Control: all vectors masked.
const CONTROL_FUNCTION_MASK: u16 = 1 << 14;
/// Vector Control: this vector masked.
const VECTOR_MASKED: u32 = 1;

/// Bytes of a table entry.
const ENTRY_BYTES: u64 = 16;
/// Where the table lies in its BAR; the pending bits follow at the next 2 KiB.
const TABLE_OFFSET: u64 = 0;
/// The most vectors that the capability can express.
pub(crate) const VECTORS_MAX: u16 = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    message: MsiMessage,
    control: u32,
}

impl Entry {
    /// After reset every vector is masked.
    const RESET: Self =
        Self { message: MsiMessage { address: 0, data: 0 }, control: VECTOR_MASKED };

    fn dword(&self, index: u64) -> u32 {
        match index {
            0 => self.message.address as u32,
            1 => (self.message.address >> 32) as u32,
            2 => self.message.data,
            _ => self.control,
        }
    }

    fn set_dword(&mut self, index: u64, value: u32) {
        let address = self.message.address;
        match index {
            // The two low bits of an address are reserved and read as zero.
            0 => self.message.address = address & !0xffff_ffff | u64::from(value & !3),
            1 => self.message.address = address & 0xffff_ffff | u64::from(value) << 32,
            2 => self.message.data = value,
            _ => self.control = value & VECTOR_MASKED,
        }
    }
}

/// The MSI-X state of one function.
#[derive(Debug)]
pub(crate) struct Msix {
    entries: Vec<Entry>,
    /// One bit a vector.
    pending: Vec<u64>,
    /// Where the pending bits lie in the BAR.
    pba_offset: u64,
    is_enabled: bool,
    is_function_masked: bool,
    is_bus_master: bool,
    /// The table is somebody else's, who says which vectors they listen to.
    is_elsewhere: bool,
    /// Offset of the capability in configuration space.
    capability: usize,
    /// The line of vector 0; the others follow.
    first_line: Line,
    sink: Arc<dyn MsiSink>,
}

impl Msix {
    /// Adds the capability and its BAR (number `bar_index`) to `config`.
    pub(crate) fn new(
        config: &mut ConfigSpace,
        bar_index: u8,
        vectors: u16,
        first_line: Line,
        sink: Arc<dyn MsiSink>,
    ) -> Self {
        assert!((1..=VECTORS_MAX).contains(&vectors), "{vectors} vectors");
        let pba_offset = (u64::from(vectors) * ENTRY_BYTES).next_multiple_of(0x800);
        let words = vectors.div_ceil(64);
        let size_bytes = (pba_offset + u64::from(words) * 8).next_power_of_two().max(0x1000);
        config.add_bar(Bar { index: bar_index, size_bytes, is_64_bit: false });
        let mut body = [0; 10];
        body[0..2].copy_from_slice(&(vectors - 1).to_le_bytes());
        let bir = u32::from(bar_index);
        body[2..6].copy_from_slice(&(TABLE_OFFSET as u32 | bir).to_le_bytes());
        body[6..10].copy_from_slice(&(pba_offset as u32 | bir).to_le_bytes());
        let writable = (CONTROL_ENABLE | CONTROL_FUNCTION_MASK).to_le_bytes();
        let capability = config.add_capability(CAPABILITY_ID, &body, &writable);
        Self {
            entries: vec![Entry::RESET; usize::from(vectors)],
            pending: vec![0; usize::from(words)],
            pba_offset,
            is_enabled: false,
            is_function_masked: false,
            is_bus_master: false,
            is_elsewhere: false,
            capability,
            first_line,
            sink,
        }
    }

    /// Back to power-on. Who listens from elsewhere goes on doing so.
    pub(crate) fn reset(&mut self) {
        if !self.is_elsewhere {
            self.entries.fill(Entry::RESET);
        }
        self.pending.fill(0);
        self.is_enabled = self.is_elsewhere;
        self.is_function_masked = false;
        self.is_bus_master = false;
    }

    /// Follows a write to configuration space.
    pub(crate) fn config_changed(&mut self, config: &ConfigSpace) {
        let control = config.half(self.capability + 2);
        self.is_enabled = control & CONTROL_ENABLE != 0 || self.is_elsewhere;
        self.is_function_masked = control & CONTROL_FUNCTION_MASK != 0;
        self.is_bus_master = config.is_bus_master();
        self.deliver_pending();
    }

    /// The table is elsewhere, and `vector` is listened to there or not. What is raised while nobody listens stays
    /// pending. A vector that there is not is ignored.
    pub(crate) fn listen(&mut self, vector: u16, is_heard: bool) {
        self.is_elsewhere = true;
        self.is_enabled = true;
        if let Some(entry) = self.entries.get_mut(usize::from(vector)) {
            entry.control = if is_heard { 0 } else { VECTOR_MASKED };
        }
        self.deliver_pending();
    }

    /// Raises `vector`; one that the table does not have is ignored.
    pub(crate) fn signal(&mut self, vector: u16) {
        let index = usize::from(vector);
        if !self.is_enabled || index >= self.entries.len() {
            log::debug!("vector {vector} raised, but MSI-X has no such vector or is disabled");
            return;
        }
        self.pending[index / 64] |= 1 << (index % 64);
        self.deliver_pending();
    }

    /// Reads the BAR. Only aligned 32- and 64-bit accesses are defined; others read as zero.
    pub(crate) fn bar_read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        if !is_defined(offset, data.len()) {
            return;
        }
        for (at, chunk) in (offset..).step_by(4).zip(data.chunks_exact_mut(4)) {
            chunk.copy_from_slice(&self.dword(at).to_le_bytes());
        }
    }

    /// Writes the BAR. Only aligned 32- and 64-bit accesses are defined; others are ignored.
    pub(crate) fn bar_write(&mut self, offset: u64, data: &[u8]) {
        if !is_defined(offset, data.len()) {
            return;
        }
        for (at, chunk) in (offset..).step_by(4).zip(data.chunks_exact(4)) {
            let value = chunk.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
            let index = usize::try_from(at / ENTRY_BYTES).unwrap_or(usize::MAX);
            if let Some(entry) = self.entries.get_mut(index) {
                entry.set_dword(at % ENTRY_BYTES / 4, value);
            }
        }
        self.deliver_pending();
    }

    fn dword(&self, offset: u64) -> u32 {
        match offset.checked_sub(self.pba_offset) {
            Some(at) => {
                let word = usize::try_from(at / 8).unwrap_or(usize::MAX);
                let bits = self.pending.get(word).copied().unwrap_or(0);
                (bits >> (at % 8 * 8)) as u32
            }
            None => {
                let index = usize::try_from(offset / ENTRY_BYTES).unwrap_or(usize::MAX);
                self.entries.get(index).map_or(0, |entry| entry.dword(offset % ENTRY_BYTES / 4))
            }
        }
    }

    /// Sends what is pending and not masked.
    fn deliver_pending(&mut self) {
        let is_pending = self.pending.iter().any(|word| *word != 0);
        if !is_pending || !self.is_enabled || self.is_function_masked {
            return;
        }
        for (index, entry) in self.entries.iter().enumerate() {
            let bit = 1 << (index % 64);
            if self.pending[index / 64] & bit == 0 || entry.control & VECTOR_MASKED != 0 {
                continue;
            }
            self.pending[index / 64] &= !bit;
            // A function that is not a bus master cannot send its message; it is lost.
            if self.is_bus_master {
                self.sink.send(Line(self.first_line.0 + index as u32), entry.message);
            }
        }
    }
}

fn is_defined(offset: u64, size: usize) -> bool {
    matches!(size, 4 | 8) && offset.is_multiple_of(size as u64)
}

#[cfg(test)]
mod tests;
