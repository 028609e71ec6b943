//! The programs by name.

use kernel_core::command_line::CommandLine;
use machine::ports;

use crate::console::println;
use crate::options::{self, Options};
use crate::selftest;
use crate::system::System;

/// Runs the program that the command line names; returns the exit code.
pub(crate) fn run(line: CommandLine<'_>, options: &Options<'_>) -> u32 {
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
