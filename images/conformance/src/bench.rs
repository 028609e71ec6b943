//! The bench: a controller, two queue pairs, some memory, and the few moves that every check makes.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use hal::{DmaBuf, Mmio, PAGE_BYTES, Platform, Wake};
use nvme_spec::identify::{CNS_CONTROLLER, CNS_NAMESPACE, IdentifyController, IdentifyNamespace};
use nvme_spec::register::{self as reg, Aqa, Cap, Cc, Csts};
use nvme_spec::{Cqe, Sqe, Status, StatusCode, status};

use crate::queue::Queue;
use crate::verdict::{Outcome, Trouble, ensure};

/// The namespace that is checked.
pub(crate) const NSID: u32 = 1;
/// The I/O queue pair.
pub(crate) const IO_QID: u16 = 1;
/// The interrupt vectors of the two queues.
pub(crate) const ADMIN_VECTOR: u16 = 0;
const IO_VECTOR: u16 = 1;
/// Entries of each queue: what fits a page of submissions.
pub(crate) const ENTRIES: u16 = 64;
/// Pages of data: a transfer of 512 KiB and one page more.
pub(crate) const DATA_PAGES: usize = 129;
/// Pages for PRP lists.
const LIST_PAGES: usize = 3;
/// How long a command or a register may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a register is looked at.
const POLL: Duration = Duration::from_millis(1);
/// What memory holds that nobody wrote.
pub(crate) const POISON: u8 = 0xd7;

/// A controller on the bench.
pub(crate) struct Bench<'a, P: Platform> {
    pub(crate) platform: &'a P,
    pub(crate) cap: Cap,
    pub(crate) admin: Queue<P::Dma>,
    pub(crate) io: Queue<P::Dma>,
    pub(crate) data: P::Dma,
    pub(crate) list: P::Dma,
    pub(crate) controller: IdentifyController,
    pub(crate) namespace: IdentifyNamespace,
    /// Bytes of a logical block.
    pub(crate) lba_bytes: usize,
}

impl<'a, P: Platform> Bench<'a, P> {
    /// Enables the controller once and reads what it is like.
    pub(crate) fn new(platform: &'a P) -> Result<Self, Trouble> {
        let no_memory = |_| Trouble::NotThere("not enough DMA memory");
        let mut bench = Self {
            platform,
            cap: Cap(platform.bar().read64(reg::CAP as usize)),
            admin: Queue::new(platform, 0, ENTRIES, ENTRIES).map_err(no_memory)?,
            io: Queue::new(platform, IO_QID, ENTRIES, ENTRIES).map_err(no_memory)?,
            data: platform.dma_alloc(DATA_PAGES).map_err(no_memory)?,
            list: platform.dma_alloc(LIST_PAGES).map_err(no_memory)?,
            controller: IdentifyController::zeroed(),
            namespace: IdentifyNamespace::zeroed(),
            lba_bytes: 0,
        };
        let entries_max = bench.cap.mqes_z() + 1;
        let is_deep = entries_max >= u64::from(ENTRIES);
        ensure!(is_deep, "queues of {entries_max} entries at the most, {ENTRIES} are needed");
        bench.reset_admin_only()?;
        let identified = bench.identify(CNS_CONTROLLER, 0)?;
        if let Some(controller) = IdentifyController::from_prefix(&identified) {
            bench.controller = controller;
        }
        let identified = bench.identify(CNS_NAMESPACE, NSID)?;
        if let Some(namespace) = IdentifyNamespace::from_prefix(&identified) {
            bench.namespace = namespace;
        }
        let format = bench.namespace.format().filter(|format| (9..=12).contains(&format.lbads));
        let lbads = format.ok_or(Trouble::NotThere("no block size of 512 to 4096 bytes"))?.lbads;
        bench.lba_bytes = 1 << lbads;
        Ok(bench)
    }

    pub(crate) fn read(&self, register: u64) -> u32 {
        self.platform.bar().read32(register as usize)
    }

    pub(crate) fn write(&self, register: u64, value: u32) {
        self.platform.bar().write32(register as usize, value);
    }

    pub(crate) fn csts(&self) -> Csts {
        Csts(self.read(reg::CSTS))
    }

