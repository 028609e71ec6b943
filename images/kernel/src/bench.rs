//! Loads that the machine's owner measures: each round begins and ends with a boot stage. Here random 4 KiB blocks through
//! the driver, polled, for `swaplab bench nvme`.

mod fault;
mod fs;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use core::fmt::Display;

use block::{Bio, BlockDevice, Op, Ticket};
use kernel_core::command_line::CommandLine;
use machine::ports;
use nvme_driver::{Completion, Config, NvmeDriver};
use swap_path::PathKind;

use crate::arch::port;
use crate::console::println;
use crate::hal::platform::FunctionPlatform;
use crate::options;
use crate::system::System;

/// Looks at the completion queue without success before the real doorbell is rung: the thread that polls
/// may have no processor.
const LOOKS_MAX: u32 = 300;

type Driver = NvmeDriver<FunctionPlatform>;
type Request = Bio<<Driver as BlockDevice>::Page>;

/// What to do: `write=on|off`, `depth=`, `commands=` a round, `rounds=`; and on a file: its blocks (`file=`),
/// `pages=` an I/O, `random=on|off`; and on a swap file: `path=`.
struct Load {
    op: Op,
    depth: usize,
    commands: u64,
    rounds: u64,
    file_blocks: u64,
    pages: u64,
    is_random: bool,
    path: PathKind,
}

impl Load {
    fn new(line: CommandLine<'_>) -> Result<Self, String> {
        const KEYS: [&str; 8] =
            ["write", "depth", "commands", "rounds", "file", "pages", "random", "path"];
        let is_known = |key: &str| options::is_kernel_key(key) || KEYS.contains(&key);
        if let Some((key, value)) = line.iter().find(|(key, _)| !is_known(key)) {
            return Err(alloc::format!("nobody knows `{key}={value}`"));
        }
        let [write, depth, commands, rounds, file, pages, random, path] = KEYS;
        let number = |key, max| line.number_in(key, 1..=max).map_err(text);
        let is_write = line.switch(write).map_err(text)?.unwrap_or(false);
        Ok(Self {
            op: if is_write { Op::Write { fua: false } } else { Op::Read },
            depth: number(depth, 255)?.unwrap_or(1) as usize,
            commands: number(commands, u64::MAX)?.unwrap_or(1000),
            rounds: number(rounds, u64::MAX)?.unwrap_or(1),
            file_blocks: number(file, 1 << 20)?.unwrap_or(8192),
            pages: number(pages, 256)?.unwrap_or(1),
            is_random: line.switch(random).map_err(text)?.unwrap_or(true),
            path: line.get(path).map_or(Ok(PathKind::Swap), str::parse).map_err(text)?,
        })
    }
}

fn text(error: impl Display) -> String {
    alloc::format!("{error}")
}

/// What is under the load.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The driver alone.
    Drive,
    /// A file, in turn with the driver alone.
    File,
    /// Memory with a swap file behind it, in turn with the driver alone.
    Faults,
}

/// Runs the load.
pub(crate) fn run(system: &mut System, line: CommandLine<'_>, target: Target) -> u32 {
    match Load::new(line) {
        Err(error) => {
            println!("command line: {error}");
            ports::EXIT_BAD_COMMAND_LINE
        }
        Ok(load) => match play(system, &load, target) {
            Ok(()) => ports::EXIT_OK,
            Err(error) => {
                println!("bench: {error}");
                ports::EXIT_NO_DEVICE
            }
        },
    }
}

fn play(system: &mut System, load: &Load, target: Target) -> Result<(), String> {
    let platform = system.nvme().ok_or("no controller")?;
    // Who asks a drive again and again needs no interrupt; who waits for a file does.
    let completion = match target {
        Target::Drive => Completion::Polled,
        Target::File | Target::Faults => Completion::Interrupts,
    };
    let config = Config { io_depth: 256, completion, shadow_doorbells: true, ..Config::default() };
    let driver = NvmeDriver::probe(platform, config).map_err(text)?;
    match target {
        Target::Drive => play_drive(&driver, load),
        Target::File => fs::play(driver, load),
        Target::Faults => fault::play(driver, load),
    }
}

fn play_drive(driver: &Driver, load: &Load) -> Result<(), String> {
    let mut free = VecDeque::new();
    for _ in 0..load.depth {
        free.push_back(Bio {
            op: load.op,
            block: 0,
            pages: vec![driver.alloc_page().map_err(text)?],
        });
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    rounds(load.rounds, |_| round(driver, load, &mut free, &mut seed))?;
    driver.shut_down().map_err(text)
}

/// Plays so many rounds, each between its stages.
fn rounds(count: u64, mut round: impl FnMut(u64) -> Result<(), String>) -> Result<(), String> {
    for number in 0..count {
        port::write32(ports::BOOT_STAGE, ports::STAGE_ROUND_BEGINS);
        round(number)?;
        port::write32(ports::BOOT_STAGE, ports::STAGE_ROUND_ENDS);
    }
    Ok(())
}

fn round(
    driver: &Driver,
    load: &Load,
    free: &mut VecDeque<Request>,
    seed: &mut u64,
) -> Result<(), String> {
    let size_blocks = driver.geometry().size_blocks;
    let send = |_, bio| submit(driver, Bio { block: random(seed) % size_blocks, ..bio });
    keep_in_flight(load, free, send, |ticket| take(driver, ticket))
}

/// Keeps as many in flight as there are buffers, for so many I/Os as the load has; then all are back. `send` gets the
/// number of the I/O, and each buffer comes back by `take`, the oldest first.
fn keep_in_flight<B, T>(
    load: &Load,
    free: &mut VecDeque<B>,
    mut send: impl FnMut(u64, B) -> Result<T, String>,
    take: impl Fn(T) -> Result<B, String>,
) -> Result<(), String> {
    let mut in_flight = VecDeque::with_capacity(load.depth);
    for number in 0..load.commands {
        if free.is_empty() {
            free.push_back(take(in_flight.pop_front().ok_or("nothing is in flight")?)?);
        }
        let buffer = free.pop_front().ok_or("no buffers")?;
        in_flight.push_back(send(number, buffer)?);
    }
    for ticket in in_flight {
        free.push_back(take(ticket)?);
    }
    Ok(())
}

fn submit(driver: &Driver, bio: Request) -> Result<Ticket, String> {
    driver.submit(bio).map_err(|refused| text(refused.why))
}

fn take(driver: &Driver, ticket: Ticket) -> Result<Request, String> {
    let done = poll(driver, || driver.try_take(ticket));
    done.result.map_err(text)?;
    Ok(done.bio)
}

/// Looks until there is an answer, and kicks the driver now and then.
fn poll<T>(driver: &Driver, look: impl Fn() -> Option<T>) -> T {
    loop {
        for _ in 0..LOOKS_MAX {
            if let Some(answer) = look() {
                return answer;
            }
            core::hint::spin_loop();
        }
        driver.kick();
    }
}

/// Numbers that look random (xorshift64).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
