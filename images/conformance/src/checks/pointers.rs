//! Data pointers: every shape that PRP entries and lists can have.
// Spec: NVMe-Base-2.0c 4.1.1 "Physical Region Page Entry and List"

use alloc::vec::Vec;

use hal::{DmaBuf, PAGE_BYTES, Platform};
use nvme_spec::{Sqe, status};

use super::checks;
use crate::bench::{Bench, NSID, POISON};
use crate::verdict::{Outcome, ensure, need};

checks![
    one_entry_with_an_offset,
    two_entries_of_which_the_first_has_an_offset,
    a_list_at_the_start_of_its_page,
    a_list_that_begins_inside_its_page,
    a_list_that_goes_on_in_another_page,
    pages_in_any_order,
    the_largest_transfer,
    an_entry_with_an_offset_where_none_may_be,
    memory_that_is_not_there_is_a_transfer_error,
    a_transfer_ends_where_it_should,
];

/// Bytes of a PRP entry.
const ENTRY: usize = 8;
/// An address where no machine has memory.
const NOWHERE: u64 = 1 << 46;

/// Writes these entries to the list pages, from byte `at` on; returns the list's address.
fn list<P: Platform>(bench: &Bench<'_, P>, at: usize, entries: &[u64]) -> u64 {
    for (index, entry) in entries.iter().enumerate() {
        bench.list.write(at + index * ENTRY, &entry.to_le_bytes());
    }
    bench.list.iova().0 + at as u64
}

/// The addresses of data pages.
fn pages<P: Platform>(bench: &Bench<'_, P>, pages: impl Iterator<Item = usize>) -> Vec<u64> {
    pages.map(|page| bench.at(page * PAGE_BYTES)).collect()
}

/// Whether the controller moves so many pages with one command.
fn need_transfer<P: Platform>(bench: &Bench<'_, P>, pages: usize) -> Outcome {
    let mdts = u32::from(bench.controller.mdts);
    need(mdts == 0 || pages <= 1_usize.wrapping_shl(mdts), "MDTS is less than the shape needs")
}

/// Writes `length` bytes of the data pages from `offset` on through contiguous entries, reads them to
/// the same place through `prp1` and `prp2`, and compares.
fn reads_back<P: Platform>(
    bench: &mut Bench<'_, P>,
    offset: usize,
    length: usize,
    (prp1, prp2): (u64, u64),
) -> Outcome {
    need(length.is_multiple_of(bench.lba_bytes), "blocks too large for the shape")?;
    need_transfer(bench, length / PAGE_BYTES)?;
    let nlb_z = (length / bench.lba_bytes - 1) as u16;
    bench.fill(offset, length, 0x33);
    bench.io_ok(Sqe::write(NSID, 16, nlb_z, false).with_prp(prp1, prp2))?;
    bench.data.write(offset, &alloc::vec![POISON; length]);
    bench.io_ok(Sqe::read(NSID, 16, nlb_z).with_prp(prp1, prp2))?;
    ensure!(bench.holds(offset, length, 0x33), "other data than was written");
    Ok(())
}

fn one_entry_with_an_offset<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let (offset, prp1) = (0x204, bench.at(0x204));
    reads_back(bench, offset, 512, (prp1, 0))
}

fn two_entries_of_which_the_first_has_an_offset<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let pointer = (bench.at(0x600), bench.at(PAGE_BYTES));
    reads_back(bench, 0x600, PAGE_BYTES, pointer)
}

fn a_list_at_the_start_of_its_page<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let entries = pages(bench, 1..5);
    let pointer = (bench.at(0x800), list(bench, 0, &entries));
    reads_back(bench, 0x800, 4 * PAGE_BYTES, pointer)
}

fn a_list_that_begins_inside_its_page<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let entries = pages(bench, 1..5);
    let pointer = (bench.at(0), list(bench, 0x7a8, &entries));
    reads_back(bench, 0, 5 * PAGE_BYTES, pointer)
}

