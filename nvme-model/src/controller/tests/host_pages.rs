//! Hosts whose pages are larger than 4 KiB: CC.MPS up to what CAP says.

use nvme_spec::{Sqe, register as reg, status};

use crate::rig::Rig;
use crate::{Config, FaultPlan, GuestMemory};

/// Where the data pages of a transfer are, none next to another, and its list and what the list goes on in.
const SCATTERED: u64 = 0x100_0000;
const LIST: u64 = 0x200_0000;
const NEXT_LIST: u64 = 0x210_0000;
const SHADOWS: u64 = 0x220_0000;

/// Where the data begin in their first page.
const OFFSET: u64 = 512;
const UNTOUCHED: u8 = 0xee;

/// The page sizes that the controller takes, as CC.MPS has them.
fn sizes() -> std::ops::RangeInclusive<u32> {
    let mut rig = Rig::off(Config::default(), FaultPlan::none());
    // Spec: NVMe-Base-2.0c 3.1.3.1 "Offset 0h: CAP", MPSMIN and MPSMAX
    let limits = rig.read32(reg::CAP + 4) >> 16;
    (limits & 0xf)..=(limits >> 4 & 0xf)
}

/// An enabled controller with these pages, a queue pair, and the pages' size in bytes.
fn rig(mps: u32, config: Config) -> (Rig, u64) {
    let page = 4096 << mps;
    let mut rig = Rig::off(config, FaultPlan::none());
    rig.page_bytes = page;
    // Rings of more queues than one, and pages for data.
    rig.memory.grant(0x8_0000, 0x8_0000);
    for at in 0..8 {
        rig.memory.grant(SCATTERED + at * 2 * page, page);
    }
    for at in [LIST, NEXT_LIST, SHADOWS, SHADOWS + page] {
        rig.memory.grant(at, page);
    }
    rig.enable_as(0x0046_0001 | mps << 7);
    rig.create_pair(1, 1);
    (rig, page)
}

/// A transfer of so many bytes from [`OFFSET`] in the first page on.
struct Transfer {
    page: u64,
    bytes: u64,
}

impl Transfer {
    fn address(page: u64, index: u64) -> u64 {
        SCATTERED + index * 2 * page
    }

    /// Where each part is, and how long.
    fn parts(&self) -> Vec<(u64, usize)> {
        let (mut left, mut parts) = (self.bytes, Vec::new());
        for index in 0.. {
            let offset = if index == 0 { OFFSET } else { 0 };
            let length = left.min(self.page - offset);
            parts.push((Self::address(self.page, index) + offset, length as usize));
            left -= length;
            if left == 0 {
                break;
            }
        }
        parts
    }

    /// The command with its pointers: a page, two, or a list that goes on in another page.
    fn point(&self, rig: &Rig, sqe: Sqe) -> Sqe {
        let parts = self.parts();
        let rest: Vec<u64> = parts.iter().skip(1).map(|(address, _)| *address).collect();
        let put = |at: u64, entries: &[u64]| {
            let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
            rig.memory_write(at, &bytes);
        };
        let second = match rest[..] {
            [] => 0,
            [second] => second,
            [first, second, ref others @ ..] => {
                let list = LIST + self.page - 3 * 8;
                put(list, &[first, second, NEXT_LIST]);
                put(NEXT_LIST, others);
                list
            }
        };
        sqe.with_prp(parts[0].0, second)
    }

    fn gather(&self, rig: &Rig) -> Vec<u8> {
        let read = |(address, length)| {
            let mut bytes = vec![0; length];
            rig.memory.read(address, &mut bytes).expect("granted");
            bytes
        };
        self.parts().into_iter().flat_map(read).collect()
    }

    fn fill(&self, rig: &Rig, data: &[u8]) {
        let mut data = data;
        for (address, length) in self.parts() {
            let (now, rest) = data.split_at(length);
            rig.memory_write(address, now);
            data = rest;
        }
    }
}

