//! What this library puts into the trace.

mod wire;

use core::fmt;

use hal::trace::Layer;

use crate::{Context, DioEnd, Direction, Errno, FailureKind, Intent, IoendKind, MapFlags, MapKind};

/// Which loop runs an I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Engine {
    /// `dio_rw`.
    Dio = 1,
    /// `swap_rw`.
    Swap = 2,
    /// Through the page cache.
    Buffered = 3,
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
    /// Writeback sends an ioend.
    IoendSubmit {
        /// What will be left to do.
        kind: IoendKind,
        /// On whose behalf.
        context: Context,
        /// First byte in the file.
        pos: u64,
        /// Bytes.
        bytes: u64,
        /// First device block.
        block: u64,
    },
    /// An ioend, or neighbours of one kind, are finished.
    IoendDone {
        /// What was left to do.
        kind: IoendKind,
        /// On whose behalf.
        context: Context,
        /// What fsync will tell.
        errno: Option<Errno>,
        /// First byte in the file.
        pos: u64,
        /// Bytes.
        bytes: u64,
    },
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dio => "dio_rw",
            Self::Swap => "swap_rw",
            Self::Buffered => "buffered_rw",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MapAsk { intent, context, pos, length } => {
                write!(f, "map? {pos}+{length} ")?;
                bitflags::parser::to_writer(intent, &mut *f)?;
                write!(f, " for {context:?}")
            }
            Self::MapAnswer { kind, flags, offset, length, block } => {
                write!(f, "map: {offset}+{length} {kind:?} at block {block} ")?;
                bitflags::parser::to_writer(flags, &mut *f)
            }
            Self::MapRefused { errno, pos } => write!(f, "map: {pos} refused with {errno}"),
            Self::IoBegin { engine, direction, context, pos, bytes } => {
                write!(f, "{engine} {direction:?} {pos}+{bytes} for {context:?}")
            }
            Self::IoEnd { engine, pos, bytes } => write!(f, "{engine} {pos}+{bytes} done"),
            Self::IoFailed { engine, errno, kind, learned_by, pos } => {
                write!(f, "{engine} {errno} at {pos}, {kind:?}, learned by {learned_by:?}")
            }
            Self::EndIo { end, context, pos, length } => {
                write!(f, "end_io {pos}+{length} ")?;
                bitflags::parser::to_writer(end, &mut *f)?;
                write!(f, " for {context:?}")
            }
            Self::EndIoDone { errno: None, pos } => write!(f, "end_io {pos} done"),
            Self::EndIoDone { errno: Some(errno), pos } => write!(f, "end_io {pos} gave {errno}"),
            Self::Activated { extents, pages } => {
                write!(f, "swap file of {pages} pages in {extents} extents")
            }
            Self::ActivateRefused { errno, reason, pos } => {
                write!(f, "swap file refused with {errno}, reason {reason}, at {pos}")
            }
            Self::IoendSubmit { kind, context, pos, bytes, block } => {
                write!(f, "ioend {kind:?} {pos}+{bytes} to block {block} for {context:?}")
            }
            Self::IoendDone { kind, errno: None, pos, bytes, .. } => {
                write!(f, "ioend {kind:?} {pos}+{bytes} done")
            }
            Self::IoendDone { kind, errno: Some(errno), pos, bytes, .. } => {
                write!(f, "ioend {kind:?} {pos}+{bytes} gave {errno}")
            }
        }
    }
}
