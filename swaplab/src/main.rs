//! `swaplab`: the laboratory's command line.
//!
//! Thin on purpose: it reads arguments, calls `campaign` and `vmm`, prints, and turns the outcome into
//! an exit code. 0 all as expected, 1 findings, 2 usage or environment, 3 infrastructure,
//! 4 incomplete.
#![forbid(unsafe_code)]

#[macro_use]
mod output;

mod args;
mod bench;
mod boot;
mod campaign;
mod control_client;
mod drive;
mod exit;
mod fault;
mod heap;
mod image;
mod namespace;
mod reproduce;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::Exit;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let is_error = error.use_stderr();
            // A closed pipe while printing help is not our problem.
            let _ = error.print();
            return if is_error { Exit::Usage.into() } else { Exit::Expected.into() };
        }
    };
    init_log(args.verbose);
    let outcome = match args.command {
        Command::Reproduce(reproduce) => reproduce::run(&reproduce),
        Command::Boot(boot) => boot::run(&boot),
        Command::Serve(serve) => serve::run(&serve),
        Command::Fault(fault) => fault::run(&fault),
        Command::Namespace(namespace) => namespace::run(&namespace),
        Command::Campaign(args) => campaign::run(&args),
        Command::Image(image) => image::run(&image),
        Command::Bench(bench) => bench::run(&bench),
    };
    outcome.into()
}

/// `-v` shows the guest's log and what the VMM does; `RUST_LOG` overrides it.
fn init_log(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format_timestamp(None)
        .init();
}
