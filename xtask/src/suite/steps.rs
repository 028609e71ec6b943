//! The steps of the suite, cheapest first.

use std::process::{Command, Stdio};

use anyhow::Result;

use super::cargo::{all, cargo, outcome};
use super::{
    Outcome, Step, e2e, equality, linux_guest, linux_namespaces, linux_nvme_cli, vfio_user,
};
use crate::stock_kvm::QEMU;
use crate::{tidy, workspace};

/// Where the bootable guest is: a workspace of its own.
const KERNEL: &str = "images/kernel";

/// Set where everything that can be installed has been.
const CI: &str = "CI";

pub(super) fn all_steps() -> Vec<Step> {
    let step = |title, work| Step { title, work };
    vec![
        step("format (rustfmt)", format),
        step("repository rules (tidy)", rules),
        step("lints (clippy)", lints),
        step("licences, sources, duplicates (cargo-deny)", deny),
        step("unit, integration and doc tests (cargo test)", tests),
        step("documentation (rustdoc)", documentation),
        step("the guest on QEMU's machine and controller", on_qemu),
        step("end to end on the engine host", || e2e::on_engines("host")),
        step("end to end on the engines host and kvm", || if_kvm(|| e2e::on_engines("host,kvm"))),
        step("same verdicts and traces on host and kvm", || if_kvm(equality::host_and_kvm)),
        step("VMM tests and end to end on a stock KVM", || if_stock_kvm(e2e::on_stock_kvm)),
        step("same verdicts and traces on host and a stock KVM", || {
            if_stock_kvm(equality::host_and_stock_kvm)
        }),
        step("a stock Linux on the controller, on a stock KVM", || {
            if_stock_kvm(linux_guest::on_stock_kvm)
        }),
        step("a stock Linux whose namespaces come, grow and go, on a stock KVM", || {
            if_stock_kvm(linux_namespaces::on_stock_kvm)
        }),
        step("an unmodified nvme-cli that injects errors, in a stock Linux on a stock KVM", || {
            if_nvme_cli(linux_nvme_cli::on_stock_kvm)
        }),
        step("a stock Linux in QEMU on the served controller", || {
            if_vfio_user(vfio_user::linux_in_qemu)
        }),
        step("a firmware in QEMU that boots from the served controller", || {
            if_vfio_user(vfio_user::firmware_in_qemu)
        }),
    ]
}

fn format() -> Result<Outcome> {
    let kernel = format!("{KERNEL}/Cargo.toml");
    all([
        cargo(&["fmt", "--all", "--check"]),
        cargo(&["fmt", "--manifest-path", &kernel, "--check"]),
    ])
}

fn rules() -> Result<Outcome> {
    let findings = tidy::check(&workspace::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Failed(format!("{} findings", findings.len())))
}

/// Also where a lock file that is not up to date is noticed.
fn lints() -> Result<Outcome> {
    let deny = ["--quiet", "--keep-going", "--", "-D", "warnings"];
    let mut workspace = cargo(&["clippy", "--locked", "--workspace", "--all-targets"]);
    workspace.args(deny);
    // In its folder, because the link recipe there is found by the current folder.
    let mut kernel = cargo(&["clippy", "--locked"]);
    kernel.args(deny).current_dir(workspace::root().join(KERNEL));
    all([workspace, kernel])
}

/// The checks of cargo-deny that need no network; advisories need one.
fn deny() -> Result<Outcome> {
    let mut version = cargo(&["deny", "--version"]);
    if !version.output().is_ok_and(|output| output.status.success()) {
        let remedy = "cargo-deny is not installed; cargo install --locked cargo-deny";
        return Ok(Outcome::Skipped(remedy.to_owned()));
    }
    let kernel = format!("{KERNEL}/Cargo.toml");
    let checked = |manifest: &str| -> Command {
        let mut command = cargo(&["deny", "--offline", "--manifest-path", manifest]);
        command.args(["--config", "deny.toml", "check", "--hide-inclusion-graph"]);
        command.args(["bans", "licenses", "sources"]);
        command
    };
    all([checked("Cargo.toml"), checked(&kernel)])
}

/// What is engine-specific runs below, one engine a step.
fn tests() -> Result<Outcome> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.env(e2e::ENGINES, "host");
    outcome(command)
}

fn documentation() -> Result<Outcome> {
    let mut command =
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    outcome(command)
}

/// On a developer's machine a program may be missing; in CI it may not.
fn lacking(remedy: String) -> Outcome {
    let is_ci = std::env::var_os(CI).is_some();
    if is_ci { Outcome::Failed(remedy) } else { Outcome::Skipped(remedy) }
}

/// The guest's image in QEMU, and its conformance test against QEMU's controller.
fn on_qemu() -> Result<Outcome> {
    let mut version = Command::new(QEMU);
    version.arg("--version").stdin(Stdio::null());
    if !version.output().is_ok_and(|output| output.status.success()) {
        return Ok(lacking(format!(
            "{QEMU} is not installed; on Debian: apt install qemu-system-x86"
        )));
    }
    let mut command = cargo(&["test", "--package", "images", "--test", "qemu"]);
    command.env("SWAPLAB_QEMU", "1");
    outcome(command)
}

fn if_kvm(work: fn() -> Result<Outcome>) -> Result<Outcome> {
    e2e::why_no_kvm().map_or_else(work, |why| Ok(Outcome::Skipped(why)))
}

fn if_stock_kvm(work: fn() -> Result<Outcome>) -> Result<Outcome> {
    e2e::why_no_stock_kvm().map_or_else(work, |why| Ok(Outcome::Skipped(why)))
}

fn if_nvme_cli(work: fn() -> Result<Outcome>) -> Result<Outcome> {
    let run = || linux_nvme_cli::what_is_missing().map_or_else(work, |why| Ok(lacking(why)));
    e2e::why_no_stock_kvm().map_or_else(run, |why| Ok(Outcome::Skipped(why)))
}

fn if_vfio_user(work: fn() -> Result<Outcome>) -> Result<Outcome> {
    vfio_user::why_not().map_or_else(work, |why| Ok(Outcome::Skipped(why)))
}
