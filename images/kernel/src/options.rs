//! The command-line keys that the kernel itself knows.

use kernel_core::command_line::{CommandLine, Error};

use crate::arch::window::{self, Translation};

const PROGRAM: &str = "program";
const ECAM: &str = "ecam";
const CONFIG: &str = "config";
const CALLS: &str = "calls";
const PAGE: &str = "page";
const TRACE: &str = "trace";
const WINDOW: &str = "window";
const FAULTS: &str = "faults";

/// Pages of the workload's window if the command line says nothing (16 MiB).
const WINDOW_PAGES_DEFAULT: u64 = 4096;

/// What the command line says to the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// `program=`: what to run.
    pub(crate) program: &'a str,
    /// `ecam=`: where configuration space is mapped.
    pub(crate) ecam: Option<u64>,
    /// `config=`: where a copy of configuration space lies in memory.
    pub(crate) config: Option<u64>,
    /// `calls=on|off`: whether accesses to devices go through a call page, if the machine has one.
    pub(crate) calls: bool,
    /// `page=`: where memory for a call page and its ring is set aside.
    pub(crate) call_memory: Option<u64>,
    /// `trace=on|off`: whether trace records are sent.
    pub(crate) trace: Option<bool>,
    /// `window=`: pages of the workload's window.
    pub(crate) window_pages: u64,
    /// `faults=on|off`: whether the processor translates the workload's addresses, with faults, or the program does.
    pub(crate) translation: Translation,
}

impl<'a> Options<'a> {
    /// Reads the keys.
    pub(crate) fn new(line: CommandLine<'a>) -> Result<Self, Error<'a>> {
        let has_faults = line.switch(FAULTS)?.unwrap_or(true);
        let window_pages = line.number_in(WINDOW, 1..=window::PAGES_MAX)?;
        Ok(Self {
            program: line.get(PROGRAM).unwrap_or(""),
            ecam: line.number(ECAM)?,
            config: line.number(CONFIG)?,
            calls: line.switch(CALLS)?.unwrap_or(false),
            call_memory: line.number(PAGE)?,
            trace: line.switch(TRACE)?,
            window_pages: window_pages.unwrap_or(WINDOW_PAGES_DEFAULT),
            translation: if has_faults { Translation::Processor } else { Translation::Walk },
        })
    }
}

/// Whether a key is one of the kernel's.
pub(crate) fn is_kernel_key(key: &str) -> bool {
    [PROGRAM, ECAM, CONFIG, CALLS, PAGE, TRACE, WINDOW, FAULTS].contains(&key)
}
