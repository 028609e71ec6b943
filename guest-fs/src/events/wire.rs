//! Events of the filesystem as records. Codes and fields are part of the trace format: never reuse one.

use hal::trace::{Layer, Record};
use iomap::{Context, Errno};

use super::{Event, SwapMapRefusal};

const fn record(code: u8, small: u16, word: u32, args: [u64; 3]) -> Record {
    Record { layer: Layer::Filesystem, code, small, word, args }
}

fn errno_code(errno: Option<Errno>) -> u16 {
    errno.map_or(0, Errno::number)
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        match event {
            Event::TxnBegin { context, reserved } => record(1, context as u16, reserved, [0; 3]),
            Event::TxnCommit { context, blocks } => record(2, context as u16, blocks, [0; 3]),
            Event::TxnCancel { context } => record(3, context as u16, 0, [0; 3]),
            Event::LogForce { context, lsn, blocks } => {
                record(4, context as u16, blocks, [lsn, 0, 0])
            }
            Event::LogForceDone { lsn, errno } => record(5, errno_code(errno), 0, [lsn, 0, 0]),
            Event::Checkpoint { context, tail, blocks } => {
                record(6, context as u16, blocks, [tail, 0, 0])
            }
            Event::InodeLock { ino, context } => record(7, context as u16, 0, [ino, 0, 0]),
            Event::InodeUnlock { ino, context } => record(8, context as u16, 0, [ino, 0, 0]),
            Event::InodeLockBusy { ino, context, errno } => {
                record(9, context as u16, errno.number().into(), [ino, 0, 0])
            }
            Event::Alloc { ino, context, block, blocks } => {
                record(10, context as u16, blocks, [ino, block, 0])
            }
            Event::Free { ino, context, block, blocks } => {
                record(11, context as u16, blocks, [ino, block, 0])
            }
            Event::Convert { ino, context, file_block, blocks } => {
                record(12, context as u16, blocks, [ino, file_block, 0])
            }
            Event::Resize { ino, context, size } => record(13, context as u16, 0, [ino, size, 0]),
            Event::Create { ino } => record(14, 0, 0, [ino, 0, 0]),
            Event::Unlink { ino } => record(15, 0, 0, [ino, 0, 0]),
            Event::Shutdown { reason, block } => record(16, reason.into(), 0, [block, 0, 0]),
            Event::Mount { blocks, free } => record(17, 0, 0, [blocks, free, 0]),
            Event::Recovery { batches, blocks, tail, head } => {
                record(18, 0, batches, [blocks, tail, head])
            }
            Event::SuperblockCopyUsed { block } => record(19, 0, 0, [block, 0, 0]),
            Event::Unmount { errno } => record(20, errno_code(errno), 0, [0; 3]),
            Event::SwapClaim { ino } => record(21, 0, 0, [ino, 0, 0]),
            Event::SwapRelease { ino } => record(22, 0, 0, [ino, 0, 0]),
            Event::SwapMapRefused { ino, context, why, pos } => {
                record(23, context as u16, why as u32, [ino, pos, 0])
            }
            Event::BlockHeld { block, context } => record(24, context as u16, 0, [block, 0, 0]),
            Event::CowDone { ino, context, file_block, blocks } => {
                record(25, context as u16, blocks, [ino, file_block, 0])
            }
            Event::OrphanAdd { ino } => record(26, 0, 0, [ino, 0, 0]),
            Event::OrphanDone { ino } => record(27, 0, 0, [ino, 0, 0]),
            Event::Rename { ino } => record(28, 0, 0, [ino, 0, 0]),
            Event::Share { ino, from, block, blocks } => record(29, 0, blocks, [ino, from, block]),
            Event::IoLock { ino, context } => record(48, context as u16, 0, [ino, 0, 0]),
            Event::IoUnlock { ino, context } => record(49, context as u16, 0, [ino, 0, 0]),
            Event::IoLockBusy { ino, context, errno } => {
                record(50, context as u16, errno.number().into(), [ino, 0, 0])
            }
            Event::Reserve { ino, context, blocks } => {
                record(64, context as u16, 0, [ino, blocks, 0])
            }
            Event::Freeze => record(67, 0, 0, [0; 3]),
            Event::Thaw => record(68, 0, 0, [0; 3]),
            Event::FrozenWait { context } => record(69, context as u16, 0, [0; 3]),
            Event::Moved { ino, from, to, blocks } => record(70, 0, blocks, [ino, from, to]),
            Event::LogLock { context } => record(71, context as u16, 0, [0; 3]),
            Event::LogUnlock => record(72, 0, 0, [0; 3]),
            Event::BlockHold { block, context } => record(73, context as u16, 0, [block, 0, 0]),
            Event::BioAlloc { context } => record(66, context as u16, 0, [0; 3]),
            Event::PageAlloc { context, is_refused } => {
                record(65, context as u16, is_refused.into(), [0; 3])
            }
        }
    }
}

