//! `swaplab bench`: figures with their goals. Timings on shared machines are noisy: medians and 99th
//! percentiles, never a mean alone.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use machine::ports;
use vmm::{KernelImage, Machine, MachineConfig, MachineObserver, MemoryAfterPowerCycle, Stopper};

use crate::args::{Bench, BenchKind};
use crate::exit::Exit;

const PROCESSES: usize = 50;
const POWER_CYCLES: usize = 2000;

pub(crate) fn run(args: &Bench) -> Exit {
    let outcome = match args.what {
        BenchKind::Boot => boot(),
        BenchKind::BootOnce => boot_once(),
    };
    match outcome {
        Ok(()) => Exit::Expected,
        Err(error) => Exit::Usage.with(&error),
    }
}

type BenchResult = Result<(), Box<dyn std::error::Error>>;

fn boot() -> BenchResult {
    let mut starts = Vec::with_capacity(PROCESSES);
    for _ in 0..PROCESSES {
        starts.push(process_to_first_output()?);
    }
    print_row("process start to first guest output", &mut starts, "goal: p50 <= 5 ms");
    let mut cycles = power_cycles()?;
    print_row("power cycle to first output, in place", &mut cycles, "goal: >= 2000/s");
    Ok(())
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

fn boot_once() -> BenchResult {
    let mut machine = new_machine()?;
    let mut first = FirstOutput { stopper: machine.stopper(), is_printing: true };
    machine.run(&mut first)?;
    Ok(())
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

fn print_row(what: &str, times: &mut [Duration], goal: &str) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let total: Duration = times.iter().sum();
    println!(
        "{what:<38} p50 {:>7.3} ms  p99 {:>7.3} ms  {:>6.0}/s",
        at(50).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
        times.len() as f64 / total.as_secs_f64(),
    );
    println!("{:<38} {goal}", "");
}
