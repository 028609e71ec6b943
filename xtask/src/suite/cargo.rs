//! Commands as steps.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Outcome;
use crate::workspace;

/// Cargo at the root of the repository, in the environment of a fresh shell: what `cargo run` has set
/// for this tool is not meant for what it starts.
pub(super) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let is_ours = |prefix: &&str| name.to_string_lossy().starts_with(*prefix);
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME"].iter().any(is_ours) {
            command.env_remove(&name);
        }
    }
    command.args(args).current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// Runs the command with its output passed on.
pub(super) fn outcome(mut command: Command) -> Result<Outcome> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    if status.success() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Failed(status.to_string()))
}

/// Runs them one after the other, the later ones too when one fails; the first failure is the outcome.
pub(super) fn all(commands: impl IntoIterator<Item = Command>) -> Result<Outcome> {
    let mut first = Outcome::Passed;
    for command in commands {
        let outcome = outcome(command)?;
        if first == Outcome::Passed {
            first = outcome;
        }
    }
    Ok(first)
}
