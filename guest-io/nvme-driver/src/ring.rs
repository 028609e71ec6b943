//! A submission queue and its completion queue in memory.
//!
//! Whoever pushes keeps at most `depth - 1` commands unanswered; the ring itself does not count them.
//! The controller's word about its own progress (SQHD) moves nothing here.

use hal::{DmaBuf, Mmio, PAGE_BYTES};
use nvme_spec::register::Doorbell;
use nvme_spec::{CQE_BYTES, Cqe, SQE_BYTES, Sqe};

use crate::registers::Registers;
use crate::shadow::Shadow;

/// The rings of one queue pair, whose queues have the same number.
#[derive(Debug)]
pub(crate) struct Ring<D> {
    qid: u16,
    depth: u16,
    dstrd: u64,
    sq: D,
    cq: D,
    sq_tail: u16,
    cq_head: u16,
    /// The head that the controller was told last.
    cq_told: u16,
    /// The phase tag that marks a new completion; flips when the head wraps.
    phase: bool,
}

/// Pages for the submission queue and the completion queue of `depth` entries.
pub(crate) fn pages(depth: u16) -> (usize, usize) {
    let pages = |entry: usize| usize::from(depth).saturating_mul(entry).div_ceil(PAGE_BYTES);
    (pages(SQE_BYTES), pages(CQE_BYTES))
}

impl<D: DmaBuf> Ring<D> {
    pub(crate) fn new(qid: u16, depth: u16, dstrd: u64, sq: D, cq: D) -> Self {
        assert!(depth >= 2, "a ring of {depth} entries holds nothing");
        Self { qid, depth, dstrd, sq, cq, sq_tail: 0, cq_head: 0, cq_told: 0, phase: true }
    }

    pub(crate) fn qid(&self) -> u16 {
        self.qid
    }

    pub(crate) fn depth(&self) -> u16 {
        self.depth
    }

    /// Entries, zero-based, as registers and commands want it.
    pub(crate) fn depth_z(&self) -> u16 {
        self.depth.saturating_sub(1)
    }

    pub(crate) fn sq_address(&self) -> u64 {
        self.sq.iova().0
    }

    pub(crate) fn cq_address(&self) -> u64 {
        self.cq.iova().0
    }

    /// Puts a command into the queue and tells the controller, in this order.
    #[inline]
    pub(crate) fn push<B: Mmio>(
        &mut self,
        registers: &Registers<'_, B>,
        shadow: Option<&Shadow<D>>,
        sqe: &Sqe,
    ) {
        let old = self.sq_tail;
        self.sq.write(entry(old, SQE_BYTES), &sqe.to_bytes());
        self.sq_tail = self.next(old);
        let bell = Doorbell::SqTail(self.qid);
        if shadow.is_none_or(|shadow| shadow.ring(bell, old, self.sq_tail)) {
            registers.ring(bell, self.dstrd, self.sq_tail);
        }
    }

    /// Writes the tail doorbell again, for a controller that may have stopped looking at its shadow.
    pub(crate) fn kick<B: Mmio>(&self, registers: &Registers<'_, B>) {
        registers.ring(Doorbell::SqTail(self.qid), self.dstrd, self.sq_tail);
    }

    /// The last dword of the next entry, if that is a new completion.
    // Spec: NVMe-Base-2.0c 3.3.3.2 "Phase Tag (P)"
    #[inline]
    fn arrived(&self) -> Option<u32> {
        let dw3 = self.cq.load_acquire_u32(entry(self.cq_head, CQE_BYTES).saturating_add(12));
        ((dw3 >> 16 & 1 != 0) == self.phase).then_some(dw3)
    }

