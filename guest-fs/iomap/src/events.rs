//! What this library puts into the trace.

use core::fmt;

use hal::trace::{Layer, Record};

use crate::{Context, DioEnd, Direction, Errno, FailureKind, Intent, Iomap, MapFlags, MapKind};

/// Which loop runs an I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Engine {
    /// `dio_rw`.
    Dio = 1,
    /// `swap_rw`.
    Swap = 2,
}

/// An event of [`Layer::Iomap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A mapping callback is asked.
    MapAsk {
        /// For what.
        intent: Intent,
        /// On whose behalf.
        context: Context,
        /// First byte in the file.
        pos: u64,
        /// Bytes wanted.
        length: u64,
    },
    /// It answered with a mapping (the part from the position asked for on is meant).
    MapAnswer {
        /// What is there.
        kind: MapKind,
        /// What is special about it.
        flags: MapFlags,
        /// First byte in the file.
        offset: u64,
        /// Bytes.
        length: u64,
        /// Device block of `offset`; 0 if there is none.
        block: u64,
    },
    /// It refused.
    MapRefused {
        /// How.
        errno: Errno,
        /// First byte in the file.
        pos: u64,
    },
    /// An I/O starts.
    IoBegin {
        /// Which loop.
        engine: Engine,
        /// Which way.
        direction: Direction,
        /// On whose behalf.
        context: Context,
        /// First byte in the file.
        pos: u64,
        /// Bytes.
        bytes: u64,
    },
    /// An I/O is over and was right.
    IoEnd {
        /// Which loop.
        engine: Engine,
        /// First byte in the file.
        pos: u64,
        /// Bytes.
        bytes: u64,
    },
    /// An I/O is over and failed.
    IoFailed {
        /// Which loop.
        engine: Engine,
        /// What the caller gets.
        errno: Errno,
        /// At which point.
        kind: FailureKind,
        /// Who found out.
        learned_by: Layer,
        /// First byte in the file that is concerned.
        pos: u64,
    },
    /// The filesystem is told that a direct write is on the device.
    EndIo {
        /// What is left to do.
        end: DioEnd,
        /// On whose behalf.
        context: Context,
        /// First byte in the file.
        pos: u64,
        /// Bytes.
        length: u64,
    },
    /// The filesystem has done it (`None`), or could not.
    EndIoDone {
        /// What the writer gets.
        errno: Option<Errno>,
        /// First byte in the file.
        pos: u64,
    },
    /// A swap file was found usable.
    Activated {
        /// Runs of blocks.
        extents: u32,
        /// Pages in all of them.
        pages: u64,
    },
    /// A swap file was refused.
    ActivateRefused {
        /// How.
        errno: Errno,
        /// Why: `ActivateReason::code`.
        reason: u8,
        /// First byte in the file that is concerned.
        pos: u64,
    },
}

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
    Record {
        layer: Layer::Iomap,
        code,
        small,
        word,
        args,
    }
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        match event {
            Event::MapAsk {
                intent,
                context,
                pos,
                length,
            } => record(1, intent.bits(), context as u32, [pos, length, 0]),
            Event::MapAnswer {
                kind,
                flags,
                offset,
                length,
                block,
            } => record(
                2,
                kind_code(kind),
                flags.bits().into(),
                [offset, length, block],
            ),
            Event::MapRefused { errno, pos } => record(3, errno.number(), 0, [pos, 0, 0]),
            Event::IoBegin {
                engine,
                direction,
                context,
                pos,
                bytes,
            } => {
                let small = (engine as u16) << 8 | direction_code(direction);
                record(4, small, context as u32, [pos, bytes, 0])
            }
            Event::IoEnd { engine, pos, bytes } => record(5, engine as u16, 0, [pos, bytes, 0]),
            Event::IoFailed {
                engine,
                errno,
                kind,
                learned_by,
                pos,
            } => {
                let who = [engine as u8, kind.code(), learned_by as u8, 0];
                record(6, errno.number(), u32::from_le_bytes(who), [pos, 0, 0])
            }
            Event::EndIo {
                end,
                context,
                pos,
                length,
            } => record(7, end.bits().into(), context as u32, [pos, length, 0]),
            Event::EndIoDone { errno, pos } => {
                record(8, errno.map_or(0, Errno::number), 0, [pos, 0, 0])
            }
            Event::Activated { extents, pages } => record(9, 0, extents, [pages, 0, 0]),
            Event::ActivateRefused { errno, reason, pos } => {
                record(10, errno.number(), reason.into(), [pos, 0, 0])
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
        let Record {
            small,
            word,
            args: [first, second, third],
            ..
        } = *record;
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
            3 => Self::MapRefused {
                errno: Errno::from_number(small)?,
                pos: first,
            },
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
            5 => Self::IoEnd {
                engine: Engine::from_u16(small)?,
                pos: first,
                bytes: second,
            },
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
                errno: if small == 0 {
                    None
                } else {
                    Some(Errno::from_number(small)?)
                },
                pos: first,
            },
            9 => Self::Activated {
                extents: word,
                pages: first,
            },
            10 => Self::ActivateRefused {
                errno: Errno::from_number(small)?,
                reason: u8::try_from(word).ok()?,
                pos: first,
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
            _ => None,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dio => "dio_rw",
            Self::Swap => "swap_rw",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MapAsk {
                intent,
                context,
                pos,
                length,
            } => {
                write!(f, "map? {pos}+{length} ")?;
                bitflags::parser::to_writer(intent, &mut *f)?;
                write!(f, " for {context:?}")
            }
            Self::MapAnswer {
                kind,
                flags,
                offset,
                length,
                block,
            } => {
                write!(f, "map: {offset}+{length} {kind:?} at block {block} ")?;
                bitflags::parser::to_writer(flags, &mut *f)
            }
            Self::MapRefused { errno, pos } => write!(f, "map: {pos} refused with {errno}"),
            Self::IoBegin {
                engine,
                direction,
                context,
                pos,
                bytes,
            } => {
                write!(f, "{engine} {direction:?} {pos}+{bytes} for {context:?}")
            }
            Self::IoEnd { engine, pos, bytes } => write!(f, "{engine} {pos}+{bytes} done"),
            Self::IoFailed {
                engine,
                errno,
                kind,
                learned_by,
                pos,
            } => {
                write!(
                    f,
                    "{engine} {errno} at {pos}, {kind:?}, learned by {learned_by:?}"
                )
            }
            Self::EndIo {
                end,
                context,
                pos,
                length,
            } => {
                write!(f, "end_io {pos}+{length} ")?;
                bitflags::parser::to_writer(end, &mut *f)?;
                write!(f, " for {context:?}")
            }
            Self::EndIoDone { errno: None, pos } => write!(f, "end_io {pos} done"),
            Self::EndIoDone {
                errno: Some(errno),
                pos,
            } => write!(f, "end_io {pos} gave {errno}"),
            Self::Activated { extents, pages } => {
                write!(f, "swap file of {pages} pages in {extents} extents")
            }
            Self::ActivateRefused { errno, reason, pos } => {
                write!(
                    f,
                    "swap file refused with {errno}, reason {reason}, at {pos}"
                )
            }
        }
    }
}
