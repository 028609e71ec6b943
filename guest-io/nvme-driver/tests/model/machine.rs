//! A machine of one process: the real driver against the real controller model, in virtual time.

use std::cell::RefCell;
use std::rc::Rc;

use block::{Bio, BlockDevice, Op};
use hal::testing::{DmaPool, PoolDma, VecSink};
use hal::{DmaBuf, Instant, Iova, Mmio, OutOfMemory, Platform, Tracer, Wake};
use nvme_driver::{Config, NvmeDriver};
use nvme_model::fault::{Action, FaultPlan, Match, OpClass, Phase, Rule, Until, When};
use nvme_model::media::RamMedia;
use nvme_model::{
    BadAddress, CachePolicy, Controller, Event, GuestMemory, IrqSink, LabIrq, LabWake, Ports,
    lab_wait,
};

pub(crate) type Driver = NvmeDriver<Rc<Machine>>;
pub(crate) type Page = PoolDma;

/// Guest memory as the device sees it. An access to a page that nobody owns is a failed test: either
/// the driver gave a page back too early, or it sent a wrong address.
struct Memory(DmaPool);

impl GuestMemory for Memory {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.0.read_at(Iova(address), dst).unwrap_or_else(|bad| panic!("DMA read of {bad:?}"));
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.0.write_at(Iova(address), src).unwrap_or_else(|bad| panic!("DMA write of {bad:?}"));
        Ok(())
    }
}

#[derive(Default)]
struct Lines([bool; 2]);

impl IrqSink for Lines {
    fn signal(&mut self, vector: u16) {
        self.0[usize::from(vector)] = true;
    }
}

impl LabIrq for Lines {
    fn take_raised(&mut self, line: u32) -> bool {
        std::mem::take(&mut self.0[line as usize])
    }
}

struct State {
    controller: Controller,
    now_ns: u64,
    lines: Lines,
    events: Vec<(u64, Event)>,
    register_writes: u64,
}

pub(crate) struct Machine {
    memory: Memory,
    state: RefCell<State>,
    sink: Rc<VecSink>,
    tracer: Tracer,
}

impl Machine {
    pub(crate) fn new(config: nvme_model::Config, lba_bytes: u32, rules: Vec<Rule>) -> Rc<Self> {
        let media = RamMedia::new(1024 * 4096 / u64::from(lba_bytes), lba_bytes);
        let plan = FaultPlan { seed: 1, rules };
        let mut controller = Controller::new(config, Box::new(media), plan).unwrap();
        controller.findings_mut().watch_pages();
        let (sink, tracer) = VecSink::with_tracer();
        let state = State {
            controller,
            now_ns: 0,
            lines: Lines::default(),
            events: Vec::new(),
            register_writes: 0,
        };
        Rc::new(Self { memory: Memory(DmaPool::new(1024)), state: state.into(), sink, tracer })
    }

    pub(crate) fn with_rules(rules: Vec<Rule>) -> Rc<Self> {
        Self::new(nvme_model::Config::default(), 4096, rules)
    }

    pub(crate) fn probe(self: &Rc<Self>) -> Result<Driver, nvme_driver::Error> {
        NvmeDriver::probe(Rc::clone(self), Config::default())
    }

    pub(crate) fn live(self: &Rc<Self>) -> Driver {
        let driver = self.probe().unwrap();
        self.sink.take();
        driver
    }

    pub(crate) fn controller<T>(&self, look: impl FnOnce(&mut Controller) -> T) -> T {
        look(&mut self.state.borrow_mut().controller)
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.state.borrow().now_ns
    }

    pub(crate) fn remove(&self) {
        let State { controller, now_ns, events, .. } = &mut *self.state.borrow_mut();
        controller.remove(*now_ns, events);
    }

    /// Does something that the drive's owner does.
    pub(crate) fn as_owner(&self, act: impl FnOnce(&mut Controller, u64, &mut Vec<(u64, Event)>)) {
        let State { controller, now_ns, events, .. } = &mut *self.state.borrow_mut();
        act(controller, *now_ns, events);
    }

    pub(crate) fn power_cut(&self) {
        let State { controller, now_ns, events, .. } = &mut *self.state.borrow_mut();
        controller.power_cut(*now_ns, CachePolicy::LoseAll, events);
    }

