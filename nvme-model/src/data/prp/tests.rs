use std::cell::RefCell;
use std::collections::BTreeMap;

use nvme_spec::status;

use super::*;
use crate::BadAddress;

/// Memory by quadwords; anything else is a bad address. Notes what was read.
#[derive(Default)]
struct Lists {
    words: BTreeMap<u64, u64>,
    reads: RefCell<Vec<(u64, usize)>>,
}

impl Lists {
    fn put(&mut self, at: u64, entries: &[u64]) {
        for (address, entry) in (at..).step_by(8).zip(entries) {
            self.words.insert(address, *entry);
        }
    }
}

impl GuestMemory for Lists {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.reads.borrow_mut().push((address, dst.len()));
        for (at, word) in (address..).step_by(8).zip(dst.chunks_mut(8)) {
            let value = self.words.get(&at).ok_or(BadAddress { address: at })?;
            word.copy_from_slice(&value.to_le_bytes());
        }
        Ok(())
    }

    fn write(&self, address: u64, _src: &[u8]) -> Result<(), BadAddress> {
        Err(BadAddress { address })
    }
}

const PAGE: u64 = 4096;

/// Data page number `i`, far from every other, so that segments never join.
fn page(i: u64) -> u64 {
    0x10_0000 + i * 2 * PAGE
}

/// The transfer of `pages` pages whose list begins `before_end` entries before a page end.
fn transfer(pages: u64, before_end: u64) -> Result<Segments, Failure> {
    let mut lists = Lists::default();
    let mut at = 0x9000 + PAGE - before_end * 8;
    let mut next_list = 0x20_0000_0000;
    let mut left: Vec<u64> = (1..pages).map(page).collect();
    loop {
        let room = ((PAGE - at % PAGE) / 8) as usize;
        if left.len() <= room {
            lists.put(at, &left);
            break;
        }
        let rest = left.split_off(room - 1);
        lists.put(at, &left);
        lists.put(at + 8 * (room as u64 - 1), &[next_list]);
        at = next_list;
        next_list += 2 * PAGE;
        left = rest;
    }
    walk(&lists, page(0), 0x9000 + PAGE - before_end * 8, pages * PAGE, PAGE)
}

#[test]
fn a_list_with_an_offset_in_its_page_chains_at_the_page_end() {
    for before_end in [1, 2, 3, 5, 511, 512] {
        for pages in [3, 4, 6, 7, 512, 513, 514, 1025, 1500] {
            let segments = transfer(pages, before_end).expect("a valid list");
            let expected: Vec<Segment> =
                (0..pages).map(|i| Segment::Memory { address: page(i), length: PAGE }).collect();
            assert_eq!(*segments, expected, "{pages} pages, {before_end} entries before the end");
        }
    }
}

#[test]
fn no_more_of_a_list_is_read_than_the_transfer_needs() {
    let mut lists = Lists::default();
    lists.put(0x9ff0, &[page(1), page(2)]);
    walk(&lists, page(0), 0x9ff0, 3 * PAGE, PAGE).expect("a valid list");
    assert_eq!(*lists.reads.borrow(), [(0x9ff0, 16)]);
}

#[test]
fn a_first_page_with_an_offset_takes_one_more_entry() {
    let segments = walk(&Lists::default(), 0x1ffc, 0x8000, PAGE, PAGE).expect("two entries");
    assert_eq!(
        *segments,
        [
            Segment::Memory { address: 0x1ffc, length: 4 },
            Segment::Memory { address: 0x8000, length: PAGE - 4 }
        ]
    );
}

#[test]
fn misaligned_entries_are_prp_offset_invalid_and_never_a_panic() {
    let code = |prp1, prp2, length| {
        walk(&Lists::default(), prp1, prp2, length, PAGE).expect_err("bad").status.code
    };
    assert_eq!(code(0x1001, 0, 512), status::PRP_OFFSET_INVALID);
    assert_eq!(code(0x1002, 0, 512), status::PRP_OFFSET_INVALID);
    assert_eq!(code(0x1000, 0x2008, 2 * PAGE), status::PRP_OFFSET_INVALID);
    assert_eq!(code(0x1000, 0x2004, 3 * PAGE), status::PRP_OFFSET_INVALID);
    let mut lists = Lists::default();
    lists.put(0x9000, &[0x3000, 0x4010]);
    let failure = walk(&lists, 0x1000, 0x9000, 3 * PAGE, PAGE).expect_err("bad");
    assert_eq!(failure.status.code, status::PRP_OFFSET_INVALID);
}

#[test]
fn a_list_that_chains_to_itself_ends() {
    let mut lists = Lists::default();
    lists.put(0x9ff8, &[0x9ff8]);
    let failure = walk(&lists, 0x1000, 0x9ff8, 5 * PAGE, PAGE).expect_err("not a page");
    assert_eq!(failure.status.code, status::PRP_OFFSET_INVALID);
    // A page that chains to its own start describes data again and again, but only as much as asked.
    let mut entries = vec![0x5000; 511];
    entries.push(0x9000);
    lists.put(0x9000, &entries);
    let total: u64 = walk(&lists, 0x1000, 0x9000, 2000 * PAGE, PAGE)
        .expect("a loop of data")
        .iter()
        .map(|segment| segment.length())
        .sum();
    assert_eq!(total, 2000 * PAGE);
}

#[test]
fn a_list_outside_of_memory_is_a_data_transfer_error() {
    let failure = walk(&Lists::default(), 0x1000, 0x9000, 3 * PAGE, PAGE).expect_err("bad");
    assert_eq!(failure.status.code, status::DATA_TRANSFER_ERROR);
}

#[test]
fn every_offset_of_every_pointer_is_good_or_bad_as_the_standard_says() {
    let mut lists = Lists::default();
    lists.put(0x8000, &vec![0x5000; 1024]);
    lists.put(0x5000, &[0x6000; 2]);
    let is_good = |prp1, prp2, length| match walk(&lists, prp1, prp2, length, PAGE) {
        Ok(_) => true,
        Err(failure) => {
            assert_eq!(failure.status.code, status::PRP_OFFSET_INVALID);
            false
        }
    };
    for offset in 0..PAGE {
        let is_dword = offset % 4 == 0;
        assert_eq!(is_good(0x1000 + offset, 0, PAGE - offset), is_dword, "PRP1 of one page");
        assert_eq!(is_good(0x1000, 0x3000 + offset, 2 * PAGE), offset == 0, "PRP2 as a page");
        // The list goes on in the next page of memory only by its last entry, which is a page here.
        let is_list = offset % 8 == 0;
        assert_eq!(is_good(0x1000, 0x8000 + offset, 3 * PAGE), is_list, "PRP2 as a list");
    }
    for low in 0..8 {
        assert!(is_good(0x1000, low, PAGE), "PRP2 is not looked at");
    }
}
