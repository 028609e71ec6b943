//! `swaplab bench boot`: how long a boot and a power cycle take.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use machine::ports;
use vmm::{KernelImage, Machine, MachineConfig, MachineObserver, MemoryAfterPowerCycle, Stopper};

use super::BenchResult;
use super::sample::Sample;

const PROCESSES: usize = 50;
const POWER_CYCLES: usize = 2000;

pub(super) fn boot() -> BenchResult {
    let mut starts = Vec::with_capacity(PROCESSES);
    for _ in 0..PROCESSES {
        starts.push(process_to_first_output()?);
    }
    let starts = print_row("process start to first guest output", &starts, "limit: p50 <= 5 ms");
    let cycles = print_row(
        "power cycle to first output, in place",
        &power_cycles()?,
        "limit: p50 <= 0.5 ms",
    );
    Ok(starts <= 5.0 && cycles <= 0.5)
}

/// Starts this program anew and waits for the byte that it prints at the guest's first output.
fn process_to_first_output() -> Result<Duration, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["bench", "boot-once"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut byte = [0];
    let mut stdout = child.stdout.take().ok_or("the child has no output")?;
    stdout.read_exact(&mut byte)?;
    let elapsed = start.elapsed();
    child.wait()?;
    Ok(elapsed)
}

pub(super) fn boot_once() -> BenchResult {
    let mut machine = new_machine()?;
    let mut first = FirstOutput { stopper: machine.stopper(), is_printing: true };
    machine.run(&mut first)?;
    Ok(true)
}

fn power_cycles() -> Result<Vec<Duration>, Box<dyn std::error::Error>> {
    let mut machine = new_machine()?;
    let mut times = Vec::with_capacity(POWER_CYCLES);
    for _ in 0..POWER_CYCLES {
        let start = Instant::now();
        machine.power_cycle(PROGRAM)?;
        let mut first = FirstOutput { stopper: machine.stopper(), is_printing: false };
        machine.run(&mut first)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

const PROGRAM: &str = "program=selftest-hello";

fn new_machine() -> Result<Machine, vmm::VmmError> {
    let image = KernelImage::new("built-in guest", images::kernel());
    let mut config = MachineConfig::new(image, PROGRAM);
    config.memory_after_power_cycle = MemoryAfterPowerCycle::Kept;
    Machine::new(config)
}

/// Stops the machine when the guest's first instruction of Rust has spoken.
struct FirstOutput {
    stopper: Stopper,
    is_printing: bool,
}

impl MachineObserver for FirstOutput {
    fn console(&mut self, _now_ns: u64, _bytes: &[u8]) {}

    fn watches_devices(&self) -> bool {
        false
    }

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}

    fn boot_stage(&mut self, _now_ns: u64, stage: u32) {
        if stage != ports::STAGE_ENTERED {
            return;
        }
        if self.is_printing {
            let mut out = std::io::stdout().lock();
            // The parent is gone if this fails: nobody measures any more.
            let _ = out.write_all(b".").and_then(|()| out.flush());
        }
        self.stopper.stop();
    }
}

/// Prints and returns the median in milliseconds.
fn print_row(what: &str, times: &[Duration], limit: &str) -> f64 {
    let sample = Sample::new(times.iter().map(|time| time.as_secs_f64() * 1e3).collect());
    let total: Duration = times.iter().sum();
    let per_second = times.len() as f64 / total.as_secs_f64();
    let (p50, p99) = (sample.median(), sample.percentile(99));
    println!("{what:<38} p50 {p50:>7.3} ms  p99 {p99:>7.3} ms  {per_second:>6.0}/s");
    println!("{:<38} {limit}", "");
    p50
}
