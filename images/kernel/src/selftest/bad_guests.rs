//! Guests that end badly, each in its own way.

use core::hint::black_box;

use hal::Instant;

use crate::arch::interrupt::{DEVICE_VECTORS, Vector};
use crate::arch::{call, stray};
use crate::console::println;
use crate::system::System;

/// Panics.
pub(super) fn panic(_: &mut System) -> u32 {
    panic!("this is the panic that was asked for");
}

/// Never leaves the processor.
pub(super) fn spin(_: &mut System) -> u32 {
    println!("spinning");
    crate::console::drain();
    loop {
        core::hint::spin_loop();
    }
}

/// Prints for ever.
pub(super) fn flood(_: &mut System) -> u32 {
    for line in 0_u64.. {
        println!(
            "flood {line:016x} ................................................................"
        );
    }
    unreachable!("numbers ran out")
}

/// Waits for an interrupt that nobody raises.
pub(super) fn wait(system: &mut System) -> u32 {
    println!("waiting for ever");
    let wake = system.clock.wait(Vector::device(DEVICE_VECTORS - 1), Instant::NEVER);
    panic!("woke up: {wake:?}");
}

/// Loads from an address that nothing is mapped at.
pub(super) fn stray(_: &mut System) -> u32 {
    panic!("loaded {:#x} from nowhere", stray::load(0x7000_0000_0000));
}

/// Overflows the stack.
pub(super) fn stack(_: &mut System) -> u32 {
    panic!("a bottom was reached: {}", descend(1));
}

fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == 0 { 0 } else { descend(black_box(depth + 1)) + frame[0] }
}

/// Resets the machine.
pub(super) fn triple(_: &mut System) -> u32 {
    println!("a fault that nothing can handle follows");
    crate::console::drain();
    call::triple_fault()
}
