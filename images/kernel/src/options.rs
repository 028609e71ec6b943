//! The command-line keys that the kernel itself knows.

use kernel_core::command_line::{CommandLine, Error};

/// What the command line says to the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// `program=`: what to run.
    pub(crate) program: &'a str,
    /// `ecam=`: where configuration space is mapped.
    pub(crate) ecam: Option<u64>,
    /// `trace=on|off`: whether trace records are sent.
    pub(crate) trace: Option<bool>,
}

impl<'a> Options<'a> {
    /// Reads the keys.
    pub(crate) fn new(line: CommandLine<'a>) -> Result<Self, Error<'a>> {
        Ok(Self {
            program: line.get("program").unwrap_or(""),
            ecam: line.number("ecam")?,
            trace: line.switch("trace")?,
        })
    }
}
