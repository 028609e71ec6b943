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

use kernel_core::command_line::{self, CommandLine};
use machine::ports;

use arch::boot::{self, BootInfo};
use console::println;
use options::Options;

/// Called on the guarded stack, once.
fn kernel_main() -> ! {
    let info = boot::boot_info().expect("the loader describes the machine");
    let told = told(&info);
    announce(&told, ports::STAGE_ENTERED);
    hal::memory::init(&info);
    let code = run(told);
    exit::exit(code)
}

/// What the command line says, to the program and to the kernel.
type Told = Result<(CommandLine<'static>, Options<'static>), command_line::Error<'static>>;

fn told(info: &BootInfo) -> Told {
    let line = CommandLine::parse(info.command_line)?;
    Ok((line, Options::new(line)?))
}

/// Announces a stage. It is an exit, which a guest with a call page is to be spared.
fn announce(told: &Told, stage: u32) {
    if !told.as_ref().is_ok_and(|(_, options)| options.calls) {
        arch::port::write32(ports::BOOT_STAGE, stage);
    }
}

fn run(told: Told) -> u32 {
    announce(&told, ports::STAGE_PROGRAM);
    match told {
        Ok((line, options)) => program::run(line, &options),
        Err(error) => {
            println!("{error}");
            ports::EXIT_BAD_COMMAND_LINE
        }
    }
}
