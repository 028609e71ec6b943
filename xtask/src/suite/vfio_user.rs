//! A stock Linux in QEMU on the controller that `swaplab serve` serves: nothing of ours but the controller.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::linux_guest::{APPEND, FAULT, Guest};
use super::{Outcome, build};
use crate::stock_kvm::QEMU;

/// The client, which QEMU has since 10.1.
const DEVICE: &str = "vfio-user-pci";

/// Seconds until the guest is given up: TCG takes 10.
const TIMEOUT: &str = "240";

/// Why there can be no such machine, if there can be none.
pub(super) fn why_not() -> Option<String> {
    let mut help = Command::new(QEMU);
    help.args(["-device", &format!("{DEVICE},help")]).stdin(Stdio::null());
    let is_there = help.output().is_ok_and(|output| output.status.success());
    (!is_there).then(|| format!("{QEMU} with {DEVICE} is needed: QEMU 10.1 or later has it"))
}

/// Boots Linux in QEMU on a served controller. The init and the server must both find all well.
pub(super) fn in_qemu() -> Result<Outcome> {
    let guest = Guest::new()?;
    let socket = guest.folder.path().join("nvme");
    let mut server = Server::start(&build::swaplab()?, &socket)?;
    let output = command(&guest, &socket).output().with_context(|| format!("cannot run {QEMU}"))?;
    if !output.status.success() {
        let console = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        return Ok(Outcome::Failed(format!(
            "{QEMU} ended with {}\n{console}{said}",
            output.status
        )));
    }
    // The client has hung up, so the server is at its end, too.
    let said = server.finish()?;
    if said.lines().any(|line| line.starts_with("fault: ") && line.ends_with("fired 1")) {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Failed(format!("the server does not say that its fault fired once:\n{said}")))
}

/// A machine without anything but a console, a way to end it, and the client.
fn command(guest: &Guest, socket: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "--kill-after=5", TIMEOUT, QEMU]).stdin(Stdio::null());
    command.args(["-accel", "tcg", "-m", "256", "-machine", "q35,memory-backend=ram"]);
    command.args(["-object", "memory-backend-memfd,id=ram,size=256M,share=on"]);
    command.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-device"]);
    let socket = serde_json::json!({ "type": "unix", "path": socket });
    command.arg(serde_json::json!({ "driver": DEVICE, "socket": socket }).to_string());
    command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initrd);
    command.args(["-append", APPEND]);
    command
}

/// `swaplab serve`, ended with its owner.
struct Server {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts it, and waits until it listens.
    fn start(swaplab: &Path, socket: &Path) -> Result<Self> {
        let mut command = Command::new(swaplab);
        command.arg("serve").arg("--socket").arg(socket).args(["--fault", FAULT]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().context("its output is piped")?;
        let mut server = Self { child, said: BufReader::new(said) };
        let mut line = String::new();
        server.said.read_line(&mut line)?;
        anyhow::ensure!(line.contains("NVMe controller"), "the server says {line:?}");
        Ok(server)
    }

    /// Waits for its end; what it said meanwhile.
    fn finish(&mut self) -> Result<String> {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut said)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the server ended with {status}:\n{said}");
        Ok(said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
