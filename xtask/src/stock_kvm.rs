//! Runs a command on a stock KVM host: an ordinary Linux whose `/dev/kvm` has hardware semantics.
//!
//! The host is the newest installed kernel with 9p, booted by QEMU's TCG with a CPU that offers AMD
//! SVM. The command sees this machine's file system read-only below a throw-away overlay; only the
//! current folder is written through. Its output is streamed, its exit status returned.
//!
//! What this does not do: no network, no standard input, and no timing that means anything: TCG
//! interprets every instruction. It answers "is it right there", never "is it fast there".

mod initramfs;
mod kernel;
mod packages;
mod program;
mod qemu;
mod script;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

pub use packages::{Missing, missing};
pub(crate) use packages::{QEMU, find_tool};

/// The exit status when the host did not finish.
pub const EXIT_HOST_DIED: u8 = 125;

/// What to run, and on how large a host.
#[derive(Debug)]
pub struct Options {
    /// Memory of the host in MiB.
    pub memory_mib: u32,
    /// Processors of the host.
    pub cpus: u32,
    /// How long the host may take from power-on to power-off.
    pub timeout: Duration,
    /// The folder whose changes are kept; also the command's working folder.
    pub folder: PathBuf,
    /// Environment variables that the command gets besides `HOME`, `PATH` and `TERM`.
    pub env: Vec<(OsString, OsString)>,
    /// The command and its arguments.
    pub command: Vec<OsString>,
}

/// How the host ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// The command ran; this is its exit status as a shell reports it.
    Status(u8),
    /// The host did not finish: why, and the last lines of its serial console.
    HostDied {
        /// What was seen from outside.
        why: String,
        /// The end of the serial console, for the reader.
        console: String,
    },
}

/// The variables of this process that a command on the host sees too: this project's and Rust's own.
#[must_use]
pub fn passed_env() -> Vec<(OsString, OsString)> {
    let is_passed = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("SWAPLAB_") || name.starts_with("RUST_")
    };
    std::env::vars_os().filter(|(name, _)| is_passed(name)).collect()
}

/// A stock Linux to boot in a machine of our own.
#[derive(Debug)]
pub(crate) struct LinuxGuest {
    /// The kernel: the same as the host's.
    pub(crate) kernel: PathBuf,
    /// busybox, the modules, the init, and perhaps one program more.
    pub(crate) initramfs: Vec<u8>,
}

/// Puts a guest together that loads `modules` and runs `init`; `program`, with its libraries, is in its `/bin`.
pub(crate) fn linux_guest(
    modules: &[&str],
    init: &str,
    program: Option<&Path>,
) -> Result<LinuxGuest> {
    let kernel = kernel::newest()?;
    let modules = kernel.modules(modules)?;
    let initramfs = initramfs::build_with(&packages::busybox()?, &modules, init, program)?;
    Ok(LinuxGuest { kernel: kernel.image, initramfs })
}

/// Boots the host, runs the command, streams its output.
///
/// # Errors
/// When the packages are missing, or the host's parts cannot be put together or started.
pub fn run(options: &Options) -> Result<Ended> {
    let packages = missing();
    anyhow::ensure!(packages.is_empty(), "{}", Missing(&packages));
    let kernel = kernel::newest()?;
    let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
    let modules = kernel.modules(&[
        "virtio_pci",
        "virtio_console",
        "9pnet_virtio",
        "9p",
        "overlay",
        "kvm_amd",
    ])?;
    let archive = initramfs::build(&packages::busybox()?, &modules, &script::text(options)?)?;
    let initramfs = scratch.path().join("initramfs.cpio");
    std::fs::write(&initramfs, archive)
        .with_context(|| format!("cannot write {}", initramfs.display()))?;
    qemu::Host { options, kernel: &kernel.image, initramfs: &initramfs, scratch: scratch.path() }
        .run()
}
