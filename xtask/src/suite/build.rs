//! Programs to run outside cargo: cargo builds them and says where they are.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::cargo::cargo;

/// The integration test that looks at source text: nothing an engine could change.
const TIDY: &str = "tidy";

/// What does not run on an emulated stock KVM: the end-to-end tests of every scenario, of every fault kind and of
/// a million swaps take minutes there; the plain way to the devices (`exits`), a halt for each command, hung the
/// emulator once in a few runs; and a controller that is `served` needs no KVM.
const NOT_EMULATED: [&str; 5] = ["scenarios", "driver_faults", "million_swaps", "exits", "served"];

/// The program `swaplab`, built as the tests are.
pub(super) fn swaplab() -> Result<PathBuf> {
    let programs = build(&["build", "--package", "swaplab"], "bin")?;
    let program = programs.into_iter().find(|program| program.target == "swaplab");
    Ok(program.context("cargo built no program swaplab")?.path)
}

/// The end-to-end tests: every integration test of the tests crate but tidy.
pub(super) fn e2e() -> Result<Vec<PathBuf>> {
    let programs = build(&["test", "--package", "swaplab-tests", "--no-run"], "test")?;
    let tests = programs.into_iter().filter(|program| program.target != TIDY);
    let paths: Vec<PathBuf> = tests.map(|program| program.path).collect();
    anyhow::ensure!(!paths.is_empty(), "cargo built no end-to-end test");
    Ok(paths)
}

/// The end-to-end tests for a host whose processor is interpreted: the others run on this machine's engines
/// alone.
pub(super) fn e2e_for_stock_kvm() -> Result<Vec<PathBuf>> {
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        !NOT_EMULATED.iter().any(|test| name.starts_with(test))
    };
    Ok(e2e()?.into_iter().filter(is_wanted).collect())
}

/// The VMM's own tests, which use KVM too.
pub(super) fn vmm() -> Result<Vec<PathBuf>> {
    let programs = build(&["test", "--package", "vmm", "--lib", "--no-run"], "lib")?;
    let paths: Vec<PathBuf> = programs.into_iter().map(|program| program.path).collect();
    anyhow::ensure!(!paths.is_empty(), "cargo built no test of the VMM");
    Ok(paths)
}

/// A program that cargo built.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    target: String,
    path: PathBuf,
}

fn build(args: &[&str], kind: &str) -> Result<Vec<Program>> {
    let mut command = cargo(args);
    command.args(["--quiet", "--message-format=json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = command.output().context("cannot run cargo")?;
    anyhow::ensure!(output.status.success(), "cargo {} failed", args.join(" "));
    Ok(programs(&String::from_utf8_lossy(&output.stdout), kind))
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
    kind: Vec<String>,
}

/// The programs of this kind of target.
fn programs(output: &str, kind: &str) -> Vec<Program> {
    let program = |line: &str| {
        let message: Message = serde_json::from_str(line).ok()?;
        let target = message.target.filter(|target| target.kind.iter().any(|k| k == kind))?;
        Some(Program { target: target.name, path: message.executable? })
    };
    output.lines().filter_map(program).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_one_kind_are_found() {
        let output = r#"{"reason":"compiler-artifact","target":{"name":"a","kind":["lib"]},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"a","kind":["lib"]},"executable":"unit-tests"}
            {"reason":"compiler-artifact","target":{"name":"e2e","kind":["test"]},"executable":"t/e2e-1"}
            {"reason":"build-finished","success":true}"#;
        let expected = Program { target: "e2e".to_owned(), path: "t/e2e-1".into() };
        assert_eq!(programs(output, "test"), [expected]);
        assert_eq!(programs(output, "bin"), []);
    }
}
