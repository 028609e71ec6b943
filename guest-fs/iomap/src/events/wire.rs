//! Events of this library as records. Codes and fields are part of the trace format: never reuse one.

use hal::trace::{Layer, Record};

use super::{Engine, Event};
use crate::{
    Context, DioEnd, Direction, Errno, FailureKind, Intent, IoendKind, Iomap, MapFlags, MapKind,
};

const fn kind_code(kind: MapKind) -> u16 {
    match kind {
        MapKind::Hole => 1,
        MapKind::Delalloc => 2,
        MapKind::Mapped => 3,
        MapKind::Unwritten => 4,
    }
}

const fn kind_from(code: u16) -> Option<MapKind> {
    Some(match code {
        1 => MapKind::Hole,
        2 => MapKind::Delalloc,
        3 => MapKind::Mapped,
        4 => MapKind::Unwritten,
        _ => return None,
    })
}

const fn direction_code(direction: Direction) -> u16 {
    match direction {
        Direction::Read => 0,
        Direction::Write => 1,
    }
}

const fn record(code: u8, small: u16, word: u32, args: [u64; 3]) -> Record {
    Record { layer: Layer::Iomap, code, small, word, args }
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        match event {
            Event::MapAsk { intent, context, pos, length } => {
                record(1, intent.bits(), context as u32, [pos, length, 0])
            }
            Event::MapAnswer { kind, flags, offset, length, block } => {
                record(2, kind_code(kind), flags.bits().into(), [offset, length, block])
            }
            Event::MapRefused { errno, pos } => record(3, errno.number(), 0, [pos, 0, 0]),
            Event::IoBegin { engine, direction, context, pos, bytes } => {
                let small = (engine as u16) << 8 | direction_code(direction);
                record(4, small, context as u32, [pos, bytes, 0])
            }
            Event::IoEnd { engine, pos, bytes } => record(5, engine as u16, 0, [pos, bytes, 0]),
            Event::IoFailed { engine, errno, kind, learned_by, pos } => {
                let who = [engine as u8, kind.code(), learned_by as u8, 0];
                record(6, errno.number(), u32::from_le_bytes(who), [pos, 0, 0])
            }
            Event::EndIo { end, context, pos, length } => {
                record(7, end.bits().into(), context as u32, [pos, length, 0])
            }
            Event::EndIoDone { errno, pos } => {
                record(8, errno.map_or(0, Errno::number), 0, [pos, 0, 0])
            }
            Event::Activated { extents, pages } => record(9, 0, extents, [pages, 0, 0]),
            Event::ActivateRefused { errno, reason, pos } => {
                record(10, errno.number(), reason.into(), [pos, 0, 0])
            }
            Event::IoendSubmit { kind, context, pos, bytes, block } => {
                record(32, kind as u16, context as u32, [pos, bytes, block])
            }
            Event::IoendDone { kind, context, errno, pos, bytes } => {
                let errno = errno.map_or(0, Errno::number);
                record(33, kind as u16, context as u32, [pos, bytes, errno.into()])
            }
        }
    }
}

impl Event {
    /// The event that this record stands for; `None` if it is none of this layer.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        if record.layer != Layer::Iomap {
            return None;
        }
        let Record { small, word, args: [first, second, third], .. } = *record;
        let context = || Context::from_u8(u8::try_from(word).ok()?);
        Some(match record.code {
            1 => Self::MapAsk {
                intent: Intent::from_bits(small)?,
                context: context()?,
                pos: first,
                length: second,
            },
            2 => Self::MapAnswer {
                kind: kind_from(small)?,
                flags: MapFlags::from_bits(u8::try_from(word).ok()?)?,
                offset: first,
                length: second,
                block: third,
            },
            3 => Self::MapRefused { errno: Errno::from_number(small)?, pos: first },
            4 => Self::IoBegin {
                engine: Engine::from_u16(small >> 8)?,
                direction: match small & 0xff {
                    0 => Direction::Read,
                    1 => Direction::Write,
                    _ => return None,
                },
                context: context()?,
                pos: first,
                bytes: second,
            },
            5 => Self::IoEnd { engine: Engine::from_u16(small)?, pos: first, bytes: second },
            6 => {
                let [engine, kind, learned_by, _] = word.to_le_bytes();
                Self::IoFailed {
                    engine: Engine::from_u16(engine.into())?,
                    errno: Errno::from_number(small)?,
                    kind: FailureKind::from_code(kind)?,
                    learned_by: Layer::from_u8(learned_by)?,
                    pos: first,
                }
            }
            7 => Self::EndIo {
                end: DioEnd::from_bits(u8::try_from(small).ok()?)?,
                context: context()?,
                pos: first,
                length: second,
            },
            8 => Self::EndIoDone {
                errno: if small == 0 { None } else { Some(Errno::from_number(small)?) },
                pos: first,
            },
            9 => Self::Activated { extents: word, pages: first },
            10 => Self::ActivateRefused {
                errno: Errno::from_number(small)?,
                reason: u8::try_from(word).ok()?,
                pos: first,
            },
            _ => return Self::decode_writeback(record),
        })
    }

    fn decode_writeback(record: &Record) -> Option<Self> {
        let Record { small, word, args: [first, second, third], .. } = *record;
        let context = || Context::from_u8(u8::try_from(word).ok()?);
        Some(match record.code {
            32 => Self::IoendSubmit {
                kind: IoendKind::from_code(small)?,
                context: context()?,
                pos: first,
                bytes: second,
                block: third,
            },
            33 => Self::IoendDone {
                kind: IoendKind::from_code(small)?,
                context: context()?,
                errno: match third {
                    0 => None,
                    number => Some(Errno::from_number(u16::try_from(number).ok()?)?),
                },
                pos: first,
                bytes: second,
            },
            _ => return None,
        })
    }

    /// The event for an answer of a mapping callback.
    pub(crate) fn answer(map: &Iomap) -> Self {
        Self::MapAnswer {
            kind: map.kind,
            flags: map.flags,
            offset: map.offset,
            length: map.length,
            block: map.block.unwrap_or(0),
        }
    }
}

impl Engine {
    const fn from_u16(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Dio),
            2 => Some(Self::Swap),
            3 => Some(Self::Buffered),
            _ => None,
        }
    }
}
