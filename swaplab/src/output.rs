//! Standard output whose reader may have gone: `swaplab ... | head` is no error.
//!
//! `print!` and `println!` of this crate come from here; those of the standard library panic.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

use crate::exit::Exit;

/// Writes to standard output. Ends the program in peace when nobody reads it any more, and with a message
/// when what stands behind it cannot take more (a full disk).
pub(crate) fn write(text: Arguments<'_>) {
    let Err(error) = std::io::stdout().write_fmt(text) else { return };
    let exit = match error.kind() {
        ErrorKind::BrokenPipe => Exit::Expected,
        _ => {
            eprintln!("swaplab: standard output: {error}");
            Exit::Infrastructure
        }
    };
    std::process::exit(exit as i32)
}

macro_rules! print {
    ($($text:tt)*) => { $crate::output::write(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::output::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($text)*))) };
}
