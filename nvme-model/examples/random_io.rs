//! Random 4 KiB reads and writes through the controller at a queue depth of 32, for instruction counts:
//!
//! `valgrind --tool=callgrind target/release/examples/random_io write 20000`
//!
//! Words: `read`, `write` or `none` (preparation only, to subtract), how many commands, and `rules` (10 000
//! that do not match) or `decisions` (a rule that fires at every command and does nothing). It measures
//! nothing itself, and its driver is only as good as that needs.

use std::cell::RefCell;

use nvme_model::{
    BadAddress, Config, Controller, FaultPlan, GuestMemory, IrqSink, Ports, RamMedia,
};
use nvme_spec::register::{self as reg, Doorbell};
use nvme_spec::{SQE_BYTES, Sqe};

const ENTRIES: u64 = 64;
const DEPTH: u64 = 32;
const BLOCKS: u64 = 16 << 10;
/// The admin queues, the I/O queues, then data.
const RINGS: u64 = 0x1000;
const DATA: u64 = 0x10_0000;

struct Memory(RefCell<Vec<u8>>);

impl GuestMemory for Memory {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let at = address as usize;
        dst.copy_from_slice(&self.0.borrow()[at..at + dst.len()]);
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let at = address as usize;
        self.0.borrow_mut()[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }
}

struct NoWires;

impl IrqSink for NoWires {
    fn signal(&mut self, _vector: u16) {}
}

struct Host {
    controller: Controller,
    memory: Memory,
    now_ns: u64,
    tails: [u64; 2],
}

impl Host {
    fn write(&mut self, offset: u64, value: u64, bytes: usize) {
        let data = &value.to_le_bytes()[..bytes];
        self.controller.mmio_write(self.now_ns, offset, data, &mut ());
        self.settle();
    }

    fn settle(&mut self) {
        let (memory, irq, observer) = (&self.memory, &mut NoWires, &mut ());
        let mut ports = Ports { memory, irq, observer };
        self.controller.step(self.now_ns, &mut ports);
        while let Some(at) = self.controller.next_event() {
            self.now_ns = self.now_ns.max(at);
            self.controller.step(self.now_ns, &mut ports);
        }
    }

    /// Puts commands into a queue, rings once, lets all complete and gives their places back.
    fn run(&mut self, qid: u16, commands: impl Iterator<Item = Sqe>) {
        let tail = &mut self.tails[usize::from(qid)];
        for (cid, sqe) in commands.enumerate() {
            let at = RINGS + u64::from(qid) * 0x4000 + *tail * SQE_BYTES as u64;
            self.memory.write(at, &sqe.with_cid(cid as u16).to_bytes()).expect("ring memory");
            *tail = (*tail + 1) % ENTRIES;
        }
        let tail = *tail;
        self.write(Doorbell::SqTail(qid).offset(0), tail, 4);
        self.write(Doorbell::CqHead(qid).offset(0), tail, 4);
    }
}

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

fn start(plan: FaultPlan) -> Host {
    let media = Box::new(RamMedia::new(BLOCKS, 4096));
    let config = Config { cache_blocks_max: 1024, ..Config::default() };
    let controller = Controller::new(config, media, plan).expect("valid configuration");
    let memory = Memory(RefCell::new(vec![0; (DATA + DEPTH * 4096) as usize]));
    let mut host = Host { controller, memory, now_ns: 0, tails: [0; 2] };
    host.write(reg::AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1), 4);
    host.write(reg::ASQ, RINGS, 8);
    host.write(reg::ACQ, RINGS + 0x2000, 8);
    host.write(reg::CC, 0x0046_0001, 4);
    let size_z = ENTRIES as u16 - 1;
    let cq = Sqe::create_io_cq(1, size_z, None).with_prp(RINGS + 0x6000, 0);
    host.run(0, std::iter::once(cq));
    host.run(0, std::iter::once(Sqe::create_io_sq(1, size_z, 1).with_prp(RINGS + 0x4000, 0)));
    host
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let kind = words.first().map_or("write", String::as_str);
    let count: u64 = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(20_000);
    let mut host = start(plan(words.get(2).map_or("", String::as_str)));
    // Fills the drive, so that neither reads nor writes find holes.
    for first in (0..BLOCKS).step_by(DEPTH as usize) {
        let fill =
            (0..DEPTH).map(|i| Sqe::write(1, first + i, 0, false).with_prp(DATA + i * 4096, 0));
        host.run(1, fill);
    }
    let mut random = 1_u64;
    let mut next_lba = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % BLOCKS
    };
    for _ in (0..count).step_by(DEPTH as usize) {
        let lbas: Vec<u64> = (0..DEPTH).map(|_| next_lba()).collect();
        let commands = lbas.iter().zip(0..).map(|(lba, i)| {
            let sqe = match kind {
                "read" => Sqe::read(1, *lba, 0),
                _ => Sqe::write(1, *lba, 0, false),
            };
            sqe.with_prp(DATA + i * 4096, 0)
        });
        if kind != "none" {
            host.run(1, commands);
        }
    }
    println!("{kind}: {count} commands, {} ns of the controller's time", host.now_ns);
}
