//! Starts the program and looks at what it came to.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// What a batch system or a user's shell says beside the arguments.
const VARIABLES: [&str; 5] = [
    "RUST_LOG",
    "SLURM_ARRAY_TASK_ID",
    "JOB_COMPLETION_INDEX",
    "TEST_SHARD_INDEX",
    "CI_NODE_INDEX",
];

/// The program with these arguments, in an environment that says nothing to it.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swaplab"));
    VARIABLES.iter().for_each(|variable| {
        command.env_remove(variable);
    });
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn swaplab(args: &[&str]) -> Output {
    command(args).output().expect("the program starts")
}

/// Runs it and expects this exit code. Gives both outputs.
#[track_caller]
pub(crate) fn expect(code: i32, args: &[&str]) -> String {
    let output = swaplab(args);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    text
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Both outputs.
pub(crate) fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

/// Whether there can be a virtual machine here; if not, says that a test is skipped and why.
pub(crate) fn has_machine() -> bool {
    let host = vmm::check_host();
    if let Err(error) = &host {
        eprintln!("SKIPPED: {error}");
    }
    host.is_ok()
}

/// The path as an argument.
pub(crate) fn name(path: &Path) -> &str {
    path.to_str().expect("an ASCII path")
}

/// A program that runs until it ends or is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
