//! The command-line keys that the kernel itself knows.

use kernel_core::command_line::{CommandLine, Error};

/// What the command line says to the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// `program=`: what to run.
    pub(crate) program: &'a str,
}

impl<'a> Options<'a> {
    /// Reads the keys.
    pub(crate) fn new(line: CommandLine<'a>) -> Result<Self, Error<'a>> {
        Ok(Self {
            program: line.get("program").unwrap_or(""),
        })
    }
}
