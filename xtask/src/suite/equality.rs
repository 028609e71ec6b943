//! The promise that the engine does not matter: `reproduce --json` says the same everywhere.
//!
//! Verdicts, counts, virtual times and trace hashes must be equal; only what names the engine or
//! measures the wall clock may differ.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::e2e::{bad_end, on_host};
use super::{Outcome, build};
use crate::workspace;

/// What is compared with a stock KVM under emulation, where a unit takes a second: one scenario of each
/// kind (shutdown, mapping, errors of the drive, activation).
const STOCK_KVM_SCENARIOS: [&str; 4] = ["shutdown", "unwritten", "read-error", "shared"];

/// One object of the output, without what may differ.
type Line = BTreeMap<String, Value>;

/// The engine host against the engine kvm, on this machine.
pub(super) fn host_and_kvm() -> Result<Outcome> {
    compare("host", &here("host", &[])?, "kvm", &here("kvm", &[])?)
}

/// The engine host on this machine against the engine kvm on a stock KVM.
pub(super) fn host_and_stock_kvm() -> Result<Outcome> {
    // Its standard output cannot be taken from the host's stream, so it goes to a file that is kept.
    let folder =
        tempfile::tempdir_in(workspace::root().join("target")).or_else(|_| tempfile::tempdir());
    let folder = folder.context("cannot make a scratch folder")?;
    let mut words: Vec<OsString> =
        ["sh", "-c", "\"$0\" \"$@\" > output"].map(OsString::from).into();
    words.push(build::swaplab()?.into());
    words.extend(arguments("kvm", &STOCK_KVM_SCENARIOS).map(OsString::from));
    if let Some(what) = bad_end(&on_host(folder.path(), words, Vec::new())?) {
        return Ok(Outcome::Failed(what));
    }
    let output = fs::read_to_string(folder.path().join("output")).context("no output was left")?;
    compare("host", &here("host", &STOCK_KVM_SCENARIOS)?, "stock kvm", &parse(&output)?)
}

/// The words for these scenarios, or for all if none is named.
fn arguments<'a>(engine: &'a str, scenarios: &'a [&str]) -> impl Iterator<Item = &'a str> {
    ["reproduce", "--json", "--engine", engine].into_iter().chain(scenarios.iter().copied())
}

fn here(engine: &str, scenarios: &[&str]) -> Result<Vec<Line>> {
    let program = build::swaplab()?;
    let output = Command::new(&program).args(arguments(engine, scenarios)).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "engine {engine}: {}\n{complaint}", output.status);
    parse(&String::from_utf8(output.stdout)?)
}

fn parse(output: &str) -> Result<Vec<Line>> {
    let line = |text: &str| -> Result<Line> {
        let mut line: Line =
            serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))?;
        line.retain(|name, _| name != "engine" && !name.starts_with("wall"));
        Ok(line)
    };
    output.lines().map(line).collect()
}

fn compare(name_a: &str, a: &[Line], name_b: &str, b: &[Line]) -> Result<Outcome> {
    let is_traced = |line: &&Line| line.keys().any(|name| name.contains("hash"));
    let traced = a.iter().filter(is_traced).count();
    anyhow::ensure!(traced > 0, "{name_a} reports no trace hash: there is nothing to compare");
    if a.len() != b.len() {
        return Ok(Outcome::Failed(format!(
            "{name_a} has {} lines, {name_b} {}",
            a.len(),
            b.len()
        )));
    }
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let names = a.keys().chain(b.keys());
        if let Some(name) = names.into_iter().find(|name| a.get(*name) != b.get(*name)) {
            let show = |line: &Line| line.get(name).map_or("nothing".to_owned(), Value::to_string);
            let what = format!("line {}: `{name}` is {} on {name_a}", index + 1, show(a));
            return Ok(Outcome::Failed(format!("{what}, {} on {name_b}", show(b))));
        }
    }
    println!("{} lines, {traced} trace hashes: equal on {name_a} and {name_b}", a.len());
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(a: &str, b: &str) -> Outcome {
        compare("a", &parse(a).unwrap(), "b", &parse(b).unwrap()).unwrap()
    }

    #[test]
    fn the_engine_and_the_wall_clock_may_differ() {
        let a = r#"{"engine":"host","wall_ns":1,"trace_hash":"x"}"#;
        let b = r#"{"engine":"kvm","wall_ns":2,"trace_hash":"x"}"#;
        assert_eq!(outcome(a, b), Outcome::Passed);
    }

    #[test]
    fn another_hash_or_a_field_that_only_one_has_is_a_difference() {
        let a = r#"{"trace_hash":"x"}"#;
        let Outcome::Failed(what) = outcome(a, r#"{"trace_hash":"y"}"#) else {
            panic!("must differ")
        };
        assert_eq!(what, "line 1: `trace_hash` is \"x\" on a, \"y\" on b");
        assert_ne!(outcome(a, r#"{"trace_hash":"x","lost":1}"#), Outcome::Passed);
        assert_ne!(outcome(a, ""), Outcome::Passed);
    }

    #[test]
    fn two_empty_outputs_are_not_equal_but_useless() {
        compare("a", &[], "b", &[]).unwrap_err();
    }
}
