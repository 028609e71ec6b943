use alloc::collections::VecDeque;
use core::cell::RefCell;

use super::*;
use hal::Iova;
use hal::testing::{DmaPool, PoolDma};

/// A page whose other side is played by a list: what the bell says at each look.
struct Page {
    pool: PoolDma,
    bell: RefCell<VecDeque<u32>>,
}

impl DmaBuf for Page {
    fn iova(&self) -> Iova {
        self.pool.iova()
    }

    fn size_bytes(&self) -> usize {
        self.pool.size_bytes()
    }

    fn read(&self, offset: usize, dst: &mut [u8]) {
        self.pool.read(offset, dst);
    }

    fn write(&self, offset: usize, src: &[u8]) {
        self.pool.write(offset, src);
    }

    fn load_acquire_u32(&self, offset: usize) -> u32 {
        if offset == page::BELL
            && let Some(state) = self.bell.borrow_mut().pop_front()
        {
            self.pool.write(page::BELL, &state.to_le_bytes());
        }
        self.pool.load_acquire_u32(offset)
    }
}

impl SharedWord for Page {
    fn replace_u32(&self, offset: usize, old: u32, new: u32) -> bool {
        let is_old = self.pool.load_acquire_u32(offset) == old;
        if is_old {
            self.pool.write(offset, &new.to_le_bytes());
        }
        is_old
    }
}

fn calls() -> Calls<Page> {
    let pool = DmaPool::new(3);
    let page = || Page { pool: pool.alloc(1).unwrap(), bell: RefCell::default() };
    let calls = Calls::new(page(), page());
    state(&calls, page::MAY_POST | page::HAS_REGISTERS);
    calls.set_u64(page::REGISTERS_ADDRESS, 0xc000_4000);
    calls
}

/// Rings, and is shown these states of the bell in turn, then the last one for ever.
fn ring(states: impl IntoIterator<Item = u32>) -> (Calls<Page>, Rung) {
    let calls = calls();
    assert!(calls.post(0xc000_5000, 1));
    calls.page.bell.borrow_mut().extend(states);
    let rung = calls.ring(0xc000_0018, 0);
    (calls, rung)
}

#[test]
fn a_call_is_posted_behind_what_was_posted_before_and_answered() {
    let (calls, rung) =
        ring([page::ATTENDED, page::RUNG, page::ANSWERING, page::ANSWERING, page::ATTENDED]);
    assert_eq!(rung, Rung::Answered);
    assert_eq!(calls.u32(page::POSTED_COUNT), 2, "the device takes both");
}

#[test]
fn a_call_that_nobody_takes_is_taken_back_and_the_bell_left_alone() {
    let (calls, rung) = ring([page::ATTENDED]);
    assert_eq!(rung, Rung::Nobody);
    assert_eq!(calls.u32(page::BELL), page::DESERTED);
    assert_eq!(calls.u32(page::POSTED_COUNT), 1, "what was posted before stays");
    assert_eq!(calls.ring(0xc000_0018, 0), Rung::Nobody, "without a look");
    assert_eq!(ring([page::DESERTED]).1, Rung::Nobody);
}

#[test]
fn a_register_is_asked_for_only_of_somebody_who_is_there() {
    let calls = calls();
    assert_eq!(calls.ask(0xc001_0000), Rung::Nobody, "without a look");
    calls.page.bell.borrow_mut().extend([page::ATTENDED, page::RUNG, page::ATTENDED]);
    assert_eq!(calls.ask(0xc001_0000), Rung::Answered);
    assert_eq!(calls.u64(page::ASKED_ADDRESS), 0xc001_0000, "the device answers and sets it to 0");
    calls.page.write(page::ASKED_VALUE, &7_u32.to_le_bytes());
    assert_eq!(calls.asked(), 7);
    assert_eq!(calls.ask(0xc001_0004), Rung::Nobody, "nobody takes it");
    assert_eq!(calls.u64(page::ASKED_ADDRESS), 0, "and it is taken back");
}

