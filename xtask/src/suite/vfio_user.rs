//! A stock Linux and a firmware in QEMU on the controller that `swaplab serve` serves: nothing of ours but the
//! controller.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::linux_guest::{self, APPEND, FAULTS, Guest, INIT};
use super::{Outcome, build, e2e};
use crate::stock_kvm::QEMU;

/// The client, which QEMU has since 10.1.
const DEVICE: &str = "vfio-user-pci";

/// Seconds until the guest is given up: TCG takes 10.
const TIMEOUT: &str = "240";

/// Why there can be no such machine, if there can be none.
pub(super) fn why_not() -> Option<String> {
    e2e::why_no_stock_kvm().or_else(why_no_client)
}

fn why_no_client() -> Option<String> {
    let mut help = Command::new(QEMU);
    help.args(["-device", &format!("{DEVICE},help")]).stdin(Stdio::null());
    // A QEMU without the device says so, and ends as well as one that has it.
    let is_there = help
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(DEVICE));
    (!is_there).then(|| format!("{QEMU} with {DEVICE} is needed: QEMU 10.1 or later has it"))
}

/// Boots Linux in QEMU on a served controller. The init and the server must both find all well.
pub(super) fn linux_in_qemu() -> Result<Outcome> {
    let guest = Guest::new(INIT)?;
    let socket = guest.folder.path().join("nvme");
    let faults: Vec<&OsStr> =
        FAULTS.iter().flat_map(|rule| ["--fault".as_ref(), rule.as_ref()]).collect();
    let mut server = Server::start(&socket, &faults)?;
    let mut command = machine(&socket);
    command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initrd);
    if let Some(how) = ends_otherwise(command.args(["-append", APPEND]), 0)? {
        return Ok(Outcome::Failed(how));
    }
    // The client has hung up, so the server is at its end, too.
    Ok(linux_guest::every_fault_fired(&server.finish()?))
}

/// Boots from the drive: SeaBIOS has an NVMe driver of its own, for blocks of 512 bytes.
pub(super) fn firmware_in_qemu() -> Result<Outcome> {
    /// `mov dx, 0xf4; mov al, 0x10; out dx, al; hlt; jmp $-1`, which ends QEMU with 2 * 10h + 1.
    const PROGRAM: [u8; 9] = [0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xf4, 0xeb, 0xfd];
    const STATUS: i32 = 0x21;
    let folder = tempfile::tempdir().context("cannot make a scratch folder")?;
    let mut disk = vec![0; 8 << 20];
    disk[..PROGRAM.len()].copy_from_slice(&PROGRAM);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    let image = folder.path().join("disk");
    std::fs::write(&image, disk).context("cannot write the disk")?;
    let socket = folder.path().join("nvme");
    let lba = ["--lba".as_ref(), "512".as_ref(), "--disk".as_ref(), image.as_os_str()];
    let mut server = Server::start(&socket, &lba)?;
    // One that nobody came to would wait for ever.
    if let Some(how) = ends_otherwise(&mut machine(&socket), STATUS)? {
        return Ok(Outcome::Failed(how));
    }
    server.finish()?;
    Ok(Outcome::Passed)
}

/// A machine without anything but a console, a way to end it, and the client.
fn machine(socket: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "--kill-after=5", TIMEOUT, QEMU]).stdin(Stdio::null());
    command.args(["-accel", "tcg", "-m", "256", "-machine", "q35,memory-backend=ram"]);
    command.args(["-object", "memory-backend-memfd,id=ram,size=256M,share=on"]);
    command.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-device"]);
    let socket = serde_json::json!({ "type": "unix", "path": socket });
    let device = serde_json::json!({ "driver": DEVICE, "socket": socket });
    command.arg(device.to_string());
    command
}

/// Runs a machine; what it came to, if that is not `status`.
fn ends_otherwise(command: &mut Command, status: i32) -> Result<Option<String>> {
    let output = command.output().with_context(|| format!("cannot run {QEMU}"))?;
    let console = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let is_expected = output.status.code() == Some(status);
    Ok((!is_expected).then(|| format!("{QEMU} ended with {}\n{console}{said}", output.status)))
}

/// `swaplab serve`, ended with its owner.
struct Server {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts it, and waits until it listens.
    fn start(socket: &Path, words: &[&OsStr]) -> Result<Self> {
        let mut command = Command::new(build::swaplab()?);
        command.arg("serve").arg("--socket").arg(socket).args(words);
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
