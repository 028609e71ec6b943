//! One event of the merged trace.

use std::fmt;

use hal::trace::{Layer, RECORD_BYTES, Record};

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

/// The most canonical bytes of an entry: which words, the time, what. All kinds of events are of one size.
pub(crate) const ENTRY_BYTES_MAX: usize = 9 + RECORD_BYTES;
const _: () = assert!(RECORD_BYTES == nvme_model::EVENT_BYTES, "one size for both kinds");

const WORD_BYTES: usize = size_of::<u64>();

/// Who, in the upper bits of the first byte.
const TAG_GUEST: u8 = 1 << 5;
const TAG_CONTROLLER: u8 = 2 << 5;
const TAG_SERVER: u8 = 3 << 5;

impl Entry {
    /// Puts the canonical bytes of this entry into `bytes`, the ones the trace hash is made of, and returns how many they
    /// are. `before_ns` is the time of the entry before it.
    ///
    /// A word that is zero is left out, and half of them are: the first byte says which follow, the time that has
    /// passed and then the event's. So no two lists of entries have the same bytes.
    pub(crate) fn encode(&self, before_ns: u64, bytes: &mut [u8; ENTRY_BYTES_MAX]) -> usize {
        let (tag, what) = match &self.source {
            Source::Guest(record) => (TAG_GUEST, record.to_bytes()),
            Source::Controller(event) => (TAG_CONTROLLER, event.to_bytes()),
            Source::Server(event) => (TAG_SERVER, event.to_bytes()),
        };
        let passed = self.now_ns.wrapping_sub(before_ns).to_le_bytes();
        let (words, _) = what.as_chunks::<WORD_BYTES>();
        let (mut first, mut end) = (tag, 1);
        for (nth, word) in std::iter::once(&passed).chain(words).enumerate() {
            // Written in any case, and kept if it is something: which it is cannot be guessed.
            bytes[end..end + WORD_BYTES].copy_from_slice(word);
            let is_something = u64::from_le_bytes(*word) != 0;
            first |= u8::from(is_something) << nth;
            end += WORD_BYTES * usize::from(is_something);
        }
        bytes[0] = first;
        end
    }
}

/// The text of a guest record, by the vocabulary of its layer.
#[must_use]
pub fn describe(record: &Record) -> String {
    let text = match record.layer {
        Layer::Program | Layer::Workload => text(lab::events::Event::decode(record)),
        Layer::Swap => text(swap_path::events::Event::decode(record)),
        Layer::Iomap => text(iomap::events::Event::decode(record)),
        Layer::Filesystem => text(guest_fs::events::Event::decode(record)),
        Layer::Driver => text(nvme_driver::events::Event::decode(record)),
        Layer::Remote => text(remote::events::Event::decode(record)),
        Layer::Task => text(tasks::events::Event::decode(record)),
        Layer::Block | Layer::Platform => None,
    };
    text.unwrap_or_else(|| format!("code {} {:?}", record.code, record.args))
}

fn text(event: Option<impl fmt::Display>) -> Option<String> {
    event.map(|event| event.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(now_ns: u64, before_ns: u64, args: [u64; 3]) -> Vec<u8> {
        let record = Record { layer: Layer::Driver, code: 2, small: 3, word: 4, args };
        let mut bytes = [0xee; ENTRY_BYTES_MAX];
        let entry = Entry { now_ns, source: Source::Guest(record) };
        let count = entry.encode(before_ns, &mut bytes);
        bytes[..count].to_vec()
    }

    #[test]
    fn what_is_zero_is_left_out_and_what_follows_is_said() {
        assert_eq!(bytes_of(7, 7, [0; 3]), [0x22, 7, 2, 3, 0, 4, 0, 0, 0]);
        let sparse = bytes_of(0x109, 9, [0, 5, 0]);
        let expected =
            [[0, 1, 0, 0, 0, 0, 0, 0], [7, 2, 3, 0, 4, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0]];
        assert_eq!(sparse, [&[0x2b][..], expected.as_flattened()].concat());
        assert_eq!(bytes_of(1, 0, [1; 3]).len(), ENTRY_BYTES_MAX);
    }

    #[test]
    fn time_may_begin_again_with_a_new_life() {
        assert_ne!(bytes_of(0, 9, [0; 3]), bytes_of(0, 8, [0; 3]));
    }
}
