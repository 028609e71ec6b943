//! Programs that need no scenario: they test the kernel itself and the controller, and play the guests that a machine
//! monitor must survive.

mod bad_guests;
mod disk;
mod fault;
mod interrupt;
mod nvme;

use machine::ports;

use crate::console::println;
use crate::system::System;

/// A program: returns the exit code.
pub(crate) type Program = fn(&mut System) -> u32;

/// The program of that name.
pub(crate) fn find(name: &str) -> Option<Program> {
    Some(match name {
        "selftest-hello" => hello,
        "selftest-disk" => disk::run,
        "selftest-fault" => fault::run,
        "selftest-interrupt" => interrupt::run,
        "selftest-nvme" => nvme::run,
        "selftest-namespaces" => nvme::watch_namespaces,
        "selftest-flood" => bad_guests::flood,
        "selftest-nested-fault" => fault::run_nested,
        "selftest-panic" => bad_guests::panic,
        "selftest-spin" => bad_guests::spin,
        "selftest-stack" => bad_guests::stack,
        "selftest-stray" => bad_guests::stray,
        "selftest-triple" => bad_guests::triple,
        "selftest-wait" => bad_guests::wait,
        _ => return None,
    })
}

fn hello(_: &mut System) -> u32 {
    println!("hello from the swaplab guest");
    ports::EXIT_OK
}
