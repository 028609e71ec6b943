//! Guests of a few instructions with a call page and an attendant. How soon it comes is chance; what it does is not.
//!
//! These guests insist on their call, and may have one processor together with the attendant. One that sleeps between
//! its looks could then be asleep whenever they have it; so it stays awake, and the host lets both run by turns.

use std::time::Duration;

use machine::call_page as page;
use machine::lab_device::{MAGIC, reg};
use machine::{layout, ports};

use super::calls::{attach, plugged, post, put};
use super::devices::{BLOCK, LAB, NVME, observed};
use super::{kvm_or_skip_with, run};
use crate::boot::tiny::{load32_to_port, store32};
use crate::{ATTENDANT_LOOKS, Exit, Machine, MachineConfig};

const BELL: u32 = BLOCK + page::BELL as u32;

fn attended(code: &[u8]) -> Option<Machine> {
    attended_with(code, u32::MAX)
}

fn attended_with(code: &[u8], looks_max: u32) -> Option<Machine> {
    kvm_or_skip_with(code, |config: &mut MachineConfig| {
        plugged(config);
        config.attendant_looks_max = Some(looks_max);
        // The attendant may have to wait for a processor, and the guest looks at its bell meanwhile.
        config.limits.no_progress = Some(Duration::from_secs(10));
    })
}

/// Stays in the CPU while the bell is in `state`: `again: pause; cmp dword [bell], state; je again`.
fn spin_while_bell_is(bell: u32, state: u32) -> Vec<u8> {
    let mut code = vec![0xf3, 0x90, 0x83, 0x3d];
    code.extend(bell.to_le_bytes());
    code.extend([state as u8, 0x74, 0xf5]);
    code
}

/// `mov eax, ATTENDED; mov ecx, RUNG; lock cmpxchg [bell], ecx`: zero is set if it rang.
fn try_to_ring(bell: u32) -> Vec<u8> {
    let mut code = vec![0xb8];
    code.extend(page::ATTENDED.to_le_bytes());
    code.push(0xb9);
    code.extend(page::RUNG.to_le_bytes());
    code.extend([0xf0, 0x0f, 0xb1, 0x0d]);
    code.extend(bell.to_le_bytes());
    code
}

fn wait_for_answer(bell: u32) -> Vec<u8> {
    [page::RUNG, page::ANSWERING].map(|state| spin_while_bell_is(bell, state)).concat()
}

/// Leaves the CPU, which wakes the attendant: `mov eax, [LAB]`.
fn leave() -> Vec<u8> {
    let mut code = vec![0xa1];
    code.extend(LAB.to_le_bytes());
    code
}

fn post_one(address: u32, value: u32) -> Vec<u8> {
    let mut code = Vec::new();
    post(&mut code, 0, page::PostedWrite { address: address.into(), at: 0, value });
    code
}

/// Rings with one posted write, as soon as somebody attends, and waits for the answer.
fn ring(address: u32, value: u32) -> Vec<u8> {
    // Nothing is posted while the guest leaves the CPU.
    let mut code = store32(BLOCK + page::POSTED_COUNT as u32, 0);
    code.extend(leave());
    code.extend(post_one(address, value));
    code.extend(try_to_ring(BELL));
    begin_again_if_not(&mut code);
    code.extend(wait_for_answer(BELL));
    code
}

/// `jne` to the beginning of `code`.
fn begin_again_if_not(code: &mut Vec<u8>) {
    code.extend([0x0f, 0x85]);
    code.extend((-(code.len() as i32) - 4).to_le_bytes());
}

/// Rings with one posted write if somebody attends just now, and leaves the CPU with it if not.
fn ring_or_leave(address: u32, value: u32) -> Vec<u8> {
    let (answered, left) = (wait_for_answer(BELL), leave());
    let mut code = post_one(address, value);
    code.extend(try_to_ring(BELL));
    // `jne` over the wait and the jump behind it; `jmp` over the exit.
    code.extend([0x75, answered.len() as u8 + 2]);
    code.extend(answered);
    code.extend([0xeb, left.len() as u8]);
    code.extend(left);
    code
}

