//! The fixed-size bytes of an event.

use super::{BlockFate, Event};

/// Bytes of an encoded event.
pub const EVENT_BYTES: usize = 32;

/// The parts of the encoding: `code: u8, byte: u8, half: u16, word: u32, long: [u64; 3]`.
struct Parts(u8, u8, u16, u32, [u64; 3]);

fn pair(low: u16, high: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

/// Something that happened to a range of blocks.
fn range(code: u8, nsid: u32, lba: u64, blocks: u64, order: u64) -> Parts {
    Parts(code, 0, 0, nsid, [lba, blocks, order])
}

/// The events about blocks.
fn block_parts(event: &Event) -> Parts {
    match *event {
        Event::MediaRead { nsid, lba, blocks } => range(7, nsid, lba, blocks.into(), 0),
        Event::MediaWrite { nsid, lba, blocks } => range(8, nsid, lba, blocks.into(), 0),
        Event::MediaDiscard { nsid, lba, blocks } => range(9, nsid, lba, blocks, 0),
        Event::CacheStore { nsid, lba, blocks, order } => {
            range(10, nsid, lba, blocks.into(), order)
        }
        Event::CacheEvict { nsid, lba, blocks, order } => {
            range(11, nsid, lba, blocks.into(), order)
        }
        // `parts` asks about no other.
        _ => range(0, 0, 0, 0, 0),
    }
}

fn parts(event: &Event) -> Parts {
    match *event {
        Event::RegisterWrite { offset, value } => {
            Parts(1, value.is_some().into(), 0, offset, [value.unwrap_or(0), 0, 0])
        }
        Event::SqDoorbell { sqid, tail } => Parts(2, 0, sqid, tail, [0; 3]),
        Event::CqDoorbell { cqid, head } => Parts(3, 0, cqid, head, [0; 3]),
        Event::Status { csts } => Parts(4, 0, 0, csts, [0; 3]),
        Event::Fetch { sqid, cid, opcode, nsid, slba, blocks } => {
            Parts(5, opcode, sqid, nsid, [slba, blocks.into(), cid.into()])
        }
        Event::Complete { cqid, sqid, cid, status, dw0 } => {
            Parts(6, 0, cqid, pair(sqid, cid), [status.to_raw().into(), dw0.into(), 0])
        }
        Event::MediaRead { .. }
        | Event::MediaWrite { .. }
        | Event::MediaDiscard { .. }
        | Event::CacheStore { .. }
        | Event::CacheEvict { .. } => block_parts(event),
        Event::Flush { nsid, blocks } => Parts(12, 0, 0, nsid, [blocks, 0, 0]),
        Event::Interrupt { vector } => Parts(13, 0, vector, 0, [0; 3]),
        Event::AsyncEvent { event_type, info, log_page } => {
            Parts(14, event_type, u16::from_le_bytes([info, log_page]), 0, [0; 3])
        }
        Event::Fatal { cause } => Parts(15, cause as u8, 0, 0, [0; 3]),
        Event::Fault { rule, command, action, fired } => {
            Parts(16, action as u8, rule, 0, [command, fired, 0])
        }
        Event::Reset { lost_commands } => Parts(17, 0, 0, lost_commands, [0; 3]),
        Event::PowerCut { lost_blocks, lost_commands } => {
            Parts(18, 0, 0, lost_commands, [lost_blocks, 0, 0])
        }
        Event::Namespace { nsid, blocks } => Parts(44, 0, 0, nsid, [blocks, 0, 0]),
        Event::Removed => Parts(19, 0, 0, 0, [0; 3]),
        Event::PowerLost => Parts(40, 0, 0, 0, [0; 3]),
        Event::Finding { kind, queue, value } => Parts(42, kind as u8, queue, value, [0; 3]),
        Event::LateTransfer { command } => Parts(41, 0, 0, 0, [command, 0, 0]),
        Event::PowerLoss { nsid, lba, blocks, order, fate } => {
            let (byte, half) = match fate {
                BlockFate::Lost => (0, 0),
                BlockFate::Kept => (1, 0),
                BlockFate::Torn { bytes } => (2, bytes),
                BlockFate::Garbage => (3, 0),
            };
            Parts(43, byte, half, nsid, [lba, blocks.into(), order])
        }
    }
}

impl Event {
    /// The canonical bytes: `code: u8, byte: u8, half: u16, word: u32, long: [u64; 3]`, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; EVENT_BYTES] {
        let Parts(code, byte, half, word, long) = parts(self);
        let mut bytes = [0; EVENT_BYTES];
        // By words: whoever reads them as such again does not wait for the bytes to come together.
        let small = u64::from(half) << 16 | u64::from(word) << 32;
        let head = u64::from(code) | u64::from(byte) << 8 | small;
        let [first, second, third] = long;
        for (chunk, word) in bytes.chunks_exact_mut(8).zip([head, first, second, third]) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvme_spec::{Status, status};

    #[test]
    fn a_fetch_has_these_bytes() {
        let event =
            Event::Fetch { sqid: 0x0102, cid: 0x0304, opcode: 2, nsid: 1, slba: 0x10, blocks: 8 };
        let bytes = event.to_bytes();
        assert_eq!(bytes[..8], [5, 2, 0x02, 0x01, 1, 0, 0, 0]);
        assert_eq!(bytes[8..10], [0x10, 0]);
        assert_eq!(bytes[16..18], [8, 0]);
        assert_eq!(bytes[24..27], [0x04, 0x03, 0]);
    }

    #[test]
    fn a_completion_has_these_bytes() {
        let status = Status::from(status::UNRECOVERED_READ).with_dnr(true);
        let event = Event::Complete { cqid: 1, sqid: 2, cid: 3, status, dw0: 4 };
        let bytes = event.to_bytes();
        assert_eq!(bytes[..10], [6, 0, 1, 0, 2, 0, 3, 0, 0x81, 0x42]);
        assert_eq!(bytes[16], 4);
    }

    #[test]
    fn a_torn_block_has_these_bytes() {
        let fate = BlockFate::Torn { bytes: 0x0203 };
        let bytes = Event::PowerLoss { nsid: 1, lba: 0x10, blocks: 1, order: 9, fate }.to_bytes();
        assert_eq!(bytes[..9], [43, 2, 3, 2, 1, 0, 0, 0, 0x10]);
        assert_eq!((bytes[16], bytes[24]), (1, 9));
    }

    #[test]
    fn every_event_has_its_own_code() {
        let (nsid, lba, blocks, order) = (1, 2, 3, 4);
        let events = [
            Event::MediaRead { nsid, lba, blocks },
            Event::MediaWrite { nsid, lba, blocks },
            Event::MediaDiscard { nsid, lba, blocks: 3 },
            Event::CacheStore { nsid, lba, blocks, order },
            Event::CacheEvict { nsid, lba, blocks, order },
            Event::Flush { nsid, blocks: 3 },
            Event::Namespace { nsid, blocks: 3 },
            Event::Removed,
        ];
        let codes = events.map(|event| event.to_bytes()[0]);
        assert_eq!(codes, [7, 8, 9, 10, 11, 12, 44, 19]);
    }
}
