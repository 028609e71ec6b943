//! Random 4 KiB reads and writes through driver and controller in one process, for instruction counts:
//!
//! `valgrind --tool=callgrind target/release/examples/random_io write 20000`
//!
//! Words: `read`, `write` or `none` (preparation only, to subtract), how many commands, at what depth, and
//! `rules` (10 000 that do not match) or `decisions` (a rule that fires at every command and does nothing).
//! It measures nothing itself.

mod machine {
    // A machine of one process and one thread: our driver on the controller model, in virtual time.

    use std::cell::RefCell;
    use std::rc::Rc;

    use hal::testing::{DmaPool, PoolDma};
    use hal::{Instant, Iova, Mmio, OutOfMemory, Platform, Tracer, Wake};
    use nvme_model::{
        BadAddress, Controller, GuestMemory, IrqSink, LabIrq, LabWake, Ports, lab_wait,
    };

    /// Pages of guest memory: 4 MiB of data and the rings.
    const MEMORY_PAGES: usize = 2048;

    struct Memory(DmaPool);

    impl GuestMemory for Memory {
        fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
            self.0.read_at(Iova(address), dst).map_err(|_| BadAddress { address })
        }

        fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
            self.0.write_at(Iova(address), src).map_err(|_| BadAddress { address })
        }

        /// Nobody looks while this thread writes.
        fn publish(&self, address: u64, src: &[u8; 16]) -> Result<(), BadAddress> {
            self.write(address, src)
        }
    }

    #[derive(Default)]
    struct Lines([bool; 2]);

    impl IrqSink for Lines {
        fn signal(&mut self, vector: u16) {
            if let Some(line) = self.0.get_mut(usize::from(vector)) {
                *line = true;
            }
        }
    }

    impl LabIrq for Lines {
        fn take_raised(&mut self, line: u32) -> bool {
            self.0.get_mut(line as usize).is_some_and(std::mem::take)
        }
    }

    struct State {
        controller: Controller,
        now_ns: u64,
        lines: Lines,
    }

    /// The machine.
    pub(super) struct BenchMachine {
        memory: Memory,
        state: RefCell<State>,
        tracer: Tracer,
    }

    impl BenchMachine {
        pub(super) fn new(controller: Controller) -> Rc<Self> {
            let state = State { controller, now_ns: 0, lines: Lines::default() };
            let memory = Memory(DmaPool::new(MEMORY_PAGES));
            Rc::new(Self { memory, state: state.into(), tracer: Tracer::none() })
        }
    }

    impl Mmio for BenchMachine {
        fn read32(&self, offset: usize) -> u32 {
            let State { controller, now_ns, .. } = &mut *self.state.borrow_mut();
            let mut bytes = [0; 4];
            controller.mmio_read(*now_ns, offset as u64, &mut bytes, &mut ());
            u32::from_le_bytes(bytes)
        }

        fn write32(&self, offset: usize, value: u32) {
            let State { controller, now_ns, lines } = &mut *self.state.borrow_mut();
            controller.mmio_write(*now_ns, offset as u64, &value.to_le_bytes(), &mut ());
            let mut ports = Ports { memory: &self.memory, irq: lines, observer: &mut () };
            controller.step(*now_ns, &mut ports);
        }
    }

    impl Platform for BenchMachine {
        type Bar = Self;
        type Dma = PoolDma;

        fn bar(&self) -> &Self {
            self
        }

        fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
            self.memory.0.alloc(pages)
        }

        fn now(&self) -> Instant {
            Instant::from_nanos(self.state.borrow().now_ns)
        }

        fn wait(&self, vector: u16, deadline: Instant) -> Wake {
            let State { controller, now_ns, lines } = &mut *self.state.borrow_mut();
            let (line, deadline_ns) = (u32::from(vector), deadline.as_nanos());
            if controller.has_shadow_doorbells() {
                // Whoever waits is the one that looks at them.
                controller.set_polled(true, &self.memory);
                let mut ports = Ports { memory: &self.memory, irq: lines, observer: &mut () };
                controller.step(*now_ns, &mut ports);
            }
            match lab_wait(controller, now_ns, deadline_ns, line, &self.memory, lines, &mut ()) {
                LabWake::Interrupt => Wake::Interrupt,
                LabWake::Deadline => Wake::Deadline,
                LabWake::Forever => unreachable!("the driver always waits with a deadline"),
            }
        }

        fn tracer(&self) -> &Tracer {
            &self.tracer
        }
    }
}

use std::collections::VecDeque;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use nvme_model::{Config, Controller, FaultPlan, Media, RamMedia};
use swaplab_nvme_driver::NvmeDriver;

const BLOCKS: u64 = 64 << 10;
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
            in_flight.push_back(driver.submit(bio).ok().expect("accepted"));
        }
    }
    println!("{kind}: {count} commands");
}
