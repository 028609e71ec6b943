//! PRP entries and lists to ranges of memory.
// Spec: NVMe-Base-2.0c 4.1.1 "Physical Region Page Entry and List"

use nvme_spec::{prp, status};

use super::{Segment, Segments, push};
use crate::GuestMemory;
use crate::failure::{Failure, byte};

fn bad_offset(at: u8) -> Failure {
    Failure::permanent(status::PRP_OFFSET_INVALID).at(at)
}

/// The memory of a transfer of `length` bytes.
///
/// # Errors
/// PRP Offset Invalid for an entry or list pointer that is not aligned; Data Transfer Error for a list
/// that is not in memory.
pub(super) fn walk(
    memory: &dyn GuestMemory,
    prp1: u64,
    prp2: u64,
    length: u64,
    page_bytes: u64,
) -> Result<Segments, Failure> {
    if prp1 & 3 != 0 {
        return Err(bad_offset(byte::PRP1));
    }
    let first = page_bytes.saturating_sub(prp::page_offset(prp1, page_bytes)).min(length);
    let one = Segment::Memory { address: prp1, length: first };
    let left = length.saturating_sub(first);
    if left == 0 {
        return Ok(Segments::One(one));
    }
    let mut segments = vec![one];
    if left <= page_bytes {
        if prp::page_offset(prp2, page_bytes) != 0 {
            return Err(bad_offset(byte::PRP2));
        }
        push(&mut segments, prp2, left);
        return Ok(Segments::Any(segments));
    }
    walk_list(memory, prp2, left, page_bytes, &mut segments)?;
    Ok(Segments::Any(segments))
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

#[cfg(test)]
mod tests;