fn a_list_that_goes_on_in_another_page<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let last_two = PAGE_BYTES - 2 * ENTRY;
    let second = list(bench, PAGE_BYTES, &pages(bench, 2..6));
    // The last entry of a page that does not end the list leads to the next page.
    let first = list(bench, last_two, &[bench.at(PAGE_BYTES), second]);
    let pointer = (bench.at(0), first);
    reads_back(bench, 0, 6 * PAGE_BYTES, pointer)
}

fn pages_in_any_order<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need_transfer(bench, 4)?;
    let nlb_z = 4 * bench.page_blocks() - 1;
    bench.fill(0, 4 * PAGE_BYTES, 0x44);
    let forward = list(bench, 0, &pages(bench, 1..4));
    bench.io_ok(Sqe::write(NSID, 0, nlb_z, false).with_prp(bench.at(0), forward))?;
    // Page 9 first, then down to 6.
    let backward = list(bench, 0x100, &pages(bench, (6..9).rev()));
    let prp1 = bench.at(9 * PAGE_BYTES);
    bench.io_ok(Sqe::read(NSID, 0, nlb_z).with_prp(prp1, backward))?;
    let expected = bench.bytes(0, 4 * PAGE_BYTES);
    for (page, chunk) in expected.chunks(PAGE_BYTES).enumerate() {
        let found = bench.bytes((9 - page) * PAGE_BYTES, PAGE_BYTES);
        ensure!(found == chunk, "page {page} is not where it was asked for");
    }
    Ok(())
}

fn the_largest_transfer<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    // MDTS or what the bench has memory for.
    let mdts = match u32::from(bench.controller.mdts) {
        limit @ 1..7 => limit,
        _ => 7,
    };
    let count = 1 << mdts;
    let entries = pages(bench, 1..count);
    // The second of two pages is not in a list.
    let rest = if let [second] = entries[..] { second } else { list(bench, 0, &entries) };
    let pointer = (bench.at(0), rest);
    reads_back(bench, 0, count * PAGE_BYTES, pointer)
}

fn an_entry_with_an_offset_where_none_may_be<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need_transfer(bench, 3)?;
    let two = 2 * bench.page_blocks() - 1;
    let sqe = Sqe::read(NSID, 0, two).with_prp(bench.at(0), bench.at(PAGE_BYTES + 0x200));
    bench.io_fails(sqe, status::PRP_OFFSET_INVALID)?;
    let entries = [bench.at(PAGE_BYTES), bench.at(2 * PAGE_BYTES + 0x200)];
    let three = 3 * bench.page_blocks() - 1;
    let sqe = Sqe::read(NSID, 0, three).with_prp(bench.at(0), list(bench, 0, &entries));
    bench.io_fails(sqe, status::PRP_OFFSET_INVALID)
}

fn memory_that_is_not_there_is_a_transfer_error<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let read = Sqe::read(NSID, 0, bench.page_blocks() - 1).with_prp(NOWHERE, 0);
    bench.io_fails(read, status::DATA_TRANSFER_ERROR)?;
    let write = Sqe::write(NSID, 0, bench.page_blocks() - 1, false).with_prp(NOWHERE, 0);
    bench.io_fails(write, status::DATA_TRANSFER_ERROR)?;
    // The list itself is not there.
    need_transfer(bench, 3)?;
    let three = 3 * bench.page_blocks() - 1;
    let read = Sqe::read(NSID, 0, three).with_prp(bench.at(0), NOWHERE);
    bench.io_fails(read, status::DATA_TRANSFER_ERROR)?;
    // The controller goes on.
    bench.write_block(0, 1)
}

fn a_transfer_ends_where_it_should<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let length = bench.lba_bytes;
    bench.io_ok(Sqe::write(NSID, 2, 0, false).with_prp(bench.at(0), 0))?;
    bench.data.write(0, &[0x11; 3 * PAGE_BYTES]);
    bench.io_ok(Sqe::read(NSID, 2, 0).with_prp(bench.at(PAGE_BYTES), 0))?;
    let before = bench.bytes(0, PAGE_BYTES);
    let after = bench.bytes(PAGE_BYTES + length, PAGE_BYTES);
    let is_calm = before.iter().chain(&after).all(|byte| *byte == 0x11);
    ensure!(is_calm, "bytes around the transfer changed");
    Ok(())
}