#[test]
fn a_call_that_was_taken_is_never_taken_back() {
    let (calls, rung) = ring([page::ATTENDED, page::ANSWERING]);
    assert_eq!(rung, Rung::Slow);
    assert_eq!(calls.u32(page::BELL), page::ANSWERING);
    assert!(!calls.is_answered());
    calls.page.write(page::BELL, &page::ATTENDED.to_le_bytes());
    assert!(calls.is_answered());
}

#[test]
fn a_call_for_which_there_is_no_room_is_made_by_an_exit() {
    let calls = calls();
    (0..page::POSTED_MAX).for_each(|_| assert!(calls.post(0, 0)));
    calls.page.write(page::BELL, &page::ATTENDED.to_le_bytes());
    assert_eq!(calls.ring(0, 0), Rung::Nobody);
    assert_eq!(calls.u32(page::BELL), page::ATTENDED);
}

fn state(calls: &Calls<Page>, state: u32) {
    calls.page.write(page::STATE, &state.to_le_bytes());
}

#[test]
fn posted_writes_lie_in_order_with_the_output_before_them() {
    let mut calls = calls();
    assert!(calls.post(0xc000_5000, 1));
    calls.push_frame(frame::KIND_RECORDS, &[7; 8]).unwrap();
    assert!(calls.post(0xc000_5004, 2));
    let written = |index: usize| {
        let mut bytes = [0; page::POSTED_BYTES];
        calls.page.read(page::POSTED + index * page::POSTED_BYTES, &mut bytes);
        page::PostedWrite::from_bytes(&bytes)
    };
    assert_eq!(written(0), page::PostedWrite { address: 0xc000_5000, at: 0, value: 1 });
    assert_eq!(written(1), page::PostedWrite { address: 0xc000_5004, at: 12, value: 2 });
    assert_eq!(calls.u32(page::POSTED_COUNT), 2);
}

#[test]
fn a_write_is_not_posted_when_it_must_not_be_or_there_is_no_room() {
    let calls = calls();
    for _ in 0..page::POSTED_MAX {
        assert!(calls.post(0, 0));
    }
    assert!(!calls.post(0, 0));
    calls.page.write(page::POSTED_COUNT, &[0; 4]);
    state(&calls, page::HAS_REGISTERS);
    assert!(!calls.post(0, 0));
}

#[test]
fn a_copy_of_a_register_is_good_until_a_write_was_posted() {
    let calls = calls();
    calls.page.write(page::REGISTERS + 0x1c, &[1, 0, 0, 0]);
    assert_eq!(calls.register(0xc000_401c), Some(1));
    for elsewhere in [0xc000_3ffc, 0xc000_401e, 0xc000_4070] {
        assert_eq!(calls.register(elsewhere), None, "{elsewhere:#x}");
    }
    assert!(calls.post(0xc000_4014, 0));
    assert_eq!(calls.register(0xc000_401c), None);
    assert!(calls.is_stale(0xc000_401c) && !calls.is_stale(0xc000_4070));
    calls.page.write(page::POSTED_COUNT, &[0; 4]);
    state(&calls, page::MAY_POST);
    assert_eq!(calls.register(0xc000_401c), None);
}

#[test]
fn the_output_wraps_and_nothing_that_was_not_taken_is_overwritten() {
    let mut calls = calls();
    let line = "x".repeat(3000);
    calls.push_text(&line).unwrap();
    assert_eq!(calls.push_text(&line), Err(Full));
    calls.set_u64(page::TAKEN, 3000);
    calls.push_text("\u{1}yz").unwrap();
    calls.push_text(&"w".repeat(1500)).unwrap();
    let mut bytes = [0; 4];
    calls.ring.read(2998, &mut bytes);
    assert_eq!(&bytes, b"xx?y");
    calls.ring.read(0, &mut bytes);
    assert_eq!(&bytes, b"wwww");
}

#[test]
fn output_that_nobody_reads_is_lost_and_stops_nobody() {
    let mut calls = calls();
    calls.set_u64(page::TAKEN, NOBODY_READS);
    for _ in 0..10 {
        calls.push_text(&"x".repeat(1000)).unwrap();
    }
}
