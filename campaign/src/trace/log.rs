//! The trace of one unit, with its hash.

use std::fmt;

use sha2::{Digest, Sha256};

use super::entry::ENTRY_BYTES_MAX;
use super::{Entry, Source};

/// Entries that go through the hash function together.
const HASHED_AT_ONCE: usize = 128;

/// The hash over a whole trace: equal hashes mean equal traces, byte for byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceHash([u8; 32]);

impl TraceHash {
    /// The first eight hex digits, for tables.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({self})")
    }
}

/// An append-only list of entries.
#[derive(Debug, Default)]
pub struct TraceLog {
    entries: Vec<Entry>,
    /// Text lines of the guest's log. Not part of the trace: wording may change.
    lines: Vec<String>,
}

impl TraceLog {
    /// Forgets everything but the memory that it took.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.lines.clear();
    }

    /// Adds one event.
    pub fn push(&mut self, now_ns: u64, source: Source) {
        self.entries.push(Entry { now_ns, source });
    }

    /// Adds a line of the guest's log.
    pub fn push_line(&mut self, line: &str) {
        log::info!(target: "guest", "{line}");
        self.lines.push(line.to_owned());
    }

    /// All events so far, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The guest's log so far.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// SHA-256 over the canonical bytes of all entries.
    #[must_use]
    pub fn hash(&self) -> TraceHash {
        let mut hasher = Sha256::new();
        // In long pieces: the function pads and counts whatever it is given.
        let mut bytes = [0; HASHED_AT_ONCE * ENTRY_BYTES_MAX];
        let mut before_ns = 0;
        for entries in self.entries.chunks(HASHED_AT_ONCE) {
            let mut end = 0;
            for entry in entries {
                if let Some(slot) = bytes[end..].first_chunk_mut() {
                    end += entry.encode(before_ns, slot);
                }
                before_ns = entry.now_ns;
            }
            hasher.update(&bytes[..end]);
        }
        TraceHash(hasher.finalize().into())
    }
}
