//! A stock Linux on the faulty controller: its NVMe driver is another half than ours.
//!
//! In swaplab's own machine here, in QEMU's by `vfio_user`.
//! The kernel is the one of the stock KVM host. What the guest checks is in
//! `xtask/data/linux-guest-init.sh`; it answers by how it ends.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::e2e::{bad_end, on_host};
use super::{Outcome, build};
use crate::{stock_kvm, workspace};

pub(super) const INIT: &str = include_str!("../../data/linux-guest-init.sh");

/// The driver under test, which Debian's kernel has as a module.
const MODULES: [&str; 1] = ["nvme"];

/// What the init runs into, once each: a block that it reads in vain, and two queues that stay although the driver
/// was told that they are gone, one at a reset and one when it lets go of the device. Our own driver deletes no queue.
pub(super) const FAULTS: [&str; 3] = [
    "read lba=4096..4097 => status=media/unrecovered-read dnr",
    "delete-io-sq nth=1 => ignore-delete-queue",
    "delete-io-cq nth=2 => ignore-delete-queue",
];

/// Runs its arguments, shows what they say and keeps it in a file; ends as they do.
const TEED: &str = r#"{ "$@"; echo $? >status; } | tee said; exit "$(cat status)""#;
/// That file.
const SAID: &str = "said";

/// What every machine says to the kernel.
pub(super) const APPEND: &str = "console=ttyS0 quiet panic=-1";

/// A guest in files.
pub(super) struct Guest {
    pub(super) folder: TempDir,
    pub(super) kernel: PathBuf,
    pub(super) initrd: PathBuf,
}

impl Guest {
    /// Puts the guest together in a scratch folder; `init` is its first program.
    pub(super) fn new(init: &str) -> Result<Self> {
        Self::put_together(init, None)
    }

    /// The same with a program of this machine in its `/bin`.
    pub(super) fn with_program(init: &str, program: &Path) -> Result<Self> {
        Self::put_together(init, Some(program))
    }

    fn put_together(init: &str, program: Option<&Path>) -> Result<Self> {
        let folder =
            tempfile::tempdir_in(workspace::root().join("target")).or_else(|_| tempfile::tempdir());
        let folder = folder.context("cannot make a scratch folder")?;
        let guest = stock_kvm::linux_guest(&MODULES, init, program)?;
        let initrd = folder.path().join("initrd");
        fs::write(&initrd, &guest.initramfs).context("cannot write the RAM disk")?;
        Ok(Self { folder, kernel: guest.kernel, initrd })
    }
}

/// Boots Linux on the faulty controller, on a stock KVM.
pub(super) fn on_stock_kvm() -> Result<Outcome> {
    let guest = Guest::new(INIT)?;
    let command = command(&build::swaplab()?, &guest.kernel, &guest.initrd);
    let ended = on_host(guest.folder.path(), command, Vec::new())?;
    if let Some(how) = bad_end(&ended) {
        return Ok(Outcome::Failed(how));
    }
    let said = fs::read_to_string(guest.folder.path().join(SAID));
    Ok(every_fault_fired(&said.context("nobody kept what was said")?))
}

/// Passed if a report says of every fault that it fired once: what did not happen was not survived.
pub(super) fn every_fault_fired(said: &str) -> Outcome {
    let counts: Vec<&str> = said.lines().filter(|line| line.starts_with("fault: ")).collect();
    if counts.len() == FAULTS.len() && counts.iter().all(|line| line.ends_with(", fired 1")) {
        return Outcome::Passed;
    }
    Outcome::Failed(format!(
        "{} faults should have fired once each:\n{}",
        FAULTS.len(),
        counts.join("\n")
    ))
}

fn command(swaplab: &Path, kernel: &Path, initrd: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["sh", "-c", TEED, "sh"].map(OsString::from).into();
    words.extend([swaplab.into(), "boot".into(), "--image".into()]);
    words.extend([kernel.into(), "--initrd".into(), initrd.into()]);
    words.extend(["--memory", "256", "--timeout", "240"].map(OsString::from));
    words.extend(FAULTS.iter().flat_map(|rule| ["--fault", rule]).map(OsString::from));
    words.extend(["--append", APPEND].map(OsString::from));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_did_not_fire_or_is_not_reported_fails() {
        let line = |count| format!("fault: x: matched 1, fired {count}\n");
        let once = line(1).repeat(FAULTS.len());
        let noise = "linux guest: all is well\r\n";
        assert_eq!(every_fault_fired(&(noise.to_owned() + &once)), Outcome::Passed);
        let fewer = line(1).repeat(FAULTS.len() - 1);
        let rest = [String::new(), line(0), line(2), line(11)];
        for said in rest.map(|rest| fewer.clone() + &rest) {
            let outcome = every_fault_fired(&said);
            assert!(matches!(outcome, Outcome::Failed(_)), "{said}");
        }
    }
}
