//! The event trace: fixed-size records that every guest layer emits and nobody in the guest reads.
//!
//! This module knows the *form* of a record, not its vocabulary: each layer defines its own events
//! beside its code and turns them into records. The engine stamps a record with the virtual time and
//! merges it with the controller's own events; the hash over the merged stream is the trace hash.
//!
//! Invariant: a record holds no address, no host time, and nothing whose order depends on a hash map.

use alloc::rc::Rc;
use core::fmt;

/// The layer a record comes from. The numbers are part of the trace format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Layer {
    /// The program that the guest runs: steps, observations, page checks.
    Program = 1,
    /// The workload's memory accesses and what they saw.
    Workload = 2,
    /// Swap: faults, slots, swap-out, swap-in.
    Swap = 3,
    /// The iomap library: mapping calls, direct I/O, swap I/O.
    Iomap = 4,
    /// The filesystem: transactions, journal, shutdown.
    Filesystem = 5,
    /// The block layer.
    Block = 6,
    /// The NVMe driver.
    Driver = 7,
    /// The kernel or the host engine itself.
    Platform = 8,
    /// Tasks and the memory under them.
    Task = 9,
    /// The client of a remote filesystem.
    Remote = 10,
}

impl Layer {
    /// The layer with this number, if there is one.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Program,
            2 => Self::Workload,
            3 => Self::Swap,
            4 => Self::Iomap,
            5 => Self::Filesystem,
            6 => Self::Block,
            7 => Self::Driver,
            8 => Self::Platform,
            9 => Self::Task,
            10 => Self::Remote,
            _ => return None,
        })
    }
}

/// Bytes of an encoded record.
pub const RECORD_BYTES: usize = 32;

/// One event: who, what, and up to four numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Who emitted it.
    pub layer: Layer,
    /// The event's number in its layer's vocabulary.
    pub code: u8,
    /// A small argument: an errno, a flag, an enum.
    pub small: u16,
    /// A 32-bit argument.
    pub word: u32,
    /// The large arguments.
    pub args: [u64; 3],
}

impl Record {
    /// The wire form: `layer, code, small, word, args[0..3]`, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        // By words: whoever reads them as such again does not wait for the bytes to come together.
        let small = u64::from(self.small) << 16 | u64::from(self.word) << 32;
        let head = u64::from(self.layer as u8) | u64::from(self.code) << 8 | small;
        let [first, second, third] = self.args;
        for (chunk, word) in bytes.chunks_exact_mut(8).zip([head, first, second, third]) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Decodes a record; `None` if its layer is unknown.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let mut args = [0; 3];
        for (chunk, arg) in bytes[8..].chunks_exact(8).zip(&mut args) {
            *arg = u64::from_le_bytes(chunk.try_into().ok()?);
        }
        Some(Self {
            layer: Layer::from_u8(bytes[0])?,
            code: bytes[1],
            small: u16::from_le_bytes([bytes[2], bytes[3]]),
            word: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            args,
        })
    }
}

/// Where records go: the kernel's console ring, the host engine's log, or a test's vector.
pub trait TraceSink {
    /// Takes one record. Must not allocate on the guest's heap and must not fail.
    fn emit(&self, record: &Record);
}

/// A cheap handle on the machine's trace that every layer keeps a clone of.
#[derive(Clone)]
pub struct Tracer(Option<Rc<dyn TraceSink>>);

impl Tracer {
    /// A handle on `sink`.
    #[must_use]
    pub fn new(sink: Rc<dyn TraceSink>) -> Self {
        Self(Some(sink))
    }

    /// A handle that drops every record: for tools that have no trace (mkfs, fsck).
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Emits one event.
    pub fn emit(&self, event: impl Into<Record>) {
        if let Some(sink) = &self.0 {
            sink.emit(&event.into());
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tracer" } else { "Tracer(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_this_wire_form() {
        let record = Record {
            layer: Layer::Driver,
            code: 2,
            small: 0x0403,
            word: 0x0807_0605,
            args: [9, 10, u64::MAX],
        };
        let bytes = record.to_bytes();
        assert_eq!(bytes[..9], [7, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(bytes[24..], [0xff; 8]);
        assert_eq!(Record::from_bytes(&bytes), Some(record));
    }

    #[test]
    fn an_unknown_layer_is_refused() {
        assert_eq!(Record::from_bytes(&[0xee; RECORD_BYTES]), None);
    }
}
