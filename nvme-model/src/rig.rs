//! A bench for tests: memory, interrupts, a clock, and a host that knows just enough to drive queues.

mod commands;
mod memory;
mod queues;

use std::collections::BTreeMap;

use crate::{
    Config, Controller, Event, FaultPlan, GuestMemory, LabWake, Media, Ports, RamMedia, lab_wait,
};

pub(crate) use memory::{Lines, Pages};
use queues::Pair;

pub(crate) const ENTRIES: u32 = 16;

/// Where the host keeps things.
pub(crate) const DATA: u64 = 0x10_0000;
const RINGS: u64 = 0x4_0000;

#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) controller: Controller,
    pub(crate) memory: Pages,
    pub(crate) lines: Lines,
    pub(crate) now_ns: u64,
    pub(crate) trace: Vec<(u64, Event)>,
    pairs: BTreeMap<u16, Pair>,
    next_cid: u16,
    /// The host's pages, and so where rings may begin; CC is the test's.
    pub(crate) page_bytes: u64,
    /// The owner may ring doorbells late where the controller says so: then nothing may come of a ring at once.
    pub(crate) is_rung_late: bool,
}

impl Rig {
    /// A controller over 1024 blocks of 4 KiB, switched on and not enabled.
    pub(crate) fn off(config: Config, faults: FaultPlan) -> Self {
        Self::over(config, &[(1, 1024)], faults)
    }

    /// A controller with these namespaces: identifiers and sizes in blocks of 4 KiB.
    pub(crate) fn over(config: Config, sizes: &[(u32, u64)], faults: FaultPlan) -> Self {
        let media = |(nsid, blocks): &(u32, u64)| -> (u32, Box<dyn Media>) {
            (*nsid, Box::new(RamMedia::new(*blocks, 4096)))
        };
        Self::off_on(sizes.iter().map(media).collect(), config, faults)
    }

    fn off_on(media: Vec<(u32, Box<dyn Media>)>, config: Config, faults: FaultPlan) -> Self {
        let controller =
            Controller::with_namespaces(config, media, faults).expect("valid configuration");
        let memory = Pages::default();
        memory.grant(DATA, 64 * 4096);
        memory.grant(RINGS, 64 * 4096);
        Self {
            controller,
            memory,
            lines: Lines::default(),
            now_ns: 0,
            trace: Vec::new(),
            pairs: BTreeMap::new(),
            next_cid: 1,
            page_bytes: 4096,
            is_rung_late: false,
        }
    }

    /// An enabled controller with one I/O queue pair (vector 1).
    pub(crate) fn with(config: Config, faults: FaultPlan) -> Self {
        Self::off(config, faults).on_with_a_pair()
    }

    /// The same over this media of blocks of 4 KiB.
    pub(crate) fn on(media: Box<dyn Media>, config: Config) -> Self {
        Self::off_on(vec![(1, media)], config, FaultPlan::none()).on_with_a_pair()
    }

    fn on_with_a_pair(mut self) -> Self {
        self.enable();
        self.create_pair(1, 1);
        self
    }

    pub(crate) fn new() -> Self {
        Self::with(Config::default(), FaultPlan::none())
    }

    /// An enabled controller whose plan has these rules, in text.
    pub(crate) fn faulty(rules: &[&str]) -> Self {
        let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        Self::with(Config::default(), FaultPlan { seed: 1, rules })
    }

    pub(crate) fn read32(&mut self, offset: u64) -> u32 {
        let mut data = [0; 4];
        self.controller.mmio_read(self.now_ns, offset, &mut data, &mut self.trace);
        u32::from_le_bytes(data)
    }

    pub(crate) fn write32(&mut self, offset: u64, value: u32) {
        let data = value.to_le_bytes();
        self.controller.mmio_write(self.now_ns, offset, &data, &mut self.trace);
        self.step();
    }

    pub(crate) fn write64(&mut self, offset: u64, value: u64) {
        let data = value.to_le_bytes();
        self.controller.mmio_write(self.now_ns, offset, &data, &mut self.trace);
        self.step();
    }

    pub(crate) fn step(&mut self) {
        let mut ports =
            Ports { memory: &self.memory, irq: &mut self.lines, observer: &mut self.trace };
        self.controller.step(self.now_ns, &mut ports);
    }

    /// Waits on a vector.
    pub(crate) fn wait(&mut self, vector: u16, deadline_ns: u64) -> LabWake {
        lab_wait(
            &mut self.controller,
            &mut self.now_ns,
            deadline_ns,
            vector.into(),
            &self.memory,
            &mut self.lines,
            &mut self.trace,
        )
    }

    /// Lets everything happen that happens by itself.
    pub(crate) fn settle(&mut self) {
        assert_eq!(self.wait(u16::MAX, u64::MAX), LabWake::Forever);
    }

    /// Lets time pass up to `now_ns`.
    pub(crate) fn wait_until(&mut self, now_ns: u64) {
        assert_eq!(self.wait(u16::MAX, now_ns), LabWake::Deadline);
    }

    pub(crate) fn memory_write(&self, address: u64, bytes: &[u8]) {
        self.memory.write(address, bytes).expect("granted memory");
    }

    pub(crate) fn data(&self, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        self.memory.read(DATA, &mut data).expect("data pages");
        data
    }

    /// Events of the trace that this picks.
    pub(crate) fn seen<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.trace.iter().filter_map(|(_, event)| pick(event)).collect()
    }
}
