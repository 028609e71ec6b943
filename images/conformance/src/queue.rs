//! A queue pair as a host has it: no more than tail, head and phase.

use hal::{DmaBuf, Mmio, OutOfMemory, Platform};
use nvme_spec::register::{Cap, Doorbell};
use nvme_spec::{CQE_BYTES, Cqe, SQE_BYTES, Sqe};

/// Where the dword with the phase tag is in a completion.
const PHASE_DWORD: usize = 12;
const PHASE_TAG: u32 = 1 << 16;

/// A queue pair. Submission and completion queue each have one page.
pub(crate) struct Queue<D> {
    pub(crate) qid: u16,
    pub(crate) sq: D,
    pub(crate) cq: D,
    /// Entries of the submission queue.
    pub(crate) sq_entries: u16,
    /// Entries of the completion queue.
    pub(crate) cq_entries: u16,
    pub(crate) tail: u16,
    pub(crate) head: u16,
    pub(crate) phase: bool,
    next_cid: u16,
}

impl<D: DmaBuf> Queue<D> {
    pub(crate) fn new(
        platform: &impl Platform<Dma = D>,
        qid: u16,
        sq_entries: u16,
        cq_entries: u16,
    ) -> Result<Self, OutOfMemory> {
        let (sq, cq) = (platform.dma_alloc(1)?, platform.dma_alloc(1)?);
        let (tail, head, phase, next_cid) = (0, 0, true, 0);
        Ok(Self { qid, sq, cq, sq_entries, cq_entries, tail, head, phase, next_cid })
    }

    /// As new, for a controller that was reset.
    pub(crate) fn clear(&mut self) {
        self.cq.write(0, &[0; hal::PAGE_BYTES]);
        (self.tail, self.head, self.phase) = (0, 0, true);
    }

    /// Writes an entry without telling the controller; returns its identifier.
    pub(crate) fn push(&mut self, sqe: Sqe) -> u16 {
        let cid = self.next_cid;
        // FFFFh means "no command" in the error log.
        self.next_cid = (cid + 1) % 0xffff;
        let at = usize::from(self.tail) * SQE_BYTES;
        self.sq.write(at, &sqe.with_cid(cid).to_bytes());
        self.tail = (self.tail + 1) % self.sq_entries;
        cid
    }

    /// Tells the controller of every entry written.
    pub(crate) fn ring(&self, bar: &impl Mmio, cap: Cap) {
        bar.write32(bell(Doorbell::SqTail(self.qid), cap), self.tail.into());
    }

    /// Takes the next completion without telling the controller.
    pub(crate) fn take(&mut self) -> Option<Cqe> {
        let at = usize::from(self.head) * CQE_BYTES;
        let word = self.cq.load_acquire_u32(at + PHASE_DWORD);
        if (word & PHASE_TAG != 0) != self.phase {
            return None;
        }
        let mut bytes = [0; CQE_BYTES];
        self.cq.read(at, &mut bytes);
        self.head = (self.head + 1) % self.cq_entries;
        self.phase ^= self.head == 0;
        Some(Cqe::from_bytes(bytes))
    }

    /// Tells the controller which completions were taken.
    pub(crate) fn release(&self, bar: &impl Mmio, cap: Cap) {
        bar.write32(bell(Doorbell::CqHead(self.qid), cap), self.head.into());
    }
}

/// Where a doorbell is.
pub(crate) fn bell(bell: Doorbell, cap: Cap) -> usize {
    bell.offset(cap.dstrd()) as usize
}
