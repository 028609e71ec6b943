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

/// The block that the init reads in vain.
pub(super) const FAULT: &str = "read lba=4096..4097 => status=media/unrecovered-read dnr";

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
        let folder =
            tempfile::tempdir_in(workspace::root().join("target")).or_else(|_| tempfile::tempdir());
        let folder = folder.context("cannot make a scratch folder")?;
        let guest = stock_kvm::linux_guest(&MODULES, init)?;
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
    Ok(bad_end(&ended).map_or(Outcome::Passed, Outcome::Failed))
}

fn command(swaplab: &Path, kernel: &Path, initrd: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![swaplab.into(), "boot".into(), "--image".into()];
    words.extend([kernel.into(), "--initrd".into(), initrd.into()]);
    words.extend(["--memory", "256", "--timeout", "240", "--fault", FAULT].map(OsString::from));
    words.extend(["--append", APPEND].map(OsString::from));
    words
}
