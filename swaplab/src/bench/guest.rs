//! Loads of the guest under KVM in the wall clock, timed round by round.

use std::time::Duration;

use machine::ports;
use nvme_model::{Config, Controller, Timing};
use vmm::{Clock, Exit, KernelImage, Machine, MachineConfig, MachineObserver};

/// A drive that takes no time of its own: no cache in front of it, as many channels as commands.
pub(super) fn immediate_drive() -> Config {
    let timing = Timing {
        admin_ns: 0,
        read_ns: 0,
        write_ns: 0,
        block_ns: 0,
        flush_ns: 0,
        deallocate_ns: 0,
        ..Timing::default()
    };
    Config { has_volatile_cache: false, channels: 1024, timing, ..Config::default() }
}

/// Nanoseconds of each round of the guest's program that `words` name.
pub(super) fn rounds(
    controller: Controller,
    words: String,
) -> Result<Vec<u64>, Box<dyn std::error::Error>> {
    Ok(run(controller, words)?.times)
}

/// Runs the guest's program that `words` name.
pub(super) fn run(
    controller: Controller,
    words: String,
) -> Result<Rounds, Box<dyn std::error::Error>> {
    let mut config =
        MachineConfig::new(KernelImage::new("built-in guest", images::kernel()), words);
    config.memory_bytes = 64 << 20;
    config.controller = Some(controller);
    config.clock = Clock::Wall;
    config.limits.total = Some(Duration::from_secs(120));
    let mut rounds = Rounds::default();
    let exit = Machine::new(config)?.run(&mut rounds)?;
    if !matches!(exit, Exit::Code(ports::EXIT_OK)) {
        return Err(format!("{exit}: {}", String::from_utf8_lossy(&rounds.console)).into());
    }
    Ok(rounds)
}

/// How long each round took, and what the guest said.
#[derive(Default)]
pub(super) struct Rounds {
    begun_ns: u64,
    /// Nanoseconds of each.
    pub(super) times: Vec<u64>,
    /// The guest's words.
    pub(super) console: Vec<u8>,
}

impl MachineObserver for Rounds {
    fn console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.console.extend(bytes);
    }

    fn watches_devices(&self) -> bool {
        false
    }

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}

    fn boot_stage(&mut self, now_ns: u64, stage: u32) {
        match stage {
            ports::STAGE_ROUND_BEGINS => self.begun_ns = now_ns,
            ports::STAGE_ROUND_ENDS => self.times.push(now_ns - self.begun_ns),
            _ => {}
        }
    }
}
