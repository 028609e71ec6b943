//! A stock Linux whose drive's namespaces are added, resized and removed while it runs.
//!
//! Nobody tells it to look: its driver hears the controller's events. The guest's init says what it wants done next and
//! checks what became of it (`xtask/data/linux-namespaces-init.sh`); a script beside the machine does it with `swaplab
//! namespace` (`xtask/data/linux-namespaces-host.sh`).

use std::ffi::OsString;
use std::fs;

use anyhow::{Context, Result};

use super::e2e::{bad_end, on_host};
use super::linux_guest::{APPEND, Guest};
use super::{Outcome, build};

const INIT: &str = include_str!("../../data/linux-namespaces-init.sh");
const HOST: &str = include_str!("../../data/linux-namespaces-host.sh");

/// Boots Linux on a stock KVM and does what it asks for.
pub(super) fn on_stock_kvm() -> Result<Outcome> {
    let guest = Guest::new(INIT)?;
    let script = guest.folder.path().join("host.sh");
    fs::write(&script, HOST).context("cannot write the host's script")?;
    let mut command: Vec<OsString> =
        vec!["sh".into(), script.into(), build::swaplab()?.into(), "--image".into()];
    command.extend([guest.kernel.into(), "--initrd".into(), guest.initrd.into()]);
    command.extend(["--size", "64", "--memory", "256", "--timeout", "240"].map(OsString::from));
    command.extend(["--append", APPEND].map(OsString::from));
    let ended = on_host(guest.folder.path(), command, Vec::new())?;
    Ok(bad_end(&ended).map_or(Outcome::Passed, Outcome::Failed))
}
