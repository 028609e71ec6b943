//! Scatter gather lists to ranges of memory.
//!
//! Only what Identify Controller promises: data blocks of any alignment, bit buckets, segments; neither
//! keys nor offsets, and a list describes exactly as many bytes as the command moves.
//!
//! Invariant: a list is read once from front to back, and no more of it than [`DESCRIPTORS_MAX`]
//! descriptors, however its segments point to each other.
// Spec: NVMe-Base-2.0c 4.1.2 "Scatter Gather List (SGL)"

use nvme_spec::sgl::{
    DESCRIPTOR_BYTES, KIND_BIT_BUCKET, KIND_DATA_BLOCK, KIND_LAST_SEGMENT, KIND_SEGMENT,
    SUBTYPE_ADDRESS, SglDescriptor,
};
use nvme_spec::{StatusCode, status};

use super::{Direction, Segment, push};
use crate::GuestMemory;

/// Descriptors of one command: one for every 512 bytes of the largest transfer there is.
const DESCRIPTORS_MAX: u64 = 8192;

/// Descriptors that are read at a time.
const READ_MAX: u64 = 256;

/// The memory of a data transfer whose list begins with the descriptor in the command.
pub(super) fn walk(
    memory: &dyn GuestMemory,
    first: &SglDescriptor,
    length: u64,
    direction: Direction,
) -> Result<Vec<Segment>, StatusCode> {
    let mut walk = Walk::new(memory, direction, length, status::DATA_SGL_LENGTH_INVALID);
    walk.begin(first)?;
    walk.end()
}

/// The memory of a metadata transfer whose first descriptor is at `address`.
pub(super) fn walk_from(
    memory: &dyn GuestMemory,
    address: u64,
    length: u64,
    direction: Direction,
) -> Result<Vec<Segment>, StatusCode> {
    if address & 7 != 0 {
        return Err(status::SGL_SEGMENT_INVALID);
    }
    let first = read(memory, address, 1)?.first().copied().unwrap_or_default();
    let mut walk = Walk::new(memory, direction, length, status::METADATA_SGL_LENGTH_INVALID);
    walk.begin(&first)?;
    walk.end()
}

struct Walk<'a> {
    memory: &'a dyn GuestMemory,
    direction: Direction,
    /// Bytes that are not described yet.
    left: u64,
    descriptors_left: u64,
    segments: Vec<Segment>,
    /// What a list of another length than the transfer's is.
    bad_length: StatusCode,
}

impl<'a> Walk<'a> {
    fn new(
        memory: &'a dyn GuestMemory,
        direction: Direction,
        length: u64,
        bad_length: StatusCode,
    ) -> Self {
        let (left, descriptors_left, segments) = (length, DESCRIPTORS_MAX, Vec::new());
        Self { memory, direction, left, descriptors_left, segments, bad_length }
    }

    fn begin(&mut self, first: &SglDescriptor) -> Result<(), StatusCode> {
        if !is_pointer(first) {
            return self.add(first);
        }
        let mut next = Some(*first);
        while let Some(pointer) = next {
            next = self.walk_segment(&pointer)?;
        }
        Ok(())
    }

    /// Walks the descriptors that `pointer` points to; returns the pointer to the next ones.
    fn walk_segment(
        &mut self,
        pointer: &SglDescriptor,
    ) -> Result<Option<SglDescriptor>, StatusCode> {
        check_kind(pointer)?;
        let is_last_segment = pointer.kind() == KIND_LAST_SEGMENT;
        let (mut at, bytes) = (pointer.address.get(), u64::from(pointer.length.get()));
        let unit = DESCRIPTOR_BYTES as u64;
        if bytes == 0 || bytes.checked_rem(unit) != Some(0) || at & 7 != 0 {
            return Err(status::SGL_SEGMENT_INVALID);
        }
        let mut count = bytes.checked_div(unit).unwrap_or(0);
        self.descriptors_left =
            self.descriptors_left.checked_sub(count).ok_or(status::SGL_COUNT_INVALID)?;
        while count > 0 {
            let now = count.min(READ_MAX);
            for descriptor in read(self.memory, at, now)? {
                count = count.saturating_sub(1);
                match (is_pointer(&descriptor), count == 0, is_last_segment) {
                    // Only the last descriptor of a segment points on, and that of the last one does not.
                    (true, true, false) => return Ok(Some(descriptor)),
                    (true, _, _) => return Err(status::SGL_COUNT_INVALID),
                    (false, true, false) => return Err(status::SGL_SEGMENT_INVALID),
                    (false, _, _) => self.add(&descriptor)?,
                }
            }
            at = at.saturating_add(now.saturating_mul(unit));
        }
        Ok(None)
    }

    /// Takes a descriptor of bytes.
    fn add(&mut self, descriptor: &SglDescriptor) -> Result<(), StatusCode> {
        check_kind(descriptor)?;
        let is_bucket = descriptor.kind() == KIND_BIT_BUCKET;
        // A host has nothing in a bucket to send: its length does not count then.
        let is_ignored = is_bucket && self.direction == Direction::FromHost;
        let length = u64::from(descriptor.length.get());
        if length == 0 || is_ignored {
            return Ok(());
        }
        self.left = self.left.checked_sub(length).ok_or(self.bad_length)?;
        if is_bucket {
            self.segments.push(Segment::Bucket { length });
            return Ok(());
        }
        let address = descriptor.address.get();
        if address.checked_add(length.saturating_sub(1)).is_none() {
            return Err(status::DATA_TRANSFER_ERROR);
        }
        push(&mut self.segments, address, length);
        Ok(())
    }

    fn end(self) -> Result<Vec<Segment>, StatusCode> {
        if self.left > 0 { Err(self.bad_length) } else { Ok(self.segments) }
    }
}

/// Whether a descriptor is about other descriptors.
fn is_pointer(descriptor: &SglDescriptor) -> bool {
    matches!(descriptor.kind(), KIND_SEGMENT | KIND_LAST_SEGMENT)
}

fn check_kind(descriptor: &SglDescriptor) -> Result<(), StatusCode> {
    let is_known =
        is_pointer(descriptor) || matches!(descriptor.kind(), KIND_DATA_BLOCK | KIND_BIT_BUCKET);
    if is_known && descriptor.subtype() == SUBTYPE_ADDRESS {
        return Ok(());
    }
    Err(status::SGL_TYPE_INVALID)
}

fn read(memory: &dyn GuestMemory, at: u64, count: u64) -> Result<Vec<SglDescriptor>, StatusCode> {
    let bytes = usize::try_from(count).unwrap_or(0).saturating_mul(DESCRIPTOR_BYTES);
    let mut raw = vec![0; bytes];
    memory.read(at, &mut raw).map_err(|_| status::DATA_TRANSFER_ERROR)?;
    let (descriptors, _) = raw.as_chunks::<DESCRIPTOR_BYTES>();
    Ok(descriptors.iter().map(|bytes| SglDescriptor::from_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests;
