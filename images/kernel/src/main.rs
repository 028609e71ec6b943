//! The bootable guest: the machine under the guest crates.
//!
//! Boots from a PVH loader, puts everything behind the `hal` traits, runs the program that the command
//! line names, and exits with its code. All Rust runs in ring 3; see `arch`.
//!
//! What it does not do: schedule threads, start other processors, know a filesystem or a workload.
#![no_std]
#![no_main]

extern crate alloc;

mod arch;
mod console;
mod exit;
mod hal;
mod heap;
mod options;
mod panic;
mod pci;
mod selftest;
mod system;

use kernel_core::command_line::CommandLine;
use machine::ports;

use arch::boot::{self, BootInfo};
use console::println;
use options::Options;
use system::System;

/// Called on the guarded stack, once.
fn kernel_main() -> ! {
    let info = boot::boot_info().expect("the loader describes the machine");
    hal::memory::init(&info);
    let code = run(&info);
    exit::exit(code)
}

fn run(info: &BootInfo) -> u32 {
    let options = match CommandLine::parse(info.command_line).and_then(Options::new) {
        Ok(options) => options,
        Err(error) => {
            println!("{error}");
            return ports::EXIT_BAD_COMMAND_LINE;
        }
    };
    arch::port::write32(ports::BOOT_STAGE, ports::STAGE_PROGRAM);
    let mut system = System::start(&options);
    match selftest::find(options.program) {
        Some(program) => program(&mut system),
        None => {
            println!("command line: no program is called `{}`", options.program);
            ports::EXIT_BAD_COMMAND_LINE
        }
    }
}
