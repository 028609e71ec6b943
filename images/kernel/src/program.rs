//! The programs by name.

use alloc::rc::Rc;
use alloc::string::String;

use kernel_core::command_line::CommandLine;
use lab::LabError;
use machine::ports;

use crate::arch::task::KernelStacks;
use crate::bench::{self, Target};
use crate::console::println;
use crate::hal::user::UserWindow;
use crate::options::{self, Options};
use crate::selftest;
use crate::system::System;

/// The laboratory's scenarios.
const LAB: &str = "lab";
/// The loads of `swaplab bench nvme`, `swaplab bench fs` and `swaplab bench swap`.
const BENCHES: [(&str, Target); 3] =
    [("bench-nvme", Target::Drive), ("bench-fs", Target::File), ("bench-fault", Target::Faults)];

/// The exercise of the driver.
const EXERCISE: &str = "exercise";

/// Runs the program that the command line names; returns the exit code.
pub(crate) fn run(line: CommandLine<'_>, options: &Options<'_>) -> u32 {
    if options.program == LAB {
        return run_lab(&mut System::start(options), line, options);
    }
    if let Some((_, target)) = BENCHES.iter().find(|(name, _)| *name == options.program) {
        return bench::run(&mut System::start(options), line, *target);
    }
    if options.program == EXERCISE {
        return run_exercise(&mut System::start(options), line);
    }
    let Some(selftest) = selftest::find(options.program) else {
        println!("command line: no program is called `{}`", options.program);
        return ports::EXIT_BAD_COMMAND_LINE;
    };
    if let Some((key, value)) = line.iter().find(|(key, _)| !options::is_kernel_key(key)) {
        println!("command line: nobody knows `{key}={value}`");
        return ports::EXIT_BAD_COMMAND_LINE;
    }
    selftest(&mut System::start(options))
}

fn run_lab(system: &mut System, line: CommandLine<'_>, options: &Options<'_>) -> u32 {
    let Some(platform) = system.nvme() else {
        println!("no NVMe controller");
        return ports::EXIT_NO_DEVICE;
    };
    let Ok(window) = UserWindow::new(options.window_pages, options.translation) else {
        println!("window={}: no memory for its page tables", options.window_pages);
        return ports::EXIT_BAD_COMMAND_LINE;
    };
    let remote = system.file_server();
    let played = lab::run(
        platform,
        remote,
        Rc::new(window),
        Rc::new(KernelStacks::default()),
        &words_of_the_program(line),
    );
    let code = played.map_or_else(
        |error| {
            println!("{error}");
            exit_code(&error)
        },
        |()| ports::EXIT_OK,
    );
    let missing = system.clock.missing_interrupts();
    assert_eq!(missing, 0, "interrupts were announced and did not arrive");
    code
}

fn run_exercise(system: &mut System, line: CommandLine<'_>) -> u32 {
    let Some(platform) = system.nvme() else {
        println!("no NVMe controller");
        return ports::EXIT_NO_DEVICE;
    };
    match words_of_the_program(line).parse() {
        Ok(words) => {
            println!("{}", exercise::run(platform, words));
            ports::EXIT_OK
        }
        Err(error) => {
            println!("command line: {error}");
            ports::EXIT_BAD_COMMAND_LINE
        }
    }
}

fn exit_code(error: &LabError) -> u32 {
    match error {
        LabError::Spec(_) | LabError::AddressSpace { .. } => ports::EXIT_BAD_COMMAND_LINE,
        LabError::Probe(_) | LabError::Remote(_) => ports::EXIT_NO_DEVICE,
    }
}

/// The command line without the kernel's own words.
fn words_of_the_program(line: CommandLine<'_>) -> String {
    let mut words = String::new();
    for (key, value) in line.iter().filter(|(key, _)| !options::is_kernel_key(key)) {
        words.extend([key, "=", value, " "]);
    }
    words
}
