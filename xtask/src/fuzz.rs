//! `cargo xtask fuzz`: the fuzz targets without libFuzzer.
//!
//! The targets' bodies are in `fuzz/bodies`; with a nightly compiler and cargo-fuzz the same bodies run
//! under libFuzzer, from the folder `fuzz`.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::workspace;

/// Builds the runner, optimised and with assertions, and runs it.
///
/// # Errors
/// If cargo cannot be run.
pub fn run(ops: u64, seed: u64, target: Option<&str>) -> Result<ExitCode> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--profile", "fuzz", "--quiet", "--package", "fuzz-bodies", "--"]);
    cargo.args(["--ops", &ops.to_string(), "--seed", &seed.to_string()]);
    cargo.args(target.iter().flat_map(|target| ["--target", target]));
    let status = cargo.current_dir(workspace::root()).status().context("cannot run cargo")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
