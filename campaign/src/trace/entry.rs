//! One event of the merged trace.

use std::fmt;

use hal::trace::{RECORD_BYTES, Record};

use super::GuestEvent;

/// Who reports the event.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A layer of the guest.
    Guest(Record),
    /// The controller model.
    Controller(nvme_model::Event),
    /// The file server.
    Server(file_server::Event),
}

/// An event with its virtual time.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Virtual nanoseconds since the machine was switched on.
    pub now_ns: u64,
    /// What happened.
    pub source: Source,
}

/// Bytes of an entry: time, who, what. Both kinds of events are of one size.
pub(crate) const ENTRY_BYTES: usize = 9 + RECORD_BYTES;
const _: () = assert!(RECORD_BYTES == nvme_model::EVENT_BYTES, "one size for both kinds");

const TAG_GUEST: u8 = 1;
const TAG_CONTROLLER: u8 = 2;
const TAG_SERVER: u8 = 3;

impl Entry {
    /// Puts the canonical bytes of this entry into `bytes`, the ones the trace hash is made of.
    pub(crate) fn encode(&self, bytes: &mut [u8; ENTRY_BYTES]) {
        let (tag, what) = match &self.source {
            Source::Guest(record) => (TAG_GUEST, record.to_bytes()),
            Source::Controller(event) => (TAG_CONTROLLER, event.to_bytes()),
            Source::Server(event) => (TAG_SERVER, event.to_bytes()),
        };
        bytes[..8].copy_from_slice(&self.now_ns.to_le_bytes());
        bytes[8] = tag;
        bytes[9..].copy_from_slice(&what);
    }
}

/// The text of a guest record, by the vocabulary of its layer.
#[must_use]
pub fn describe(record: &Record) -> String {
    GuestEvent::decode(record).map_or_else(
        || format!("code {} {:?}", record.code, record.args),
        |event| event.to_string(),
    )
}

impl fmt::Display for Entry {
    /// One line: virtual microseconds, layer, text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (us, ns) = (self.now_ns / 1000, self.now_ns % 1000);
        match &self.source {
            Source::Guest(record) => {
                let layer = format!("{:?}", record.layer).to_lowercase();
                write!(f, "{us:>12}.{ns:03} {layer:<10} {}", describe(record))
            }
            Source::Controller(event) => write!(f, "{us:>12}.{ns:03} controller {event}"),
            Source::Server(event) => write!(f, "{us:>12}.{ns:03} server     {event}"),
        }
    }
}
