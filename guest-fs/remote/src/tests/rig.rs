//! A machine with nothing but the file server's device.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::vec::Vec;

use file_server::{Event as ServerEvent, FileServer, Ports, ServerConfig, ServerPlan};
use hal::testing::{DmaPool, PoolDma, VecSink};
use hal::{DmaBuf, Instant, Iova, Mmio, OutOfMemory, PAGE_BYTES, Platform, Tracer, Wake};
use iomap::{Context, Direction, Errno, IoFailure, SwapFile};
use nvme_model::{BadAddress, GuestMemory, IrqSink};
use tasks::TaskHandle;

use crate::events::Event;
use crate::{Client, ClientConfig, FileId, RemoteFs};

pub(super) struct Machine {
    pub(super) pool: DmaPool,
    pub(super) server: RefCell<FileServer>,
    events: RefCell<Vec<(u64, ServerEvent)>>,
    is_raised: Cell<bool>,
    now_ns: Cell<u64>,
    tracer: Tracer,
}

struct Memory<'a>(&'a DmaPool);

impl GuestMemory for Memory<'_> {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.0.read_at(Iova(address), dst).map_err(|bad| BadAddress { address: bad.iova.0 })
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.0.write_at(Iova(address), src).map_err(|bad| BadAddress { address: bad.iova.0 })
    }
}

struct Wire<'a>(&'a Cell<bool>);

impl IrqSink for Wire<'_> {
    fn signal(&mut self, vector: u16) {
        assert_eq!(vector, 0);
        self.0.set(true);
    }
}

impl Machine {
    fn with(&self, f: impl FnOnce(&mut FileServer, u64, &mut Ports<'_>)) {
        let (memory, mut irq) = (Memory(&self.pool), Wire(&self.is_raised));
        let observer = &mut *self.events.borrow_mut();
        let mut ports = Ports { memory: &memory, irq: &mut irq, observer };
        // What the server does is none of the client's allocations.
        allocation_counter::opt_out(|| {
            f(&mut self.server.borrow_mut(), self.now_ns.get(), &mut ports);
        });
    }
}

/// The machine as its driver has it.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Rc<Machine>);

impl Mmio for Shared {
    fn read32(&self, offset: usize) -> u32 {
        let mut data = [0; 4];
        self.0.server.borrow().mmio_read(offset as u64, &mut data);
        u32::from_le_bytes(data)
    }

    fn write32(&self, offset: usize, value: u32) {
        let data = value.to_le_bytes();
        self.0.with(|server, now, ports| server.mmio_write(now, offset as u64, &data, ports));
    }
}

impl Platform for Shared {
    type Bar = Self;
    type Dma = PoolDma;

    fn bar(&self) -> &Self {
        self
    }

    fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        self.0.pool.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.now_ns.get())
    }

    fn wait(&self, _vector: u16, deadline: Instant) -> Wake {
        loop {
            if self.0.is_raised.take() {
                return Wake::Interrupt;
            }
            let due = self.0.server.borrow().next_event();
            match due.filter(|due| *due <= deadline.as_nanos()) {
                Some(due) => {
                    self.0.now_ns.set(due.max(self.0.now_ns.get()));
                    self.0.with(|server, now, ports| server.step(now, ports));
                }
                None => {
                    assert_ne!(deadline, Instant::NEVER, "the client waits for ever");
                    self.0.now_ns.set(deadline.as_nanos().max(self.0.now_ns.get()));
                    return Wake::Deadline;
                }
            }
        }
    }

    fn tracer(&self) -> &Tracer {
        &self.0.tracer
    }
}

pub(super) struct Rig {
    pub(super) machine: Shared,
    pub(super) client: Rc<Client<Shared>>,
    sink: Rc<VecSink>,
}

pub(super) type Page = PoolDma;

impl Rig {
    pub(super) fn new(rules: &[&str]) -> Self {
        Self::with(ServerConfig::default(), rules)
    }

    /// Without a trace.
    pub(super) fn quiet(rules: &[&str]) -> Self {
        Self::build(ServerConfig::default(), rules, false)
    }

    pub(super) fn with(config: ServerConfig, rules: &[&str]) -> Self {
        Self::build(config, rules, true)
    }

    fn build(config: ServerConfig, rules: &[&str], has_trace: bool) -> Self {
        let rules = rules.iter().map(|line| line.parse().expect("a rule")).collect();
        let (sink, tracer) = VecSink::with_tracer();
        let tracer = if has_trace { tracer } else { Tracer::none() };
        let machine = Shared(Rc::new(Machine {
            pool: DmaPool::new(256),
            server: RefCell::new(FileServer::new(config, ServerPlan { seed: 1, rules })),
            events: RefCell::default(),
            is_raised: Cell::new(false),
            now_ns: Cell::new(0),
            tracer,
        }));
        let client = Client::new(machine.clone(), TaskHandle::default(), ClientConfig::default())
            .expect("a device");
        Self { machine, client, sink }
    }

    pub(super) fn fs(&self) -> &dyn RemoteFs<Page> {
        &self.client
    }

    /// A file of so many pages of zeros, all of them written.
    pub(super) fn file(&self, pages: u64) -> FileId {
        self.fs().mount().expect("a server");
        let file = self.fs().create("swapfile").expect("room");
        for page in 0..pages {
            let zeros = self.pages(1, 0);
            let pos = page * PAGE_BYTES as u64;
            self.fs().transfer(Direction::Write, file, pos, &zeros).expect("room");
        }
        file
    }

    /// The same, active.
    pub(super) fn swap(&self, pages: u64) -> Box<dyn SwapFile<Page>> {
        let file = self.file(pages);
        let mut swap = self.fs().swap_file(file).expect("not in use");
        swap.activate().expect("a good file");
        swap
    }

    /// Pages that begin with `first`, `first + 1` and so on.
    pub(super) fn pages(&self, count: u8, first: u8) -> Vec<Page> {
        let page = |number: u8| {
            let page = self.machine.0.pool.alloc(1).expect("memory");
            page.write(0, &[number; PAGE_BYTES]);
            page
        };
        (0..count).map(|index| page(first.wrapping_add(index))).collect()
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.machine.0.now_ns.get() / 1_000_000
    }

    /// What the client said, by its own vocabulary.
    pub(super) fn said(&self) -> Vec<Event> {
        self.sink.take().iter().filter_map(Event::decode).collect()
    }

    pub(super) fn server_said(&self) -> Vec<ServerEvent> {
        self.machine.0.events.borrow().iter().map(|(_, event)| *event).collect()
    }
}

pub(super) fn write(
    swap: &mut dyn SwapFile<Page>,
    pos: u64,
    pages: &mut Vec<Page>,
) -> Result<(), IoFailure> {
    swap.rw(Direction::Write, pos, pages, Context::SwapOut)
}

pub(super) fn read(
    swap: &mut dyn SwapFile<Page>,
    pos: u64,
    pages: &mut Vec<Page>,
) -> Result<(), IoFailure> {
    swap.rw(Direction::Read, pos, pages, Context::SwapIn)
}

/// The first byte of each page, if all of its bytes are equal.
pub(super) fn numbers(pages: &[Page]) -> Vec<Option<u8>> {
    let number = |page: &Page| {
        let mut bytes = [0; PAGE_BYTES];
        page.read(0, &mut bytes);
        bytes.iter().all(|byte| *byte == bytes[0]).then_some(bytes[0])
    };
    pages.iter().map(number).collect()
}

pub(super) fn errno(result: Result<(), IoFailure>) -> Result<(), Errno> {
    result.map_err(|failure| failure.errno)
}
