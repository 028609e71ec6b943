//! Programs that need no other crate: they test the kernel itself, and play the guests that a machine
//! monitor must survive.

use machine::ports;

use crate::arch::call;
use crate::console::println;

/// A program: returns the exit code.
pub(crate) type Program = fn() -> u32;

/// The program of that name.
pub(crate) fn find(name: &str) -> Option<Program> {
    Some(match name {
        "selftest-hello" => hello,
        "selftest-panic" => panic,
        "selftest-triple" => triple,
        _ => return None,
    })
}

fn hello() -> u32 {
    println!("hello from the swaplab guest");
    ports::EXIT_OK
}

fn panic() -> u32 {
    panic!("this is the panic that was asked for");
}

fn triple() -> u32 {
    println!("a fault that nothing can handle follows");
    call::triple_fault()
}
