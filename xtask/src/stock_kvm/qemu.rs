//! The machine that the host runs on, and what comes out of it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

use super::packages::{QEMU, find_tool};
use super::script::{PORT_STDERR, PORT_STDOUT, STATUS_FILE, TAG_FOLDER, TAG_RESULT, TAG_ROOT};
use super::{Ended, Options};

/// Lines of the serial console that a failure shows.
const CONSOLE_LINES: usize = 20;

/// What `timeout` exits with when it had to end the command.
const TIMED_OUT: i32 = 124;

/// One boot of the host.
pub(super) struct Host<'a> {
    pub(super) options: &'a Options,
    pub(super) kernel: &'a Path,
    pub(super) initramfs: &'a Path,
    pub(super) scratch: &'a Path,
}

impl Host<'_> {
    /// Powers on, streams until power-off, and reads what was left.
    pub(super) fn run(&self) -> Result<Ended> {
        let result = self.scratch.join("result");
        fs::create_dir(&result).with_context(|| format!("cannot make {}", result.display()))?;
        let stdout = Stream::listen(self.scratch.join("stdout"), io::stdout())?;
        let stderr = Stream::listen(self.scratch.join("stderr"), io::stderr())?;
        let output = self.command(&result).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot run {QEMU}"))?;
        stdout.finish()?;
        stderr.finish()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if let Some(status) = read_status(&result.join(STATUS_FILE)) {
            return Ok(Ended::Status(status));
        }
        let seconds = self.options.timeout.as_secs();
        let why = match output.status.code() {
            Some(TIMED_OUT) => format!("not finished after {seconds} s"),
            _ => format!("{QEMU} ended with {} and left no exit status\n{said}", output.status),
        };
        let console = fs::read(self.scratch.join("serial")).unwrap_or_default();
        Ok(Ended::HostDied { why, console: last_lines(&String::from_utf8_lossy(&console)) })
    }

    /// QEMU below `timeout`, so that no host outlives its time even if this process dies.
    fn command(&self, result: &Path) -> Command {
        let options = self.options;
        let mut command = Command::new("timeout");
        command.args(["--foreground", "--kill-after=5"]).arg(options.timeout.as_secs().to_string());
        command.arg(find_tool(QEMU).unwrap_or_else(|| QEMU.into()));
        // `max` is the TCG CPU that offers everything, SVM with nested paging included.
        command.args(["-accel", "tcg,thread=multi", "-cpu", "max"]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
        command.arg("-m").arg(options.memory_mib.to_string());
        command.arg("-smp").arg(options.cpus.to_string());
        command.arg("-kernel").arg(self.kernel).arg("-initrd").arg(self.initramfs);
        command.args(["-append", "earlyprintk=serial console=ttyS0 panic=-1 nokaslr tsc=reliable"]);
        command.arg("-serial").arg(format!("file:{}", self.scratch.join("serial").display()));
        command.args(["-device", "virtio-serial-pci"]);
        for (name, port) in [("stdout", PORT_STDOUT), ("stderr", PORT_STDERR)] {
            let socket = self.scratch.join(name);
            command.arg("-chardev").arg(format!("socket,id={name},path={}", comma(&socket)));
            command.arg("-device").arg(format!("virtserialport,chardev={name},nr={port}"));
        }
        for (tag, path, access) in [
            (TAG_ROOT, Path::new("/"), ",readonly=on"),
            (TAG_FOLDER, &options.folder, ""),
            (TAG_RESULT, result, ""),
        ] {
            let path = comma(path);
            command.arg("-virtfs").arg(format!(
                "local,path={path},mount_tag={tag},security_model=none,multidevs=remap{access}"
            ));
        }
        command
    }
}

/// QEMU's option syntax doubles a comma that belongs to a value.
fn comma(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// A thread that copies one output of the host to one of ours as it comes.
struct Stream {
    path: PathBuf,
    thread: thread::JoinHandle<io::Result<u64>>,
}

impl Stream {
    fn listen(path: PathBuf, mut to: impl Write + Send + 'static) -> Result<Self> {
        let listener = UnixListener::bind(&path)
            .with_context(|| format!("cannot listen on {}", path.display()))?;
        let thread = thread::spawn(move || {
            let (mut from, _) = listener.accept()?;
            let copied = io::copy(&mut from, &mut to)?;
            to.flush()?;
            Ok(copied)
        });
        Ok(Self { path, thread })
    }

    /// Waits for the end of the stream, which QEMU's end is.
    fn finish(self) -> Result<()> {
        // A QEMU that never started never connected: this connection lets the thread end then.
        drop(std::os::unix::net::UnixStream::connect(&self.path));
        match self.thread.join() {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("cannot pass the host's output on")
            }
            Ok(_) => Ok(()),
            Err(_) => anyhow::bail!("the thread that passes the host's output on panicked"),
        }
    }
}

fn read_status(path: &Path) -> Option<u8> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_console_is_shown() {
        let text: String = (0..100).map(|i| format!("{i}\n")).collect();
        let shown = last_lines(&text);
        assert!(shown.starts_with("80\n") && shown.ends_with("99"), "{shown}");
    }

    #[test]
    fn a_comma_in_a_path_does_not_end_the_option() {
        assert_eq!(comma(Path::new("/a,b")), "/a,,b");
    }
}
