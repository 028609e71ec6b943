//! A process that is looked at from outside: how long it takes, and how large it gets.

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;

/// How often it is looked at. What it does after the last look is not in the figures, but for the wall clock.
const LOOK: Duration = Duration::from_millis(10);

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    /// Processor time.
    pub(super) cpu_seconds: f64,
    /// The most memory that it had at a time, in MiB (`VmHWM`).
    pub(super) peak_mib: u64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wall, cpu_seconds, peak_mib } = self;
        let seconds = wall.as_secs_f64();
        write!(
            f,
            "{seconds:>6.1} s, {cpu_seconds:.1} s of processor time, {peak_mib} MiB at the most"
        )
    }
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be run, or does not come to a good end.
pub(super) fn watch(command: &mut Command) -> Result<Cost, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let (mut cpu_seconds, mut peak_mib) = (0.0, 0);
    let status = loop {
        // A process that has just ended has neither any more.
        cpu_seconds = cpu_of(child.id()).unwrap_or(cpu_seconds);
        peak_mib = peak_of(child.id()).unwrap_or(peak_mib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(LOOK);
    };
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    Ok(Cost { wall: start.elapsed(), cpu_seconds, peak_mib })
}

/// User and system time (fields 14 and 15 of `proc_pid_stat(5)`).
fn cpu_of(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Some(ticks.sum::<u64>() as f64 / clock_ticks_per_second() as f64)
}

/// `VmHWM` of `proc_pid_status(5)`; a process that is being waited for has none.
fn peak_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib >> 10)
}
