//! A hostile host: memory, interrupts, a clock, and the accounts that it keeps of the controller.

mod accounts;
mod memory;
mod owner;

use arbitrary::Unstructured;
use nvme_model::media::RamMedia;
use nvme_model::{CachePolicy, Config, Controller, FaultPlan, IrqSink, Media, Ports, Timing};
use nvme_spec::Sqe;
use nvme_spec::register::{self as reg, Aqa, Csts, Doorbell};

use accounts::Accounts;
pub(crate) use memory::{Memory, PAGE_BYTES, PAGES};

/// Steps after which a controller without new commands must have nothing left to do. A step handles up
/// to 4096 commands, and no queue here has more.
const SETTLE_STEPS_MAX: u32 = 20_000;
/// Accesses to memory in one step: 4096 commands with a transfer of 128 pages each, as entries of lists
/// and as data, and the entries of the queues.
const ACCESSES_MAX: u64 = 4096 * 4 * 130;
/// Blocks of the namespace.
pub(crate) const BLOCKS: u64 = 256;
/// Entries of every queue that the host makes properly.
pub(crate) const ENTRIES: u16 = 16;
/// CC with 64-byte and 16-byte entries, enabled.
const CC_ENABLED: u32 = 0x0046_0001;

struct Nobody;

impl IrqSink for Nobody {
    fn signal(&mut self, _vector: u16) {}
}

/// A host with a controller.
pub(crate) struct Host {
    pub(crate) controller: Controller,
    pub(crate) memory: Memory,
    accounts: Accounts,
    pub(crate) now_ns: u64,
    /// Where the next entry of each queue goes, as the host sees it.
    tails: [u16; 4],
    next_cid: u16,
    saved: Option<owner::Saved>,
}

impl Host {
    /// A host with a plain controller: one namespace.
    pub(crate) fn new() -> Self {
        let config = Config { queue_entries_max: 64, io_queues_max: 4, ..Config::default() };
        Self::with(config, vec![(1, disk(512))], FaultPlan::none())
    }

    /// A host with a controller that has everything, of one of several makes.
    pub(crate) fn rich(input: &mut Unstructured<'_>, faults: FaultPlan) -> arbitrary::Result<Self> {
        let timing = Timing {
            format_ns: input.int_in_range(0..=1_000_000)?,
            sanitize_erase_ns: input.int_in_range(0..=1_000_000)?,
            firmware_activation_ns: input.int_in_range(0..=1_000_000)?,
            ..Timing::default()
        };
        let config = Config {
            queue_entries_max: 64,
            io_queues_max: 4,
            has_volatile_cache: input.ratio(3, 4)?,
            cache_blocks_max: input.int_in_range(1..=16)?,
            atomic_blocks: 2,
            atomic_boundary_blocks: if input.arbitrary()? { 4 } else { 0 },
            channels: input.int_in_range(1..=4)?,
            error_log_entries: 4,
            namespaces_max: 8,
            unallocated_bytes: 1 << 20,
            timing,
            ..Config::default()
        };
        let media = match input.int_in_range(0..=7_u8)? {
            0 => vec![],
            1 => vec![(1, disk(4096))],
            _ => vec![(1, disk(512)), (2, disk(4096))],
        };
        Ok(Self::with(config, media, faults))
    }

    fn with(config: Config, media: Vec<(u32, Box<dyn Media>)>, faults: FaultPlan) -> Self {
        let accounts = Accounts::new(!faults.rules.is_empty());
        let controller = Controller::with_namespaces(config, media, faults);
        Self {
            controller: controller.expect("a valid configuration"),
            memory: Memory::new(),
            accounts,
            now_ns: 0,
            tails: [0; 4],
            next_cid: 0,
            saved: None,
        }
    }

    /// Pages of queue `qid`'s submission and completion queue.
    pub(crate) const fn rings(qid: u16) -> (u64, u64) {
        (Memory::page(2 * qid as u64), Memory::page(2 * qid as u64 + 1))
    }

    pub(crate) fn read(&mut self, offset: u64, bytes: &mut [u8]) {
        self.controller.mmio_read(self.now_ns, offset, bytes, &mut self.accounts);
    }

    pub(crate) fn read32(&mut self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.controller.mmio_write(self.now_ns, offset, bytes, &mut self.accounts);
        self.step();
        if self.read32(reg::CSTS) & 1 == 0 {
            self.accounts.forget();
        }
        self.plug_in_again();
    }

