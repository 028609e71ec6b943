//! An unmodified nvme-cli that injects errors, in a stock Linux on the faulty controller.
//!
//! Nothing is armed from outside: the program sets OCP's feature Error Injection (C0h), sees what it does, and reads
//! which rules are armed in the vendor's log page. What it checks is in `xtask/data/linux-nvme-cli-init.sh`.

use std::ffi::OsString;

use anyhow::{Context, Result};

use super::e2e::{bad_end, on_host};
use super::linux_guest::{APPEND, Guest};
use super::{Outcome, build};
use crate::stock_kvm::find_tool;

const INIT: &str = include_str!("../../data/linux-nvme-cli-init.sh");

/// The program, and the Debian package that has it.
const NVME: &str = "nvme";
const PACKAGE: &str = "nvme-cli";

/// The program that such a guest needs, if it is not there.
pub(super) fn what_is_missing() -> Option<String> {
    let is_there = find_tool(NVME).is_some();
    (!is_there).then(|| format!("{NVME} is not installed; on Debian: apt install {PACKAGE}"))
}

/// Boots Linux with nvme-cli on a stock KVM.
pub(super) fn on_stock_kvm() -> Result<Outcome> {
    let program = find_tool(NVME).with_context(|| format!("no {NVME}"))?;
    let guest = Guest::with_program(INIT, &program)?;
    let mut command: Vec<OsString> = vec![build::swaplab()?.into(), "boot".into()];
    command.extend(["--image".into(), guest.kernel.into(), "--initrd".into(), guest.initrd.into()]);
    command.extend(["--memory", "256", "--timeout", "240", "--append", APPEND].map(OsString::from));
    let ended = on_host(guest.folder.path(), command, Vec::new())?;
    Ok(bad_end(&ended).map_or(Outcome::Passed, Outcome::Failed))
}
