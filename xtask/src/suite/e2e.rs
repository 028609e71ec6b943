//! The end-to-end tests on an engine, and on another host.
//!
//! They learn from the environment what to run: `SWAPLAB_ENGINE` is `host` or `kvm`, `SWAPLAB_BIN` the
//! program to drive.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Outcome, build, cargo};
use crate::stock_kvm::{self, Ended};
use crate::workspace;

/// Which engine the tests are to use.
pub(super) const ENGINE: &str = "SWAPLAB_ENGINE";
/// Which program they are to drive.
pub(super) const PROGRAM: &str = "SWAPLAB_BIN";

/// Seconds until a stock KVM host is given up: TCG needs minutes for what takes seconds here.
const STOCK_KVM_TIMEOUT: Duration = Duration::from_secs(1500);

/// The tests on one engine, on this machine.
pub(super) fn on_engine(engine: &str) -> Result<Outcome> {
    let (program, tests) = (build::swaplab()?, build::e2e()?);
    let mut command = Command::new(tests);
    command.current_dir(workspace::root().join("tests"));
    command.env(ENGINE, engine).env(PROGRAM, program);
    cargo::outcome(command)
}

/// The tests on the engine kvm, on a stock KVM host.
pub(super) fn on_stock_kvm() -> Result<Outcome> {
    let (program, tests) = (build::swaplab()?, build::e2e()?);
    // Two processors that TCG interprets: tests one after the other do not starve each other.
    let command = vec![tests.into(), "--test-threads=1".into()];
    let env = vec![
        (ENGINE.into(), "kvm".into()),
        (PROGRAM.into(), program.into()),
    ];
    match on_host(&workspace::root().join("tests"), command, env)? {
        Ended::Status(0) => Ok(Outcome::Passed),
        Ended::Status(status) => Ok(Outcome::Failed(format!("exit status {status}"))),
        Ended::HostDied { why, console } => Ok(Outcome::Failed(format!("{why}\n{console}"))),
    }
}

/// One command on a stock KVM host.
pub(super) fn on_host(
    folder: &Path,
    command: Vec<OsString>,
    mut env: Vec<(OsString, OsString)>,
) -> Result<Ended> {
    env.extend(
        stock_kvm::passed_env()
            .into_iter()
            .filter(|(name, _)| name != ENGINE && name != PROGRAM),
    );
    stock_kvm::run(&stock_kvm::Options {
        memory_mib: 4096,
        cpus: 2,
        timeout: STOCK_KVM_TIMEOUT,
        folder: folder.to_path_buf(),
        env,
        command,
    })
}

/// Why the engine kvm cannot run here, if it cannot.
pub(super) fn why_no_kvm() -> Option<String> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    device
        .context("/dev/kvm cannot be opened")
        .err()
        .map(|error| format!("{error:#}"))
}

/// Why there can be no stock KVM host, if there can be none.
pub(super) fn why_no_stock_kvm() -> Option<String> {
    let packages = stock_kvm::missing();
    (!packages.is_empty()).then(|| stock_kvm::Missing(&packages).to_string())
}