    pub(crate) fn write32(&mut self, offset: u64, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    pub(crate) fn step(&mut self) {
        self.memory.begin_step(ACCESSES_MAX);
        let (memory, accounts) = (&self.memory, &mut self.accounts);
        let mut ports = Ports { memory, irq: &mut Nobody, observer: accounts };
        self.controller.step(self.now_ns, &mut ports);
        self.memory.end_step();
    }

    /// Lets everything happen that happens by itself, up to `until_ns`.
    pub(crate) fn pass_time(&mut self, until_ns: u64) {
        for _ in 0..SETTLE_STEPS_MAX {
            match self.controller.next_event() {
                Some(at) if at <= until_ns => {
                    self.now_ns = at.max(self.now_ns);
                    self.step();
                    self.plug_in_again();
                }
                _ => {
                    self.now_ns = self.now_ns.max(until_ns);
                    return;
                }
            }
        }
        panic!("the controller is never done");
    }

    /// An hour: everything that is in flight ends.
    pub(crate) fn settle(&mut self) {
        self.pass_time(self.now_ns + 3_600_000_000_000);
    }

    /// Enables the controller with queues 0 and 1, if it lets itself be enabled.
    pub(crate) fn enable(&mut self) {
        self.write32(reg::CC, 0);
        self.settle();
        self.accounts.forget();
        self.tails = [0; 4];
        let (asq, acq) = Self::rings(0);
        let entries_z = u32::from(ENTRIES - 1);
        self.write32(reg::AQA, Aqa(0).with_asqs_z(entries_z).with_acqs_z(entries_z).0);
        self.write(reg::ASQ, &asq.to_le_bytes());
        self.write(reg::ACQ, &acq.to_le_bytes());
        self.write32(reg::CC, CC_ENABLED);
        self.settle();
        let (sq, cq) = Self::rings(1);
        let size_z = ENTRIES - 1;
        self.submit(0, Sqe::create_io_cq(1, size_z, Some(1)).with_prp(cq, 0));
        self.settle();
        self.submit(0, Sqe::create_io_sq(1, size_z, 1).with_prp(sq, 0));
        self.settle();
    }

    /// Writes an entry where the host thinks the tail is, and rings the doorbell.
    pub(crate) fn submit(&mut self, qid: u16, sqe: Sqe) {
        self.submit_all(qid, &[sqe]);
    }

    /// Writes entries and rings the doorbell once.
    pub(crate) fn submit_all(&mut self, qid: u16, sqes: &[Sqe]) {
        let (sq, _) = Self::rings(qid);
        let tail = &mut self.tails[usize::from(qid & 3)];
        for sqe in sqes {
            let sqe = sqe.with_cid(self.next_cid);
            self.next_cid = self.next_cid.wrapping_add(1);
            self.memory.poke(sq + u64::from(*tail) * 64, &sqe.to_bytes());
            *tail = (*tail + 1) % ENTRIES;
        }
        let tail = u32::from(*tail);
        self.write32(Doorbell::SqTail(qid).offset(0), tail);
    }

    /// Tells the controller that every completion of the queue was taken.
    pub(crate) fn release(&mut self, qid: u16) {
        let head = self.accounts.posted(qid) % u32::from(ENTRIES);
        self.write32(Doorbell::CqHead(qid).offset(0), head);
    }

    pub(crate) fn power_cut(&mut self, policy: CachePolicy) {
        self.controller.power_cut(self.now_ns, policy, &mut self.accounts);
        self.begin_anew();
    }

    /// The power goes while memory still holds what writes in flight would have stored.
    pub(crate) fn power_cut_in_flight(&mut self, policy: CachePolicy) {
        self.memory.begin_step(ACCESSES_MAX);
        let (memory, accounts) = (&self.memory, &mut self.accounts);
        let mut ports = Ports { memory, irq: &mut Nobody, observer: accounts };
        self.controller.power_cut_in_flight(self.now_ns, policy, &mut ports);
        self.memory.end_step();
        self.begin_anew();
    }

    /// Whether the controller does nothing until it is enabled.
    pub(crate) fn is_dead(&mut self) -> bool {
        let csts = Csts(self.read32(reg::CSTS));
        csts.rdy() == 0 || csts.cfs() != 0 || csts.shst() != 0
    }

    fn begin_anew(&mut self) {
        self.accounts.forget();
        self.now_ns = 0;
        self.tails = [0; 4];
    }

    /// What was carried out: whether it was an admin command, and its opcode.
    #[cfg(test)]
    pub(crate) fn succeeded(&self) -> &std::collections::BTreeSet<(bool, u8)> {
        self.accounts.succeeded()
    }

    /// The status of the last completion of a queue.
    pub(crate) fn last_status(&self, qid: u16) -> Option<nvme_spec::Status> {
        self.accounts.last_status(qid)
    }
}

/// The controller wants to be switched off before it is scrapped: it guards every command in flight.
impl Drop for Host {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.power_cut(CachePolicy::LoseAll);
        }
    }
}

fn disk(block_bytes: u32) -> Box<dyn Media> {
    Box::new(RamMedia::new(BLOCKS, block_bytes))
}

/// An address that a hostile guest might use: a page it owns, one in the middle, a register, nothing.
pub(crate) fn address(input: &mut Unstructured<'_>) -> arbitrary::Result<u64> {
    Ok(match input.int_in_range(0..=9_u8)? {
        0..=4 => Memory::page(input.int_in_range(0..=PAGES - 1)?),
        5 | 6 => Memory::page(input.int_in_range(0..=PAGES - 1)?) + input.int_in_range(0..=4095)?,
        7 => Memory::page(PAGES - 1) + 4096 - input.int_in_range(0..=64)?,
        8 => u64::MAX - input.int_in_range(0..=8192)?,
        _ => input.arbitrary()?,
    })
}
