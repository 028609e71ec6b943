//! The `hal` of the host engine.

use std::rc::Rc;

use hal::testing::{PoolDma, SoftUserMemory};
use hal::{Instant, OutOfMemory, Platform, Tracer, Wake};

use super::machine::{HostMachine, SERVER_WIRE};
use super::registers::{HostRegisters, ServerRegisters};

/// Pages of the workload's address space, as many as the bootable kernel offers.
const USER_PAGES: usize = 4096;

/// What the driver sees of the host machine.
#[derive(Debug)]
pub struct HostPlatform {
    machine: Rc<HostMachine>,
    registers: HostRegisters,
    tracer: Tracer,
}

impl HostPlatform {
    /// What is on this machine.
    #[must_use]
    pub fn new(machine: Rc<HostMachine>) -> Self {
        Self {
            registers: HostRegisters::new(Rc::clone(&machine)),
            tracer: Tracer::new(Rc::clone(&machine) as _),
            machine,
        }
    }

    /// The workload's address space on this machine.
    pub(super) fn user_memory(&self) -> Rc<SoftUserMemory> {
        Rc::new(SoftUserMemory::new(self.machine.memory.clone(), USER_PAGES))
    }
}

impl Platform for HostPlatform {
    type Bar = HostRegisters;
    type Dma = PoolDma;

    fn bar(&self) -> &HostRegisters {
        &self.registers
    }

    fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        self.machine.memory.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.machine.guest_now_ns())
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        self.machine.wait(vector, deadline)
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

/// What the driver of the file server's device sees of the host machine.
#[derive(Debug)]
pub struct ServerPlatform {
    machine: Rc<HostMachine>,
    registers: ServerRegisters,
    tracer: Tracer,
}

impl ServerPlatform {
    /// The device, if the machine has one.
    #[must_use]
    pub fn new(machine: Rc<HostMachine>) -> Option<Self> {
        machine.has_server().then(|| Self {
            registers: ServerRegisters::new(Rc::clone(&machine)),
            tracer: Tracer::new(Rc::clone(&machine) as _),
            machine,
        })
    }
}

impl Platform for ServerPlatform {
    type Bar = ServerRegisters;
    type Dma = PoolDma;

    fn bar(&self) -> &ServerRegisters {
        &self.registers
    }

    fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        self.machine.memory.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.machine.now_ns())
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        self.machine.wait(SERVER_WIRE + vector, deadline)
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