    /// Lets time pass, with nothing to wait for.
    pub(crate) fn pause(&self, time: Duration) {
        let until = self.platform.now() + time;
        // An interrupt that is still on its way may end the wait early.
        while self.platform.wait(IO_VECTOR, until) == Wake::Interrupt {}
    }

    /// Looks at CSTS until it is as wanted.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(Csts) -> bool) -> Outcome {
        let deadline = self.platform.now() + PATIENCE;
        while !is_so(self.csts()) {
            ensure!(self.platform.now() < deadline, "{what} never came, CSTS {:#x}", self.csts().0);
            self.pause(POLL);
        }
        Ok(())
    }

    pub(crate) fn disable(&mut self) -> Outcome {
        self.write(reg::CC, 0);
        self.until("CSTS.RDY = 0", |csts| csts.rdy() == 0)
    }

    /// CC for this bench, enabled.
    pub(crate) fn cc() -> Cc {
        Cc(0).with_iosqes(6).with_iocqes(4).with_en(1)
    }

    /// Resets the controller and enables it with an admin queue and no other.
    pub(crate) fn reset_admin_only(&mut self) -> Outcome {
        self.disable()?;
        self.admin.clear();
        self.io.clear();
        let entries_z = u32::from(ENTRIES - 1);
        self.write(reg::AQA, Aqa(0).with_asqs_z(entries_z).with_acqs_z(entries_z).0);
        let bar = self.platform.bar();
        bar.write64(reg::ASQ as usize, self.admin.sq.iova().0);
        bar.write64(reg::ACQ as usize, self.admin.cq.iova().0);
        self.write(reg::CC, Self::cc().0);
        self.until("CSTS.RDY = 1", |csts| csts.rdy() == 1)?;
        self.data.write(0, &vec![POISON; DATA_PAGES * PAGE_BYTES]);
        self.list.write(0, &vec![0; LIST_PAGES * PAGE_BYTES]);
        Ok(())
    }

    /// Resets the controller and gives it an I/O queue pair.
    pub(crate) fn reset(&mut self) -> Outcome {
        self.reset_admin_only()?;
        self.admin_ok(self.create_cq())?;
        self.admin_ok(self.create_sq())
    }

    pub(crate) fn create_cq(&self) -> Sqe {
        Sqe::create_io_cq(self.io.qid, self.io.cq_entries - 1, Some(IO_VECTOR))
            .with_prp(self.io.cq.iova().0, 0)
    }

    pub(crate) fn create_sq(&self) -> Sqe {
        Sqe::create_io_sq(self.io.qid, self.io.sq_entries - 1, self.io.qid)
            .with_prp(self.io.sq.iova().0, 0)
    }

    /// Sends an admin command and takes its completion.
    pub(crate) fn admin(&mut self, sqe: Sqe) -> Result<Cqe, Trouble> {
        let cid = self.admin.push(sqe);
        self.admin.ring(self.platform.bar(), self.cap);
        self.expect_admin(cid)
    }

    /// Takes the next admin completion, which must be that of `cid`.
    pub(crate) fn expect_admin(&mut self, cid: u16) -> Result<Cqe, Trouble> {
        let cqe = self.next_admin()?;
        ensure!(cqe.cid.get() == cid, "completion of {:#x} instead of {cid:#x}", cqe.cid.get());
        Ok(cqe)
    }

    /// Sends an I/O command and takes its completion.
    pub(crate) fn submit(&mut self, sqe: Sqe) -> Result<Cqe, Trouble> {
        let cid = self.io.push(sqe);
        self.io.ring(self.platform.bar(), self.cap);
        let cqe = self.next_io()?;
        ensure!(cqe.cid.get() == cid, "completion of {:#x} instead of {cid:#x}", cqe.cid.get());
        Ok(cqe)
    }

    /// Takes the next admin completion.
    pub(crate) fn next_admin(&mut self) -> Result<Cqe, Trouble> {
        next(self.platform, &mut self.admin, ADMIN_VECTOR, self.cap)
    }

    /// Takes the next I/O completion.
    pub(crate) fn next_io(&mut self) -> Result<Cqe, Trouble> {
        next(self.platform, &mut self.io, IO_VECTOR, self.cap)
    }

    /// An admin command that must succeed.
    pub(crate) fn admin_ok(&mut self, sqe: Sqe) -> Outcome {
        let cqe = self.admin(sqe)?;
        expect(&sqe, &cqe, status::SUCCESS)
    }

    /// An admin command that must fail like this.
    pub(crate) fn admin_fails(&mut self, sqe: Sqe, code: StatusCode) -> Outcome {
        let cqe = self.admin(sqe)?;
        expect(&sqe, &cqe, code)
    }

    /// An I/O command that must succeed.
    pub(crate) fn io_ok(&mut self, sqe: Sqe) -> Outcome {
        let cqe = self.submit(sqe)?;
        expect(&sqe, &cqe, status::SUCCESS)
    }

    /// An I/O command that must fail like this.
    pub(crate) fn io_fails(&mut self, sqe: Sqe, code: StatusCode) -> Outcome {
        let cqe = self.submit(sqe)?;
        expect(&sqe, &cqe, code)
    }

    /// An Identify structure.
    pub(crate) fn identify(&mut self, cns: u8, nsid: u32) -> Result<Vec<u8>, Trouble> {
        self.admin_ok(Sqe::identify(cns, nsid).with_prp(self.data.iova().0, 0))?;
        Ok(self.bytes(0, PAGE_BYTES))
    }

    /// Bytes of the data pages.
    pub(crate) fn bytes(&self, offset: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.data.read(offset, &mut bytes);
        bytes
    }

    /// The address of byte `offset` of the data pages.
    pub(crate) fn at(&self, offset: usize) -> u64 {
        self.data.iova().0 + offset as u64
    }

    /// Fills data pages with bytes that tell place and seed apart.
    pub(crate) fn fill(&self, offset: usize, length: usize, seed: u8) {
        self.data.write(offset, &pattern(length, seed));
    }

    /// Whether the data pages hold what [`Bench::fill`] with that seed writes.
    pub(crate) fn holds(&self, offset: usize, length: usize, seed: u8) -> bool {
        self.bytes(offset, length) == pattern(length, seed)
    }

    /// Blocks of the namespace.
    pub(crate) fn blocks(&self) -> u64 {
        self.namespace.nsze.get()
    }

    /// Logical blocks of a page.
    pub(crate) fn page_blocks(&self) -> u16 {
        (PAGE_BYTES / self.lba_bytes) as u16
    }

    /// Writes one block of a pattern.
    pub(crate) fn write_block(&mut self, slba: u64, seed: u8) -> Outcome {
        self.fill(0, self.lba_bytes, seed);
        self.io_ok(Sqe::write(NSID, slba, 0, false).with_prp(self.at(0), 0))
    }

    /// Reads one block to the start of the data pages.
    pub(crate) fn read_block(&mut self, slba: u64) -> Outcome {
        self.data.write(0, &[POISON; PAGE_BYTES]);
        self.io_ok(Sqe::read(NSID, slba, 0).with_prp(self.at(0), 0))
    }
}

