//! A machine of one process and one thread: our driver on the controller model, in virtual time.

use std::cell::RefCell;
use std::rc::Rc;

use hal::testing::{DmaPool, PoolDma};
use hal::{Instant, Iova, Mmio, OutOfMemory, Platform, Tracer, Wake};
use nvme_model::{BadAddress, Controller, GuestMemory, IrqSink, LabIrq, LabWake, Ports, lab_wait};

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
pub(crate) struct BenchMachine {
    memory: Memory,
    state: RefCell<State>,
    tracer: Tracer,
}

impl BenchMachine {
    pub(crate) fn new(controller: Controller) -> Rc<Self> {
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