impl Event {
    /// The event that this record stands for; `None` if it is none of this layer.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        if record.layer != Layer::Filesystem {
            return None;
        }
        let Record { small, word, args: [first, second, third], .. } = *record;
        let context = || Context::from_u8(u8::try_from(small).ok()?);
        let errno = match small {
            0 => None,
            number => Errno::from_number(number),
        };
        Some(match record.code {
            1 => Self::TxnBegin { context: context()?, reserved: word },
            2 => Self::TxnCommit { context: context()?, blocks: word },
            3 => Self::TxnCancel { context: context()? },
            4 => Self::LogForce { context: context()?, lsn: first, blocks: word },
            5 => Self::LogForceDone { lsn: first, errno },
            6 => Self::Checkpoint { context: context()?, tail: first, blocks: word },
            7 => Self::InodeLock { ino: first, context: context()? },
            8 => Self::InodeUnlock { ino: first, context: context()? },
            9 => Self::InodeLockBusy {
                ino: first,
                context: context()?,
                errno: Errno::from_number(u16::try_from(word).ok()?)?,
            },
            10 => Self::Alloc { ino: first, context: context()?, block: second, blocks: word },
            11 => Self::Free { ino: first, context: context()?, block: second, blocks: word },
            12 => {
                Self::Convert { ino: first, context: context()?, file_block: second, blocks: word }
            }
            13 => Self::Resize { ino: first, context: context()?, size: second },
            14 => Self::Create { ino: first },
            15 => Self::Unlink { ino: first },
            16 => Self::Shutdown { reason: u8::try_from(small).ok()?, block: first },
            17 => Self::Mount { blocks: first, free: second },
            18 => Self::Recovery { batches: word, blocks: first, tail: second, head: third },
            19 => Self::SuperblockCopyUsed { block: first },
            20 => Self::Unmount { errno },
            21 => Self::SwapClaim { ino: first },
            22 => Self::SwapRelease { ino: first },
            23 => Self::SwapMapRefused {
                ino: first,
                context: context()?,
                why: SwapMapRefusal::ALL.into_iter().find(|why| *why as u32 == word)?,
                pos: second,
            },
            24 => Self::BlockHeld { block: first, context: context()? },
            25 => {
                Self::CowDone { ino: first, context: context()?, file_block: second, blocks: word }
            }
            26 => Self::OrphanAdd { ino: first },
            27 => Self::OrphanDone { ino: first },
            28 => Self::Rename { ino: first },
            29 => Self::Share { ino: first, from: second, block: third, blocks: word },
            48 => Self::IoLock { ino: first, context: context()? },
            49 => Self::IoUnlock { ino: first, context: context()? },
            50 => Self::IoLockBusy {
                ino: first,
                context: context()?,
                errno: Errno::from_number(u16::try_from(word).ok()?)?,
            },
            _ => return Self::decode_memory(record),
        })
    }

    fn decode_memory(record: &Record) -> Option<Self> {
        let Record { small, word, args: [first, second, third], .. } = *record;
        let context = || Context::from_u8(u8::try_from(small).ok()?);
        Some(match record.code {
            64 => Self::Reserve { ino: first, context: context()?, blocks: second },
            66 => Self::BioAlloc { context: context()? },
            67 => Self::Freeze,
            68 => Self::Thaw,
            69 => Self::FrozenWait { context: context()? },
            70 => Self::Moved { ino: first, from: second, to: third, blocks: word },
            71 => Self::LogLock { context: context()? },
            72 => Self::LogUnlock,
            73 => Self::BlockHold { block: first, context: context()? },
            65 => Self::PageAlloc { context: context()?, is_refused: word != 0 },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_that_is_an_event_is_the_one_it_was_made_of() {
        let mut known = 0;
        for code in 0..=255 {
            // Every enumeration of the vocabulary has a 1.
            let event = Event::decode(&record(code, 1, 1, [5, 6, 7]));
            if let Some(event) = event {
                known += 1;
                assert!(!event.to_string().is_empty());
                let again = Record::from(event);
                assert_eq!(again.code, code);
                assert_eq!(Event::decode(&again), Some(event));
            }
        }
        assert_eq!(known, 42);
    }
}
