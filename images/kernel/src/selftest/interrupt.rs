//! Interrupts: raised while they cannot be taken, counted when they are let in, never lost.

use core::time::Duration;

use hal::{Platform, Wake};
use machine::ports;

use crate::arch::interrupt::Vector;
use crate::console::println;
use crate::system::System;

const ROUNDS: u64 = 100;

/// Raises interrupts on this processor and takes them in every way there is.
pub(super) fn run(system: &mut System) -> u32 {
    let vector = Vector::device(5);
    let other = Vector::device(6);
    for round in 0..ROUNDS {
        vector.raise();
        assert_eq!(vector.taken_count(), 2 * round, "taken while interrupts were off");
        assert!(vector.take_after(2 * round, 1000), "an interrupt is pending");
        vector.raise();
        // Raised before the wait: returns at once.
        vector.halt_after(2 * round + 1);
        assert_eq!(vector.taken_count(), 2 * round + 2);
    }
    assert_eq!(other.taken_count(), 0, "nobody raised it");
    assert!(!other.take_after(0, 10), "nothing is pending");
    println!("interrupts: {} raised, {} taken", 2 * ROUNDS, vector.taken_count());
    time(system);
    nvme(system);
    ports::EXIT_OK
}

/// A deadline passes, and time with it.
fn time(system: &mut System) {
    let span = Duration::from_micros(1500);
    let start = system.clock.now();
    assert_eq!(system.clock.wait(Vector::device(7), start + span), Wake::Deadline);
    assert!(system.clock.now() - start >= span, "a wait shorter than asked for");
    println!("time: waited {:?}", system.clock.now() - start);
}

/// If there is a controller, its machine can be built and its version be read.
fn nvme(system: &mut System) {
    // Spec: NVMe-Base-2.0c 3.1.3.2 "Version"
    const VERSION: usize = 8;
    use hal::Mmio;
    match system.nvme() {
        Some(platform) => println!("nvme: version {:#x}", platform.bar().read32(VERSION)),
        None => println!("nvme: no controller"),
    }
}