/// Writes and reads so many bytes through pages of this size.
fn goes_there_and_back(mps: u32, pages: u64) {
    let (mut rig, page) = rig(mps, Config::default());
    let bytes = pages * page;
    let transfer = Transfer { page, bytes };
    let data: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
    let nlb_z = (bytes / 4096 - 1) as u16;
    transfer.fill(&rig, &data);
    let write = transfer.point(&rig, Sqe::write(1, 7, nlb_z, false));
    assert!(rig.run(1, write).0.is_success(), "{page} {pages}");
    // What is on the drive, by pointers to single blocks.
    for (lba, block) in (7..).zip(data.chunks(4096)) {
        assert!(rig.read_block(lba).expect("readable") == block, "{page} {pages} {lba}");
    }
    for index in 0..8 {
        rig.memory_write(Transfer::address(page, index), &vec![UNTOUCHED; page as usize]);
    }
    let read = transfer.point(&rig, Sqe::read(1, 7, nlb_z));
    assert!(rig.run(1, read).0.is_success(), "{page} {pages}");
    assert!(transfer.gather(&rig) == data, "{page} {pages}");
    // Nothing before the offset, and nothing behind the end.
    let whole = |index| {
        let mut bytes = vec![0; page as usize];
        rig.memory.read(Transfer::address(page, index), &mut bytes).expect("granted");
        bytes
    };
    assert!(whole(0)[..OFFSET as usize].iter().all(|byte| *byte == UNTOUCHED));
    assert!(whole(pages)[OFFSET as usize..].iter().all(|byte| *byte == UNTOUCHED));
    assert_eq!(rig.memory.refused.get(), 0, "no access outside of what was granted");
}

#[test]
fn data_come_right_through_pages_of_every_size_that_is_offered() {
    assert_eq!(sizes(), 0..=4);
    for mps in sizes() {
        // Two pages by two pointers, and seven by a list that crosses from one page into another.
        for pages in [1, 6] {
            goes_there_and_back(mps, pages);
        }
    }
}

#[test]
fn what_begins_at_a_page_has_to_begin_at_one_of_the_hosts() {
    for mps in sizes() {
        let (mut rig, page) = rig(mps, Config::default());
        let half = page / 2;
        let queue = Sqe::create_io_cq(2, 15, Some(2));
        let code = rig.admin(queue.with_prp(SCATTERED + half, 0)).0.code;
        assert_eq!(code, status::PRP_OFFSET_INVALID, "{page}: a ring");
        let code = rig.admin(Sqe::doorbell_buffer_config(SHADOWS + half, SHADOWS + page)).0.code;
        assert_eq!(code, status::INVALID_FIELD, "{page}: a page of doorbells");
        // A page from its middle on needs the half of another one.
        let read = Sqe::read(1, 0, (page.div_ceil(4096) - 1) as u16);
        let code = rig.run(1, read.with_prp(SCATTERED + half, SCATTERED + 2 * page + half)).0.code;
        assert_eq!(code, status::PRP_OFFSET_INVALID, "{page}: the second page");
        assert!(rig.admin(queue.with_prp(SCATTERED, 0)).0.is_success(), "{page}");
    }
}

#[test]
fn shadow_doorbells_reach_as_far_as_the_hosts_page() {
    for mps in sizes() {
        // A doorbell every KiB: the third queue's is in the second block of 4 KiB.
        let (mut rig, page) = rig(mps, Config { dstrd: 8, ..Config::default() });
        rig.create_pair(3, 3);
        assert!(rig.admin(Sqe::doorbell_buffer_config(SHADOWS, SHADOWS + page)).0.is_success());
        for queue in [1, 3] {
            rig.enqueue(queue, queue, Sqe::flush(1));
            let place = u64::from(queue) * 2 * 1024;
            if place < page {
                rig.memory_write(SHADOWS + place, &1_u32.to_le_bytes());
            }
        }
        rig.step();
        rig.settle();
        let found = [1, 3].map(|queue| rig.peek(queue).len());
        assert_eq!(found, [1, usize::from(page > 4096)], "{page}");
    }
}
