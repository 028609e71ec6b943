//! `cargo xtask`: the tasks of a developer. `cargo xtask --help` lists them.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
