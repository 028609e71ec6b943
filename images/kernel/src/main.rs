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
mod bench;
mod console;
mod control_disk;
mod exit;
mod hal;
mod options;
mod panic;
mod pci;
mod program;
mod selftest;
mod system;

use kernel_core::command_line::CommandLine;
use machine::ports;

use arch::boot::{self, BootInfo};
use console::println;
use options::Options;

/// Called on the guarded stack, once.
fn kernel_main() -> ! {
    let info = boot::boot_info().expect("the loader describes the machine");
    hal::memory::init(&info);
    let code = run(&info);
    exit::exit(code)
}

fn run(info: &BootInfo) -> u32 {
    let line = CommandLine::parse(info.command_line);
    match line.and_then(|line| Ok((line, Options::new(line)?))) {
        Ok((line, options)) => {
            if !options.calls {
                // An exit, which such a guest is to be spared.
                arch::port::write32(ports::BOOT_STAGE, ports::STAGE_PROGRAM);
            }
            program::run(line, &options)
        }
        Err(error) => {
            println!("{error}");
            ports::EXIT_BAD_COMMAND_LINE
        }
    }
}