#[test]
fn what_a_guest_rings_with_is_done_once_and_in_its_order() {
    let mut code = attach(0);
    for value in [1, 3, 7] {
        code.extend(ring(NVME + 0xc, value));
        code.extend(store32(NVME + 0x10, value));
    }
    code.extend(load32_to_port(BLOCK + page::POSTED_COUNT as u32, ports::EXIT));
    let Some(mut machine) = attended(&code) else { return };
    let expected = ["0 write 0xc", "0 write 0x10"].repeat(3);
    assert_eq!(observed(&mut machine), expected);
    machine.power_cycle("").expect("the host works");
    assert!(matches!(run(&mut machine), Exit::Code(0)), "the count was set to zero");
}

#[test]
fn what_a_guest_wants_is_done_once_whether_the_attendant_sleeps_or_not() {
    let mut code = attach(0);
    for value in 0..200 {
        code.extend(ring_or_leave(NVME + 0xc, value));
        code.extend(store32(NVME + 0x10, value));
    }
    code.extend(load32_to_port(BLOCK + page::POSTED_COUNT as u32, ports::EXIT));
    for looks_max in [0, 10, ATTENDANT_LOOKS] {
        let Some(mut machine) = attended_with(&code, looks_max) else { return };
        assert_eq!(observed(&mut machine), ["0 write 0xc", "0 write 0x10"].repeat(200));
    }
}

#[test]
fn a_wait_that_a_guest_rings_for_takes_virtual_time() {
    let mut code = attach(0);
    put(&mut code, 0, 123_456);
    put(&mut code, 8, 0x31);
    code.extend(ring(LAB + reg::WAIT as u32, 0));
    code.extend(load32_to_port(BLOCK + 16, ports::EXIT));
    let Some(mut machine) = attended(&code) else { return };
    let exit = run(&mut machine);
    assert!(matches!(exit, Exit::Code(123_456)), "{exit}");
}

#[test]
fn a_register_that_a_guest_asks_for_is_in_the_page_when_the_call_is_answered() {
    let mut code = attach(0);
    put(&mut code, page::ASKED_ADDRESS, u64::from(NVME + 8));
    code.extend(ring(NVME + 0xc, 1));
    let answer = load32_to_port(BLOCK + page::ASKED_VALUE as u32, ports::EXIT);
    code.extend(answer);
    let Some(mut machine) = attended(&code) else { return };
    let exit = run(&mut machine);
    assert!(matches!(exit, Exit::Code(0x2_0000)), "the version of the controller: {exit}");
}

#[test]
fn a_call_can_end_the_run() {
    let mut code = attach(0);
    put(&mut code, 0, u64::MAX);
    put(&mut code, 8, 0x31);
    code.extend(ring(LAB + reg::WAIT as u32, 0));
    let Some(mut machine) = attended(&code) else { return };
    for _ in 0..3 {
        let exit = run(&mut machine);
        assert!(matches!(exit, Exit::WaitsForever(_)), "{exit}");
        machine.power_cycle("").expect("the host works");
    }
}

#[test]
fn a_guest_that_lies_about_its_bell_harms_nobody() {
    let mut code = attach(0);
    for state in [page::RUNG, page::ANSWERING, 77, page::RUNG, page::DESERTED] {
        code.extend(store32(BELL, state));
        code.extend(load32_to_port(LAB, 0x80));
    }
    code.extend(load32_to_port(BLOCK + page::POSTED_COUNT as u32, ports::EXIT));
    let Some(mut machine) = attended(&code) else { return };
    let exit = run(&mut machine);
    assert!(matches!(exit, Exit::Code(0)), "{exit}");
}

#[test]
fn a_guest_that_rings_the_bell_of_the_page_that_is_set_aside_has_named_it() {
    let at = |offset: usize| layout::CALL_PAGE as u32 + offset as u32;
    let bell = at(page::BELL);
    let mut code = leave();
    code.extend(try_to_ring(bell));
    begin_again_if_not(&mut code);
    code.extend(wait_for_answer(bell));
    code.extend(load32_to_port(at(page::ACCEPTED), ports::EXIT));
    let Some(mut machine) = attended(&code) else { return };
    for _ in 0..3 {
        let exit = run(&mut machine);
        assert!(
            matches!(exit, Exit::Code(code) if u64::from(code) == MAGIC & 0xffff_ffff),
            "{exit}"
        );
        machine.power_cycle("").expect("the host works");
    }
}

#[test]
fn a_guest_without_a_call_page_does_not_notice_the_attendant() {
    let Some(mut machine) = attended(&load32_to_port(NVME + 8, ports::EXIT)) else { return };
    assert!(matches!(run(&mut machine), Exit::Code(0x2_0000)));
}
