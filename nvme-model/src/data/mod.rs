//! Data pointers: from the addresses in a command to ranges of guest memory.
//!
//! Everything a command says about memory is walked and checked before the first byte is moved.
//!
//! Invariant: either the whole transfer is described, or there is an error; never a short list.

mod prp;
mod sgl;

use std::ops::Deref;

use nvme_spec::sgl::SglDescriptor;
use nvme_spec::status;

use crate::failure::{Failure, byte};
use crate::{BadAddress, GuestMemory};

/// A part of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Guest memory.
    Memory {
        /// Where it begins.
        address: u64,
        /// Bytes.
        length: u64,
    },
    /// Bytes that the host does not want.
    Bucket {
        /// Bytes.
        length: u64,
    },
}

/// The parts of a transfer, in order. Most have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segments {
    One(Segment),
    Any(Vec<Segment>),
}

impl Default for Segments {
    fn default() -> Self {
        Self::Any(Vec::new())
    }
}

impl Deref for Segments {
    type Target = [Segment];

    fn deref(&self) -> &[Segment] {
        match self {
            Self::One(segment) => std::slice::from_ref(segment),
            Self::Any(segments) => segments,
        }
    }
}

impl Segment {
    fn length(self) -> u64 {
        match self {
            Self::Memory { length, .. } | Self::Bucket { length } => length,
        }
    }

    /// Where it is in guest memory, and how long; `None` for what is thrown away.
    pub(crate) fn memory(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Memory { address, length } => Some((address, length)),
            Self::Bucket { .. } => None,
        }
    }
}

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    FromHost,
    ToHost,
}

/// The data pointer of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataPointer {
    Prp { prp1: u64, prp2: u64 },
    Sgl(SglDescriptor),
}

/// The metadata pointer of a command.
// Spec: NVMe-Base-2.0c 3.3.3.1 "Metadata Pointer (MPTR)"
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetadataPointer {
    /// One buffer. The address is a multiple of the alignment.
    Buffer { address: u64, alignment: u64 },
    /// Where the one descriptor is with which an SGL begins.
    Sgl { address: u64 },
}

impl DataPointer {
    /// The memory of a transfer of `length` bytes.
    ///
    /// # Errors
    /// What is wrong with the pointer or its lists; Data Transfer Error for a list that is not in memory.
    pub(crate) fn segments(
        self,
        memory: &dyn GuestMemory,
        length: u64,
        page_bytes: u64,
        direction: Direction,
    ) -> Result<Segments, Failure> {
        match self {
            Self::Prp { prp1, prp2 } => prp::walk(memory, prp1, prp2, length, page_bytes),
            Self::Sgl(first) => sgl::walk(memory, &first, length, direction)
                .map(Segments::Any)
                .map_err(|code| Failure::permanent(code).at(byte::PRP1)),
        }
    }
}

impl MetadataPointer {
    /// The memory of `length` bytes of metadata.
    ///
    /// # Errors
    /// As [`DataPointer::segments`], and Invalid Field for a buffer that is not aligned.
    pub(crate) fn segments(
        self,
        memory: &dyn GuestMemory,
        length: u64,
        direction: Direction,
    ) -> Result<Segments, Failure> {
        match self {
            Self::Buffer { address, alignment } => {
                if address.checked_rem(alignment) != Some(0) {
                    return Err(Failure::field(byte::MPTR, 0));
                }
                Ok(Segments::One(Segment::Memory { address, length }))
            }
            Self::Sgl { address } => sgl::walk_from(memory, address, length, direction)
                .map(Segments::Any)
                .map_err(|code| Failure::permanent(code).at(byte::MPTR)),
        }
    }
}

/// Adds memory, joined to the last range if it goes on where that ends.
fn push(segments: &mut Vec<Segment>, address: u64, length: u64) {
    match segments.last_mut() {
        Some(Segment::Memory { address: last, length: before })
            if last.checked_add(*before) == Some(address) =>
        {
            *before = before.saturating_add(length);
        }
        _ => segments.push(Segment::Memory { address, length }),
    }
}

fn transfer_error() -> Failure {
    Failure::permanent(status::DATA_TRANSFER_ERROR)
}

/// Copies guest memory to `data`, which is as long as the segments together.
pub(crate) fn gather(
    memory: &dyn GuestMemory,
    segments: &[Segment],
    data: &mut [u8],
) -> Result<(), Failure> {
    gather_by(segments, data, |address, piece| memory.read(address, piece))
}

/// The same for data that nobody looks at soon.
pub(crate) fn gather_past_caches(
    memory: &dyn GuestMemory,
    segments: &[Segment],
    data: &mut [u8],
) -> Result<(), Failure> {
    gather_by(segments, data, |address, piece| memory.read_past_caches(address, piece))
}

fn gather_by(
    segments: &[Segment],
    data: &mut [u8],
    read: impl Fn(u64, &mut [u8]) -> Result<(), BadAddress>,
) -> Result<(), Failure> {
    let mut rest = data;
    for segment in segments {
        let length = usize::try_from(segment.length()).unwrap_or(usize::MAX).min(rest.len());
        let (piece, after) = rest.split_at_mut(length);
        if let Segment::Memory { address, .. } = segment {
            read(*address, piece).map_err(|_| transfer_error())?;
        }
        rest = after;
    }
    Ok(())
}

/// Copies `data` to guest memory.
pub(crate) fn scatter(
    memory: &dyn GuestMemory,
    segments: &[Segment],
    data: &[u8],
) -> Result<(), Failure> {
    let mut rest = data;
    for segment in segments {
        let length = usize::try_from(segment.length()).unwrap_or(usize::MAX).min(rest.len());
        let (piece, after) = rest.split_at(length);
        if let Segment::Memory { address, .. } = segment {
            memory.write(*address, piece).map_err(|_| transfer_error())?;
        }
        rest = after;
    }
    Ok(())
}
