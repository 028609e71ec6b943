//! A bench for tests: memory, interrupts, a clock, and a host that knows just enough to drive queues.

mod memory;

use std::collections::BTreeMap;

use nvme_spec::command::CreateSq11;
use nvme_spec::register::{self as reg, Doorbell};
use nvme_spec::{CQE_BYTES, Cqe, SQE_BYTES, Sqe, Status};

use crate::{
    Config, Controller, Event, FaultPlan, GuestMemory, LabWake, Media, Ports, RamMedia, lab_wait,
};

pub(crate) use memory::{Lines, Pages};

/// A queue pair as the host sees it; queue and ring sizes are fixed.
#[derive(Clone, Copy, Debug)]
struct Pair {
    sq: u64,
    cq: u64,
    tail: u32,
    head: u32,
    phase: bool,
}

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

    pub(crate) fn enable(&mut self) {
        self.enable_as(0x0046_0001);
    }

    pub(crate) fn enable_as(&mut self, cc: u32) {
        assert!(self.try_enable_as(cc), "ready");
    }

    pub(crate) fn try_enable(&mut self) -> bool {
        self.try_enable_as(0x0046_0001)
    }

    fn try_enable_as(&mut self, cc: u32) -> bool {
        let pair = self.pair(0);
        self.write32(reg::AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
        self.write64(reg::ASQ, pair.sq);
        self.write64(reg::ACQ, pair.cq);
        self.write32(reg::CC, cc);
        self.settle();
        self.read32(reg::CSTS) == 1
    }

    /// Enables the controller as far as it lets itself be, and gives it an I/O queue pair.
    pub(crate) fn start(&mut self) {
        let pair = self.pair(0);
        self.write32(reg::AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
        self.write64(reg::ASQ, pair.sq);
        self.write64(reg::ACQ, pair.cq);
        self.write32(reg::CC, 0x0046_0001);
        let ready_at = self.now_ns + self.controller.config().timing.ready_ns;
        self.wait_until(ready_at);
        assert_eq!(self.read32(reg::CSTS) & 3, 1, "ready");
        let pair = self.pair(1);
        let size_z = (ENTRIES - 1) as u16;
        let cq = Sqe::create_io_cq(1, size_z, Some(1)).with_prp(pair.cq, 0);
        let sq = Sqe::create_io_sq(1, size_z, 1).with_prp(pair.sq, 0);
        for sqe in [cq, sq] {
            assert!(self.prompt(0, sqe).0.is_success());
        }
    }

    pub(crate) fn disable(&mut self) {
        self.write32(reg::CC, 0x0046_0000);
        self.pairs.clear();
    }

    fn pair(&mut self, qid: u16) -> Pair {
        let sq = RINGS + u64::from(qid) * 2 * self.page_bytes;
        let pair = Pair { sq, cq: sq + self.page_bytes, tail: 0, head: 0, phase: true };
        self.memory.write(sq, &vec![0; 2 * self.page_bytes as usize]).expect("ring memory");
        self.pairs.insert(qid, pair);
        pair
    }

    pub(crate) fn create_pair(&mut self, qid: u16, vector: u16) {
        self.create_pair_as(qid, vector, 0);
    }

    pub(crate) fn create_pair_as(&mut self, qid: u16, vector: u16, qprio: u32) {
        let [cq, mut sq] = self.pair_commands(qid, vector);
        assert!(self.admin(cq).0.is_success());
        sq.cdw11 = CreateSq11(sq.cdw11.get()).with_qprio(qprio).0.into();
        assert!(self.admin(sq).0.is_success());
    }

    pub(crate) fn try_create_pair(&mut self, qid: u16, vector: u16) {
        for sqe in self.pair_commands(qid, vector) {
            self.send(0, sqe);
        }
    }

    fn pair_commands(&mut self, qid: u16, vector: u16) -> [Sqe; 2] {
        let pair = self.pair(qid);
        let size_z = (ENTRIES - 1) as u16;
        [
            Sqe::create_io_cq(qid, size_z, Some(vector)).with_prp(pair.cq, 0),
            Sqe::create_io_sq(qid, size_z, qid).with_prp(pair.sq, 0),
        ]
    }

    /// Submits, lets everything happen, and takes whatever completions there are.
    pub(crate) fn send(&mut self, qid: u16, sqe: Sqe) {
        if self.pairs.contains_key(&qid) {
            self.submit(qid, sqe);
            self.settle();
            self.reap(qid);
        }
    }

    /// Writes an entry and rings the doorbell; returns the command's identifier.
    pub(crate) fn submit(&mut self, qid: u16, sqe: Sqe) -> u16 {
        let cid = self.next_cid;
        self.next_cid = self.next_cid.wrapping_add(1);
        self.submit_as(qid, cid, sqe);
        cid
    }

    pub(crate) fn submit_as(&mut self, qid: u16, cid: u16, sqe: Sqe) {
        self.enqueue(qid, cid, sqe);
        let tail = self.pairs[&qid].tail;
        let (may_be_late, before) = (self.controller.answers_take_time(), self.trace.len());
        self.write32(Doorbell::SqTail(qid).offset(self.controller.config().dstrd.into()), tail);
        let is_answer =
            |event: &Event| matches!(event, Event::Complete { .. } | Event::Interrupt { .. });
        let answer = self.trace.iter().skip(before).find(|(_, event)| is_answer(event));
        let is_fine = !self.is_rung_late || !may_be_late || answer.is_none();
        assert!(is_fine, "{sqe:?} is answered at once: {answer:?}");
    }

    /// Writes an entry without ringing.
    pub(crate) fn enqueue(&mut self, qid: u16, cid: u16, sqe: Sqe) {
        let pair = self.pairs.get_mut(&qid).expect("a queue pair");
        let at = pair.sq + u64::from(pair.tail) * SQE_BYTES as u64;
        self.memory.write(at, &sqe.with_cid(cid).to_bytes()).expect("ring memory");
        pair.tail = (pair.tail + 1) % ENTRIES;
    }

    /// Where the submission queue's tail and the completion queue's head are for the host.
    pub(crate) fn indices(&self, qid: u16) -> (u32, u32) {
        let pair = self.pairs[&qid];
        (pair.tail, pair.head)
    }

    /// Rings without letting the controller do anything yet.
    pub(crate) fn ring_quietly(&mut self, qid: u16) {
        let (tail, _) = self.indices(qid);
        let offset = Doorbell::SqTail(qid).offset(self.controller.config().dstrd.into());
        self.controller.mmio_write(self.now_ns, offset, &tail.to_le_bytes(), &mut self.trace);
    }

    /// Takes every completion that is there and rings the doorbell.
    pub(crate) fn reap(&mut self, qid: u16) -> Vec<Cqe> {
        let found = self.peek(qid);
        let pair = self.pairs.get_mut(&qid).expect("a queue pair");
        for _ in &found {
            pair.head = (pair.head + 1) % ENTRIES;
            pair.phase ^= pair.head == 0;
        }
        let head = pair.head;
        if !found.is_empty() {
            self.write32(Doorbell::CqHead(qid).offset(self.controller.config().dstrd.into()), head);
        }
        found
    }

    /// The completions that are there.
    pub(crate) fn peek(&self, qid: u16) -> Vec<Cqe> {
        let pair = self.pairs[&qid];
        let (mut head, mut phase, mut found) = (pair.head, pair.phase, Vec::new());
        loop {
            let mut bytes = [0; CQE_BYTES];
            let at = pair.cq + u64::from(head) * CQE_BYTES as u64;
            self.memory.read(at, &mut bytes).expect("ring memory");
            let cqe = Cqe::from_bytes(bytes);
            if cqe.phase() != phase || found.len() as u32 == ENTRIES {
                return found;
            }
            found.push(cqe);
            head = (head + 1) % ENTRIES;
            phase ^= head == 0;
        }
    }

    /// Submits, lets everything happen, and takes the one completion.
    pub(crate) fn run(&mut self, qid: u16, sqe: Sqe) -> (Status, u32) {
        let cid = self.submit(qid, sqe);
        self.settle();
        let found = self.reap(qid);
        assert_eq!(found.len(), 1, "one completion for {sqe:?}");
        assert_eq!(found[0].cid.get(), cid);
        self.lines.0.clear();
        (found[0].status(), found[0].dw0.get())
    }

    /// Submits, and lets time pass only until the completion is there, so that what goes on in the
    /// background goes on.
    pub(crate) fn prompt(&mut self, qid: u16, sqe: Sqe) -> (Status, u32) {
        self.lines.0.clear();
        let cid = self.submit(qid, sqe);
        assert_eq!(self.wait(qid, u64::MAX), LabWake::Interrupt);
        let found = self.reap(qid);
        let done = found.iter().find(|cqe| cqe.cid.get() == cid).expect("its completion");
        (done.status(), done.dw0.get())
    }

    /// As [`Rig::prompt`], of an admin command whose data is one page at [`DATA`].
    pub(crate) fn prompt_page(&mut self, sqe: Sqe) -> (Status, Vec<u8>) {
        self.memory.write(DATA, &[0xee; 4096]).expect("data page");
        let (status, _) = self.prompt(0, sqe.with_prp(DATA, 0));
        (status, self.data(4096))
    }

    /// Lets time pass up to `now_ns`.
    pub(crate) fn wait_until(&mut self, now_ns: u64) {
        assert_eq!(self.wait(u16::MAX, now_ns), LabWake::Deadline);
    }

    pub(crate) fn admin(&mut self, sqe: Sqe) -> (Status, u32) {
        self.run(0, sqe)
    }

    /// Runs an admin command whose data is one page at [`DATA`].
    pub(crate) fn admin_page(&mut self, sqe: Sqe) -> (Status, Vec<u8>) {
        self.memory.write(DATA, &[0xee; 4096]).expect("data page");
        let (status, _) = self.admin(sqe.with_prp(DATA, 0));
        (status, self.data(4096))
    }

    pub(crate) fn memory_write(&self, address: u64, bytes: &[u8]) {
        self.memory.write(address, bytes).expect("granted memory");
    }

    pub(crate) fn data(&self, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        self.memory.read(DATA, &mut data).expect("data pages");
        data
    }

    /// Sets Host Behavior Support: this byte is 1.
    pub(crate) fn support(&mut self, byte: usize) {
        let mut data = [0; nvme_spec::feature::HOST_BEHAVIOR_BYTES];
        data[byte] = 1;
        self.memory_write(DATA, &data);
        let sqe = Sqe::set_features(nvme_spec::feature::HOST_BEHAVIOR, 0).with_prp(DATA, 0);
        assert!(self.admin(sqe).0.is_success());
    }

    /// Writes one block of one value.
    pub(crate) fn write_block(&mut self, lba: u64, value: u8, fua: bool) -> Status {
        self.memory.write(DATA, &[value; 4096]).expect("data page");
        self.run(1, Sqe::write(1, lba, 0, fua).with_prp(DATA, 0)).0
    }

    /// Reads one block.
    pub(crate) fn read_block(&mut self, lba: u64) -> Result<Vec<u8>, Status> {
        let (status, _) = self.run(1, Sqe::read(1, lba, 0).with_prp(DATA, 0));
        if status.is_success() { Ok(self.data(4096)) } else { Err(status) }
    }

    /// The first byte of a block on the media.
    pub(crate) fn on_media(&mut self, lba: u64) -> u8 {
        let mut block = [0; 4096];
        self.controller.media_mut(1).expect("namespace 1").read(lba, &mut block).expect("RAM");
        block[0]
    }

    /// Events of the trace that this picks.
    pub(crate) fn seen<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.trace.iter().filter_map(|(_, event)| pick(event)).collect()
    }
}
