//! The driver against a controller that lies: registers, completions, identify data and interrupts are
//! changed on the way.
//!
//! What must hold: no panic, no endless wait, every bio comes back, and the device is never given a page
//! that the driver does not own any more.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use block::{Bio, BlockDevice, Op};
use hal::testing::{DmaPool, PoolDma};
use hal::{Instant, Iova, Mmio, OutOfMemory, Platform, Tracer, Wake};
use nvme_driver::{Completion, Config, NvmeDriver};
use nvme_model::media::RamMedia;
use nvme_model::{
    BadAddress, CachePolicy, Controller, FaultPlan, GuestMemory, IrqSink, LabIrq, LabWake, Ports,
    lab_wait,
};

/// Waits in one run: far more than any time-out ladder has.
const WAITS_MAX: u32 = 200_000;
/// Requests in one run.
const REQUESTS: u64 = 24;

/// Runs requests through the driver; the bytes are the lies.
pub fn run(data: &[u8]) -> u64 {
    let machine = Machine::new(data);
    let completion =
        if machine.lies.next() & 1 == 0 { Completion::Interrupts } else { Completion::Polled };
    // Short time-outs: a run is to have many of them.
    let config = Config {
        completion,
        io_timeout: Duration::from_millis(50),
        admin_timeout: Duration::from_millis(100),
        io_depth: 8,
        ..Config::default()
    };
    let driver = match NvmeDriver::probe(Rc::clone(&machine), config) {
        Ok(driver) => driver,
        Err(_) => return machine.scrap(),
    };
    let mut tickets = Vec::new();
    for block in 0..REQUESTS {
        let Ok(page) = driver.alloc_page() else { break };
        let op = match machine.lies.next() % 4 {
            0 => Op::Write { fua: false },
            1 => Op::Flush,
            _ => Op::Read,
        };
        let pages = if op == Op::Flush { vec![] } else { vec![page] };
        match driver.submit(Bio { op, block: block % 8, pages }) {
            Ok(ticket) => tickets.push(ticket),
            Err(rejected) => drop(rejected.bio),
        }
    }
    for ticket in tickets {
        drop(driver.wait(ticket));
    }
    // However it ends, it ends.
    let _ = driver.shut_down();
    drop(driver);
    machine.scrap()
}

/// Bytes that say when to lie and how; when they are used up, the controller is honest.
struct Lies {
    bytes: Vec<u8>,
    at: Cell<usize>,
}

impl Lies {
    fn next(&self) -> u8 {
        let at = self.at.get();
        self.at.set(at + 1);
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Changes a byte of `data` now and then.
    fn tell(&self, data: &mut [u8]) {
        if self.next() < 0xf0 || data.is_empty() {
            return;
        }
        let at = usize::from(self.next()) * 16 + usize::from(self.next() & 15);
        let length = data.len();
        data[at % length] ^= self.next();
    }
}

struct Wires {
    raised: [bool; 2],
    lies: Rc<Lies>,
}

impl IrqSink for Wires {
    fn signal(&mut self, vector: u16) {
        // Lost now and then, or somebody else's.
        let lie = self.lies.next();
        if lie >= 0xf0 {
            return;
        }
        let vector = if lie >= 0xe8 { vector ^ 1 } else { vector };
        if let Some(line) = self.raised.get_mut(usize::from(vector)) {
            *line = true;
        }
    }
}

impl LabIrq for Wires {
    fn take_raised(&mut self, line: u32) -> bool {
        self.raised.get_mut(line as usize).is_some_and(std::mem::take)
    }
}

struct Memory {
    pool: DmaPool,
    lies: Rc<Lies>,
}

impl GuestMemory for Memory {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let read = self.pool.read_at(Iova(address), dst);
        read.unwrap_or_else(|bad| panic!("the device was sent to {bad:?}"));
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let mut data = src.to_vec();
        self.lies.tell(&mut data);
        let written = self.pool.write_at(Iova(address), &data);
        written.unwrap_or_else(|bad| panic!("the device was sent to {bad:?}"));
        Ok(())
    }
}

struct State {
    controller: Controller,
    now_ns: u64,
    wires: Wires,
    waits: u32,
}

struct Machine {
    memory: Memory,
    state: RefCell<State>,
    lies: Rc<Lies>,
    tracer: Tracer,
}

impl Machine {
    fn new(data: &[u8]) -> Rc<Self> {
        let lies = Rc::new(Lies { bytes: data.to_vec(), at: Cell::new(0) });
        let media = Box::new(RamMedia::new(64, 4096));
        let controller = Controller::new(nvme_model::Config::default(), media, FaultPlan::none());
        let controller = controller.expect("a valid configuration");
        let wires = Wires { raised: [false; 2], lies: Rc::clone(&lies) };
        let state = State { controller, now_ns: 0, wires, waits: 0 };
        let memory = Memory { pool: DmaPool::new(64), lies: Rc::clone(&lies) };
        Rc::new(Self { memory, state: state.into(), lies, tracer: Tracer::none() })
    }

    /// Switches the controller off; returns how often bytes were asked for.
    fn scrap(&self) -> u64 {
        let State { controller, now_ns, .. } = &mut *self.state.borrow_mut();
        controller.power_cut(*now_ns, CachePolicy::LoseAll, &mut ());
        self.lies.at.get() as u64
    }
}

impl Mmio for Machine {
    fn read32(&self, offset: usize) -> u32 {
        let State { controller, now_ns, .. } = &mut *self.state.borrow_mut();
        let mut bytes = [0; 4];
        controller.mmio_read(*now_ns, offset as u64, &mut bytes, &mut ());
        self.lies.tell(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn write32(&self, offset: usize, value: u32) {
        let State { controller, now_ns, wires, .. } = &mut *self.state.borrow_mut();
        controller.mmio_write(*now_ns, offset as u64, &value.to_le_bytes(), &mut ());
        let mut ports = Ports { memory: &self.memory, irq: wires, observer: &mut () };
        controller.step(*now_ns, &mut ports);
    }
}

impl Platform for Machine {
    type Bar = Self;
    type Dma = PoolDma;

    fn bar(&self) -> &Self {
        self
    }

    fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        self.memory.pool.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.state.borrow().now_ns)
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        let State { controller, now_ns, wires, waits } = &mut *self.state.borrow_mut();
        *waits += 1;
        assert!(*waits < WAITS_MAX, "the driver waits without end");
        let (line, deadline_ns) = (u32::from(vector), deadline.as_nanos());
        let memory = &self.memory;
        match lab_wait(controller, now_ns, deadline_ns, line, memory, wires, &mut ()) {
            LabWake::Interrupt => Wake::Interrupt,
            LabWake::Deadline => Wake::Deadline,
            LabWake::Forever => panic!("the driver waits for ever"),
        }
    }

    fn stop_dma(&self) {
        let State { controller, now_ns, .. } = &mut *self.state.borrow_mut();
        controller.power_cut(*now_ns, CachePolicy::LoseAll, &mut ());
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