    /// The names of the driver's events since probe, as one line.
    pub(crate) fn driver_events(&self) -> String {
        let word = |record| {
            let event = nvme_driver::events::Event::decode(record).expect("a driver's event");
            event.to_string().split(' ').next().unwrap().to_owned()
        };
        self.sink.records().iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Everything that happened, for comparing runs.
    pub(crate) fn trace(&self) -> String {
        format!("{:?}\n{:?}", self.sink.records(), self.state.borrow().events)
    }

    /// How often the controller has signalled a vector.
    pub(crate) fn interrupts_of(&self, vector: u16) -> usize {
        let is_it = |event: &Event| matches!(event, Event::Interrupt { vector: v } if *v == vector);
        self.state.borrow().events.iter().filter(|(_, event)| is_it(event)).count()
    }

    pub(crate) fn assert_all_rules_fired(&self) {
        self.controller(|controller| {
            let unfired: Vec<_> = controller.faults().unfired().collect();
            assert!(unfired.is_empty(), "not exercised: {unfired:?}");
        });
    }

    /// Lets the controller look around, as one that polls does.
    pub(crate) fn look(&self) {
        self.after_mmio();
    }

    pub(crate) fn set_polled(&self, is_polled: bool) {
        self.controller(|controller| controller.set_polled(is_polled, &self.memory));
    }

    pub(crate) fn register_writes(&self) -> u64 {
        self.state.borrow().register_writes
    }

    pub(crate) fn forget_events(&self) {
        self.state.borrow_mut().events.clear();
    }

    pub(crate) fn device_events(&self) -> Vec<Event> {
        self.state.borrow().events.iter().map(|(_, event)| *event).collect()
    }

    /// Without faults our driver does nothing wrong, whatever a test had it do.
    fn assert_no_findings(&self) {
        let controller = &self.state.borrow().controller;
        let findings: Vec<_> = controller.findings().last().collect();
        let is_faulty = controller.faults().counts().next().is_some() || controller.is_removed();
        assert!(is_faulty || findings.is_empty() || std::thread::panicking(), "{findings:?}");
    }

    fn after_mmio(&self) {
        let State { controller, now_ns, lines, events, .. } = &mut *self.state.borrow_mut();
        controller.step(*now_ns, &mut Ports { memory: &self.memory, irq: lines, observer: events });
    }
}

/// The controller wants to be switched off before it is scrapped: it guards every command in flight.
impl Drop for Machine {
    fn drop(&mut self) {
        self.assert_no_findings();
        self.power_cut();
    }
}

impl Mmio for Machine {
    fn read32(&self, offset: usize) -> u32 {
        let State { controller, now_ns, events, .. } = &mut *self.state.borrow_mut();
        let mut bytes = [0; 4];
        controller.mmio_read(*now_ns, offset as u64, &mut bytes, events);
        u32::from_le_bytes(bytes)
    }

    fn write32(&self, offset: usize, value: u32) {
        {
            let State { controller, now_ns, events, register_writes, .. } =
                &mut *self.state.borrow_mut();
            *register_writes += 1;
            controller.mmio_write(*now_ns, offset as u64, &value.to_le_bytes(), events);
        }
        self.after_mmio();
    }
}

impl Platform for Machine {
    type Bar = Self;
    type Dma = Page;

    fn bar(&self) -> &Self {
        self
    }

    fn dma_alloc(&self, pages: usize) -> Result<Page, OutOfMemory> {
        self.memory.0.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.now_ns())
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        let State { controller, now_ns, lines, events, .. } = &mut *self.state.borrow_mut();
        let line = u32::from(vector);
        let memory = &self.memory;
        match lab_wait(controller, now_ns, deadline.as_nanos(), line, memory, lines, events) {
            LabWake::Interrupt => Wake::Interrupt,
            LabWake::Deadline => Wake::Deadline,
            LabWake::Forever => panic!("the driver waits for ever"),
        }
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

/// A rule about I/O commands that fires `count` times.
pub(crate) fn io_rule(phase: Phase, action: Action, count: u64) -> Rule {
    rule(OpClass::AnyIo, phase, action, count)
}

/// A rule that fires `count` times.
pub(crate) fn rule(op: OpClass, phase: Phase, action: Action, count: u64) -> Rule {
    Rule {
        name: None,
        matcher: Match { op, ..Match::default() },
        phase,
        when: When::default(),
        action,
        sets: None,
        until: Until { count: Some(count), ..Until::default() },
    }
}

/// Pages filled with bytes that tell page and seed apart.
pub(crate) fn pattern(driver: &Driver, count: usize, seed: u8) -> Vec<Page> {
    let page = |index: usize| {
        let page = driver.alloc_page().unwrap();
        let byte = |at: usize| (at as u8).wrapping_mul(31) ^ (index as u8).wrapping_mul(7) ^ seed;
        page.write(0, &(0..4096).map(byte).collect::<Vec<_>>());
        page
    };
    (0..count).map(page).collect()
}

pub(crate) fn bytes(pages: &[Page]) -> Vec<u8> {
    let mut bytes = vec![0; pages.len() * 4096];
    for (page, chunk) in pages.iter().zip(bytes.chunks_mut(4096)) {
        page.read(0, chunk);
    }
    bytes
}

pub(crate) fn write_bio(driver: &Driver, block: u64, count: usize, seed: u8) -> Bio<Page> {
    Bio { op: Op::Write { fua: false }, block, pages: pattern(driver, count, seed) }
}

pub(crate) fn read_bio(driver: &Driver, block: u64, count: usize) -> Bio<Page> {
    let pages = (0..count).map(|_| driver.alloc_page().unwrap()).collect();
    Bio { op: Op::Read, block, pages }
}

/// What a read of the blocks gives.
pub(crate) fn read_back(driver: &Driver, block: u64, count: usize) -> Vec<u8> {
    let done = driver.execute(read_bio(driver, block, count));
    assert_eq!(done.result, Ok(()));
    bytes(&done.bio.pages)
}