/// Bytes that tell place and seed apart.
fn pattern(length: usize, seed: u8) -> Vec<u8> {
    let byte = |at: usize| (at as u8).wrapping_mul(29) ^ ((at >> 8) as u8).wrapping_mul(7) ^ seed;
    (0..length).map(byte).collect()
}

/// Whether a command ended as it should.
pub(crate) fn expect(sqe: &Sqe, cqe: &Cqe, code: StatusCode) -> Outcome {
    let found = cqe.status();
    let expected = Status::from(code);
    ensure!(found.code == code, "opcode {:#04x}: {found} instead of {expected}", sqe.opcode());
    Ok(())
}

/// Waits for the next completion of a queue and releases its place.
fn next<P: Platform>(
    platform: &P,
    queue: &mut Queue<P::Dma>,
    vector: u16,
    cap: Cap,
) -> Result<Cqe, Trouble> {
    let deadline = platform.now() + PATIENCE;
    let mut wake = Wake::Interrupt;
    loop {
        if let Some(cqe) = queue.take() {
            queue.release(platform.bar(), cap);
            ensure!(wake == Wake::Interrupt, "queue {}: no interrupt", queue.qid);
            return Ok(cqe);
        }
        ensure!(wake == Wake::Interrupt, "queue {}: no completion", queue.qid);
        wake = platform.wait(vector, deadline);
    }
}
