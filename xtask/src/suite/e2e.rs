//! The end-to-end tests on given engines, here and on another host.
//!
//! The tests run on every engine they find unless `SWAPLAB_ENGINES` names those they must run on:
//! then an engine that cannot be used is a failure. That is how a step that says "on kvm" is known
//! to have been on kvm.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Outcome, build, cargo};
use crate::stock_kvm::{self, Ended};
use crate::workspace;

/// Which engines the tests must run on, separated by commas.
pub(super) const ENGINES: &str = "SWAPLAB_ENGINES";

/// How many mixed units the engines are compared with.
const EQUALITY_UNITS: &str = "SWAPLAB_EQUALITY_UNITS";
/// So many on a stock KVM, which is emulated.
const STOCK_KVM_EQUALITY_UNITS: &str = "220";

/// Until a stock KVM host is given up: TCG needs a minute for what takes seconds here.
const STOCK_KVM_TIMEOUT: Duration = Duration::from_secs(900);

/// Runs each of its arguments; the first failure is its exit status. TCG interprets the processor:
/// tests one after the other do not starve each other.
const RUN_EACH: &str = "for test; do \"$test\" --test-threads=1 || exit; done";

/// The tests on these engines, on this machine.
pub(super) fn on_engines(engines: &str) -> Result<Outcome> {
    let command = |test| {
        let mut command = Command::new(test);
        command.current_dir(workspace::root().join("tests")).env(ENGINES, engines);
        command
    };
    cargo::all(build::e2e()?.into_iter().map(command))
}

/// The VMM's tests, then the tests on both engines, on a stock KVM host.
pub(super) fn on_stock_kvm() -> Result<Outcome> {
    let mut command: Vec<OsString> = ["sh", "-c", RUN_EACH, "sh"].map(OsString::from).into();
    command
        .extend(build::vmm()?.into_iter().chain(build::e2e_for_stock_kvm()?).map(OsString::from));
    let env = vec![
        (ENGINES.into(), "host,kvm".into()),
        (EQUALITY_UNITS.into(), STOCK_KVM_EQUALITY_UNITS.into()),
    ];
    let ended = on_host(&workspace::root().join("tests"), command, env)?;
    Ok(bad_end(&ended).map_or(Outcome::Passed, Outcome::Failed))
}

/// What is wrong with how a host ended, if anything is.
pub(super) fn bad_end(ended: &Ended) -> Option<String> {
    match ended {
        Ended::Status(0) => None,
        Ended::Status(status) => Some(format!("exit status {status} on the stock KVM host")),
        Ended::HostDied { why, console } => Some(format!("{why}\n{console}")),
    }
}

/// One command on a stock KVM host; once more if the emulated host itself dies. A command that fails is
/// an exit status, and final.
pub(super) fn on_host(
    folder: &Path,
    command: Vec<OsString>,
    mut env: Vec<(OsString, OsString)>,
) -> Result<Ended> {
    env.extend(stock_kvm::passed_env().into_iter().filter(|(name, _)| name != ENGINES));
    let options = stock_kvm::Options {
        memory_mib: 4096,
        // With two, QEMU's SVM now and then loses or mixes up a nested guest's state.
        cpus: 1,
        timeout: STOCK_KVM_TIMEOUT,
        folder: folder.to_path_buf(),
        env,
        command,
    };
    match stock_kvm::run(&options)? {
        Ended::HostDied { why, .. } => {
            println!("the stock KVM host died ({why}): once more");
            stock_kvm::run(&options)
        }
        ended @ Ended::Status(_) => Ok(ended),
    }
}

/// Why the engine kvm cannot run here, if it cannot.
pub(super) fn why_no_kvm() -> Option<String> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    device.context("/dev/kvm cannot be opened").err().map(|error| format!("{error:#}"))
}

/// Why there can be no stock KVM host, if there can be none.
pub(super) fn why_no_stock_kvm() -> Option<String> {
    let packages = stock_kvm::missing();
    (!packages.is_empty()).then(|| stock_kvm::Missing(&packages).to_string())
}