    /// Whether there is a completion to be taken.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.arrived().is_some()
    }

    /// Takes the next completion out of the queue, if there is one.
    ///
    /// The dword with the phase tag is loaded first and only once: what the controller wrote before
    /// it is seen after it, and it cannot change between the check and the use.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Cqe> {
        let dw3 = self.arrived()?;
        let mut bytes = [0; CQE_BYTES];
        let (first, last) = bytes.split_at_mut(12);
        last.copy_from_slice(&dw3.to_le_bytes());
        self.cq.read(entry(self.cq_head, CQE_BYTES), first);
        self.cq_head = self.next(self.cq_head);
        self.phase ^= self.cq_head == 0;
        Some(Cqe::from_bytes(bytes))
    }

    /// Tells the controller how far completions were taken.
    pub(crate) fn ring_cq<B: Mmio>(
        &mut self,
        registers: &Registers<'_, B>,
        shadow: Option<&Shadow<D>>,
    ) {
        let bell = Doorbell::CqHead(self.qid);
        let old = core::mem::replace(&mut self.cq_told, self.cq_head);
        if shadow.is_none_or(|shadow| shadow.ring(bell, old, self.cq_head)) {
            registers.ring(bell, self.dstrd, self.cq_head);
        }
    }

    /// Back to the start, for a queue that the controller is about to be told of. Old completions
    /// must not be taken for new ones.
    pub(crate) fn reset(&mut self) {
        (self.sq_tail, self.cq_head, self.cq_told, self.phase) = (0, 0, 0, true);
        let mut at = 0;
        while at < self.cq.size_bytes() {
            self.cq.write(at, &[0; CQE_BYTES]);
            at = at.saturating_add(CQE_BYTES);
        }
    }

    fn next(&self, index: u16) -> u16 {
        let next = index.saturating_add(1);
        if next >= self.depth { 0 } else { next }
    }
}

fn entry(index: u16, entry_bytes: usize) -> usize {
    usize::from(index).saturating_mul(entry_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::RefCell;
    use hal::testing::{DmaPool, PoolDma};
    use nvme_spec::Status;

    #[derive(Default)]
    struct Bells(RefCell<Vec<(usize, u32)>>);

    impl Mmio for Bells {
        fn read32(&self, _: usize) -> u32 {
            0
        }
        fn write32(&self, offset: usize, value: u32) {
            self.0.borrow_mut().push((offset, value));
        }
    }

    fn ring(depth: u16) -> Ring<PoolDma> {
        let pool = DmaPool::new(4);
        Ring::new(3, depth, 0, pool.alloc(1).unwrap(), pool.alloc(1).unwrap())
    }

    fn post(ring: &Ring<PoolDma>, index: u16, cid: u16, phase: bool) {
        let cqe = Cqe::new(cid, 3, 0, Status::SUCCESS, 7, phase);
        ring.cq.write(usize::from(index) * CQE_BYTES, &cqe.to_bytes());
    }

    #[test]
    fn completions_are_taken_in_order_over_many_laps() {
        let mut ring = ring(3);
        for lap in 0..10_u16 {
            let phase = lap % 2 == 0;
            for index in 0..3 {
                assert_eq!(ring.pop(), None);
                post(&ring, index, lap * 3 + index, phase);
                let cqe = ring.pop().unwrap();
                assert_eq!((cqe.cid.get(), cqe.dw0.get()), (lap * 3 + index, 7));
            }
        }
    }

    #[test]
    fn a_completion_with_the_wrong_phase_is_not_there() {
        let mut ring = ring(2);
        post(&ring, 0, 1, false);
        assert_eq!(ring.pop(), None);
        post(&ring, 0, 1, true);
        assert!(ring.pop().is_some());
    }

    #[test]
    fn after_a_reset_old_completions_are_gone() {
        let mut ring = ring(2);
        post(&ring, 0, 1, true);
        post(&ring, 1, 2, true);
        assert!(ring.pop().is_some());
        ring.reset();
        assert_eq!(ring.pop(), None);
    }

    #[test]
    fn the_tail_wraps_and_the_bytes_are_there_when_the_doorbell_rings() {
        let mut ring = ring(2);
        let bells = Bells::default();
        let registers = Registers(&bells);
        for cid in [0x11, 0x22, 0x33] {
            ring.push(&registers, None, &Sqe::flush(1).with_cid(cid));
        }
        assert_eq!(*bells.0.borrow(), [(0x1018, 1), (0x1018, 0), (0x1018, 1)]);
        assert_eq!(ring.sq.load_acquire_u32(0) >> 16, 0x33);
        assert_eq!(ring.sq.load_acquire_u32(64) >> 16, 0x22);
    }
}
