//! Random 4 KiB reads and writes through driver and controller in one process, for instruction counts:
//!
//! `valgrind --tool=callgrind target/release/examples/random_io write 20000`
//!
//! Words: `read`, `write` or `none` (preparation only, to subtract), how many commands, at what depth, and
//! `rules` (10 000 that do not match) or `decisions` (a rule that fires at every command and does nothing).
//! It measures nothing itself.

/// The machine of `swaplab bench nvme`, whose own clock valgrind does not bear.
#[path = "../../../swaplab/src/bench/nvme/machine.rs"]
mod machine;

use std::collections::VecDeque;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use nvme_model::{Config, Controller, FaultPlan, Media, RamMedia};
use swaplab_nvme_driver::NvmeDriver;

const BLOCKS: u64 = 16 << 10;
const BUFFERS: usize = 1024;

fn plan(word: &str) -> FaultPlan {
    let rule = |index: u64| match index % 3 {
        0 => format!("read lba={} => status=media/unrecovered-read", BLOCKS + index),
        1 => format!("write lba={} => delay=1ms", BLOCKS + index),
        _ => format!("io queue={} => drop", 2 + index % 1000),
    };
    let rules = match word {
        "rules" => (0..10_000).map(rule).collect(),
        "decisions" => vec!["io => expect".to_owned()],
        _ => Vec::new(),
    };
    FaultPlan { seed: 1, rules: rules.iter().map(|rule| rule.parse().expect("a rule")).collect() }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let kind = words.first().map_or("write", String::as_str);
    let number = |at: usize, or: usize| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(or);
    let (count, depth) = (number(1, 20_000), number(2, 32));
    let config = Config { has_volatile_cache: false, channels: 1024, ..Config::default() };
    let mut media = RamMedia::new(BLOCKS, BLOCK_BYTES as u32);
    for lba in 0..BLOCKS {
        media.write(lba, &[0x5a; BLOCK_BYTES]).expect("memory");
    }
    let plan = plan(words.get(3).map_or("", String::as_str));
    let controller = Controller::new(config, Box::new(media), plan).expect("valid configuration");
    let config = swaplab_nvme_driver::Config {
        io_depth: 256,
        shadow_doorbells: true,
        ..swaplab_nvme_driver::Config::default()
    };
    let driver = NvmeDriver::probe(machine::BenchMachine::new(controller), config).expect("live");
    let page = || driver.alloc_page().expect("memory");
    let bio = |_| Bio { op: Op::Read, block: 0, pages: vec![page()] };
    let mut free: VecDeque<_> = (0..BUFFERS).map(bio).collect();
    let op = if kind == "read" { Op::Read } else { Op::Write { fua: false } };
    let count = if kind == "none" { 0 } else { count };
    let (mut in_flight, mut random) = (VecDeque::new(), 1_u64);
    for number in 0..count + depth {
        if in_flight.len() == depth || number >= count {
            let Some(ticket) = in_flight.pop_front() else { break };
            let done = driver.wait(ticket);
            done.result.expect("no faults");
            free.push_back(done.bio);
        }
        if number < count {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bio = free.pop_front().expect("a buffer");
            let bio = Bio { op, block: (random >> 33) % BLOCKS, ..bio };
            in_flight.push_back(driver.submit(bio).expect("accepted"));
        }
    }
    println!("{kind}: {count} commands");
}
