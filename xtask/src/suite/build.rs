//! Programs to run outside cargo: cargo builds them and says where they are.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::cargo::cargo;

/// The program `swaplab`, built as the tests are.
pub(super) fn swaplab() -> Result<PathBuf> {
    build(&["build", "--package", "swaplab"], "swaplab")
}

/// The end-to-end tests.
pub(super) fn e2e() -> Result<PathBuf> {
    build(
        &[
            "test",
            "--package",
            "swaplab-tests",
            "--test",
            "e2e",
            "--no-run",
        ],
        "e2e",
    )
}

fn build(args: &[&str], target: &str) -> Result<PathBuf> {
    let mut command = cargo(args);
    command
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let output = command.output().context("cannot run cargo")?;
    anyhow::ensure!(output.status.success(), "cargo {} failed", args.join(" "));
    executable(&String::from_utf8_lossy(&output.stdout), target)
        .with_context(|| format!("cargo {} built no program {target}", args.join(" ")))
}

/// A line of cargo's machine-readable output, as far as it matters.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn executable(output: &str, target: &str) -> Option<PathBuf> {
    output.lines().find_map(|line| {
        let message: Message = serde_json::from_str(line).ok()?;
        message
            .executable
            .filter(|_| message.target.is_some_and(|t| t.name == target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_the_right_target_is_found() {
        let output = r#"{"reason":"compiler-artifact","target":{"name":"lib"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"other"},"executable":"o"}
            {"reason":"compiler-artifact","target":{"name":"e2e"},"executable":"t/e2e-1"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(output, "e2e"), Some(PathBuf::from("t/e2e-1")));
        assert_eq!(executable(output, "swaplab"), None);
    }
}
