//! Guests of a few instructions with a call page.

use machine::call_page as page;
use machine::lab_device::{MAGIC, reg};
use machine::ports;

use super::devices::{BLOCK, LAB, NVME, controller, observed};
use super::{kvm_or_skip_with, run};
use crate::boot::tiny::{load32_to_port, store32};
use crate::{Clock, Exit, MachineConfig};

const RING: u32 = 0xa000;
const RING_BYTES: u32 = 16;

/// Stores a 64-bit number at an offset of the page.
pub(super) fn put(code: &mut Vec<u8>, at: usize, value: u64) {
    code.extend(store32(BLOCK + at as u32, value as u32));
    code.extend(store32(BLOCK + at as u32 + 4, (value >> 32) as u32));
}

pub(super) fn post(code: &mut Vec<u8>, index: u32, write: page::PostedWrite) {
    let at = page::POSTED + index as usize * page::POSTED_BYTES;
    put(code, at, write.address);
    put(code, at + 8, write.at);
    code.extend(store32(BLOCK + at as u32 + 16, write.value));
    code.extend(store32(BLOCK + page::POSTED_COUNT as u32, index + 1));
}

/// Names the page, with a ring at `ring`.
pub(super) fn attach(ring: u64) -> Vec<u8> {
    let mut code = Vec::new();
    put(&mut code, page::OUTPUT_ADDRESS, ring);
    put(&mut code, page::OUTPUT_BYTES, RING_BYTES.into());
    code.extend(store32(LAB + reg::CALL_PAGE as u32, BLOCK));
    code
}

pub(super) fn plugged(config: &mut MachineConfig) {
    config.controller = Some(controller());
}

#[test]
fn posted_writes_and_output_come_in_the_guest_s_order_before_the_exit_that_follows() {
    let mut code = attach(RING.into());
    code.extend(store32(RING, u32::from_le_bytes(*b"abcd")));
    put(&mut code, page::WRITTEN, 3);
    for (index, at) in [0, 2, 2].into_iter().enumerate() {
        let write = page::PostedWrite { address: (NVME + 0xc).into(), at, value: 1 };
        post(&mut code, index as u32, write);
    }
    code.extend(store32(NVME + 0x10, 1));
    code.extend(load32_to_port(BLOCK + page::POSTED_COUNT as u32, ports::EXIT));
    let Some(mut machine) = kvm_or_skip_with(&code, plugged) else { return };
    let expected = [
        "0 write 0xc",
        "0 console ab",
        "0 write 0xc",
        "0 write 0xc",
        "0 console c",
        "0 write 0x10",
    ];
    assert_eq!(observed(&mut machine), expected);
    machine.power_cycle("").expect("the host works");
    assert!(matches!(run(&mut machine), Exit::Code(0)), "the count was set to zero");
}

#[test]
fn what_the_page_says_of_the_machine_is_true() {
    let says = |at: usize| {
        let mut code = attach(RING.into());
        code.extend(load32_to_port(BLOCK + at as u32, ports::EXIT));
        let mut machine = kvm_or_skip_with(&code, plugged)?;
        let Exit::Code(value) = run(&mut machine) else { panic!("it exits") };
        Some(value)
    };
    let Some(accepted) = says(page::ACCEPTED) else { return };
    assert_eq!(accepted, MAGIC as u32);
    assert_eq!(says(page::STATE), Some(page::MAY_POST | page::HAS_REGISTERS));
    assert_eq!(says(page::REGISTERS_ADDRESS), Some(NVME));
    assert_eq!(says(page::REGISTERS + 8), Some(0x2_0000), "the version register");
}

#[test]
fn a_guest_that_lies_in_its_page_harms_nobody() {
    for ring in [RING.into(), 0, u64::MAX - 3, 1 << 40] {
        let mut code = attach(ring);
        put(&mut code, page::WRITTEN, u64::MAX - 1);
        let wild = page::PostedWrite { address: u64::MAX - 1, at: 1 << 63, value: 7 };
        post(&mut code, 0, wild);
        code.extend(store32(BLOCK + page::POSTED_COUNT as u32, u32::MAX));
        code.extend(store32(LAB + reg::CALL_PAGE as u32, BLOCK + 4));
        code.extend(store32(LAB + reg::CALL_PAGE as u32, 0xbfff_f000));
        code.extend(load32_to_port(BLOCK + page::POSTED_COUNT as u32, ports::EXIT));
        let Some(mut machine) = kvm_or_skip_with(&code, plugged) else { return };
        let exit = run(&mut machine);
        assert!(matches!(exit, Exit::Code(0)), "{ring:#x}: {exit}");
    }
}

#[test]
fn in_the_wall_clock_no_page_is_taken() {
    let mut code = attach(RING.into());
    code.extend(load32_to_port(BLOCK + page::ACCEPTED as u32, ports::EXIT));
    let wall = |config: &mut MachineConfig| config.clock = Clock::Wall;
    let Some(mut machine) = kvm_or_skip_with(&code, wall) else { return };
    assert!(matches!(run(&mut machine), Exit::Code(0)));
}
