//! The data pointer: PRP entries and lists to a list of memory ranges.
//!
//! Invariant: either the whole transfer is described, or there is an error; never a short list.
// Spec: NVMe-Base-2.0c 4.1.1 "Physical Region Page Entry and List"

use nvme_spec::{prp, status};

use crate::GuestMemory;
use crate::failure::{Failure, byte};

/// A range of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) address: u64,
    pub(crate) length: u64,
}

/// The data pointer of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataPointer {
    pub(crate) prp1: u64,
    pub(crate) prp2: u64,
}

fn bad_offset(at: u8) -> Failure {
    Failure::permanent(status::PRP_OFFSET_INVALID).at(at)
}

/// The memory of a transfer of `length` bytes.
///
/// # Errors
/// PRP Offset Invalid for an entry or list pointer that is not aligned; Data Transfer Error for a list
/// that is not in memory.
pub(crate) fn walk(
    memory: &dyn GuestMemory,
    pointer: DataPointer,
    length: u64,
    page_bytes: u64,
) -> Result<Vec<Segment>, Failure> {
    let DataPointer { prp1, prp2 } = pointer;
    if prp1 & 3 != 0 {
        return Err(bad_offset(byte::PRP1));
    }
    let mut segments = Vec::new();
    let first = page_bytes.saturating_sub(prp::page_offset(prp1, page_bytes)).min(length);
    push(&mut segments, prp1, first);
    let left = length.saturating_sub(first);
    if left == 0 {
        return Ok(segments);
    }
    if left <= page_bytes {
        if prp::page_offset(prp2, page_bytes) != 0 {
            return Err(bad_offset(byte::PRP2));
        }
        push(&mut segments, prp2, left);
        return Ok(segments);
    }
    walk_list(memory, prp2, left, page_bytes, &mut segments)?;
    Ok(segments)
}

/// Walks the list at `list`. Only the first list page may begin at an offset; the pointer from one
/// list page to the next is a page address, so every further page describes data and the walk ends.
fn walk_list(
    memory: &dyn GuestMemory,
    list: u64,
    mut left: u64,
    page_bytes: u64,
    segments: &mut Vec<Segment>,
) -> Result<(), Failure> {
    if list & 7 != 0 {
        return Err(bad_offset(byte::PRP2));
    }
    let mut list = list;
    while left > 0 {
        let room = prp::entries_to_page_end(list, page_bytes);
        let needed = left.div_ceil(page_bytes);
        let count = room.min(needed);
        for (index, entry) in (1..).zip(read_list(memory, list, count)?) {
            if prp::page_offset(entry, page_bytes) != 0 {
                return Err(bad_offset(byte::PRP2));
            }
            // The last entry of a list page is a pointer to the next page if more than it is needed.
            if index == room && needed > room {
                list = entry;
                break;
            }
            let length = left.min(page_bytes);
            push(segments, entry, length);
            left = left.saturating_sub(length);
        }
    }
    Ok(())
}

fn read_list(memory: &dyn GuestMemory, list: u64, count: u64) -> Result<Vec<u64>, Failure> {
    let bytes = usize::try_from(count.saturating_mul(prp::ENTRY_BYTES)).unwrap_or(0);
    let mut raw = vec![0; bytes];
    memory
        .read(list, &mut raw)
        .map_err(|_| Failure::permanent(status::DATA_TRANSFER_ERROR).at(byte::PRP2))?;
    let (entries, _) = raw.as_chunks::<8>();
    Ok(entries.iter().map(|entry| u64::from_le_bytes(*entry)).collect())
}

/// Adds a range, joined to the last one if it goes on where that ends.
fn push(segments: &mut Vec<Segment>, address: u64, length: u64) {
    match segments.last_mut() {
        Some(last) if last.address.checked_add(last.length) == Some(address) => {
            last.length = last.length.saturating_add(length);
        }
        _ => segments.push(Segment { address, length }),
    }
}

/// Copies guest memory to `data`, which is as long as the segments together.
pub(crate) fn gather(
    memory: &dyn GuestMemory,
    segments: &[Segment],
    data: &mut [u8],
) -> Result<(), Failure> {
    let mut rest = data;
    for segment in segments {
        let length = usize::try_from(segment.length).unwrap_or(usize::MAX).min(rest.len());
        let (piece, after) = rest.split_at_mut(length);
        memory
            .read(segment.address, piece)
            .map_err(|_| Failure::permanent(status::DATA_TRANSFER_ERROR))?;
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
        let length = usize::try_from(segment.length).unwrap_or(usize::MAX).min(rest.len());
        let (piece, after) = rest.split_at(length);
        memory
            .write(segment.address, piece)
            .map_err(|_| Failure::permanent(status::DATA_TRANSFER_ERROR))?;
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
