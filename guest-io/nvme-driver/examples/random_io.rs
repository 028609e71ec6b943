//! Random 4 KiB reads and writes through driver and controller in one process, for instruction counts:
//!
//! `valgrind --tool=callgrind target/release/examples/random_io write 20000`
//!
//! Words: `read`, `write` or `none` (preparation only, to subtract), how many commands, at what depth, and
//! `rules` (10 000 that do not match) or `decisions` (a rule that fires at every command and does nothing).
//! It measures nothing itself.

extern crate swaplab_nvme_driver as nvme_driver;

#[path = "../../../swaplab/src/heap.rs"]
mod heap;
/// The machine of `swaplab bench nvme`, whose own clock valgrind does not bear.
#[path = "../../../swaplab/src/bench/nvme/machine.rs"]
mod machine;
#[path = "../../../swaplab/src/bench/nvme/rig.rs"]
mod rig;

use std::collections::VecDeque;

use block::{Bio, BlockDevice, Op};

const BUFFERS: usize = 1024;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let kind = words.first().map_or("write", String::as_str);
    let number = |at: usize, or: usize| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(or);
    let (count, depth) = (number(1, 20_000), number(2, 32));
    let rules = match words.get(3).map_or("", String::as_str) {
        "rules" => rig::rules_that_do_not_match(),
        "decisions" => rig::a_rule_that_is_logged(),
        _ => Vec::new(),
    };
    let driver = rig::driver(&rules).expect("live");
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
            let bio = Bio { op, block: (random >> 33) % rig::DISK_BLOCKS, ..bio };
            in_flight.push_back(driver.submit(bio).expect("accepted"));
        }
    }
    println!("{kind}: {count} commands");
}
