//! A stock Linux in swaplab's own machine: its NVMe driver is another half than ours.
//!
//! The kernel is the one of the stock KVM host. What the guest checks is in
//! `xtask/data/linux-guest-init.sh`; it answers by how it ends.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::e2e::{bad_end, on_host};
use super::{Outcome, build};
use crate::{stock_kvm, workspace};

const INIT: &str = include_str!("../../data/linux-guest-init.sh");

/// The driver under test, which Debian's kernel has as a module.
const MODULES: [&str; 1] = ["nvme"];

/// The block that the init reads in vain.
const FAULT: &str = "read lba=4096..4097 => status=media/unrecovered-read dnr";

/// Boots Linux on the faulty controller, on a stock KVM.
pub(super) fn on_stock_kvm() -> Result<Outcome> {
    let folder =
        tempfile::tempdir_in(workspace::root().join("target")).or_else(|_| tempfile::tempdir());
    let folder = folder.context("cannot make a scratch folder")?;
    let guest = stock_kvm::linux_guest(&MODULES, INIT)?;
    let initrd = folder.path().join("initrd");
    fs::write(&initrd, &guest.initramfs).context("cannot write the RAM disk")?;
    let command = command(&build::swaplab()?, &guest.kernel, &initrd);
    let ended = on_host(folder.path(), command, Vec::new())?;
    Ok(bad_end(&ended).map_or(Outcome::Passed, Outcome::Failed))
}

fn command(swaplab: &Path, kernel: &Path, initrd: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![swaplab.into(), "boot".into(), "--image".into()];
    words.extend([kernel.into(), "--initrd".into(), initrd.into()]);
    words.extend(["--memory", "256", "--timeout", "240", "--fault", FAULT].map(OsString::from));
    words.extend(["--append", "console=ttyS0 quiet panic=-1"].map(OsString::from));
    words
}
