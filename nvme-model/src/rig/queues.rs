//! Queue pairs as the host has them: entries, doorbells, completions.

use nvme_spec::command::CreateSq11;
use nvme_spec::register::{self as reg, Doorbell};
use nvme_spec::{CQE_BYTES, Cqe, SQE_BYTES, Sqe};

use super::{ENTRIES, RINGS, Rig};
use crate::{Event, GuestMemory};

/// A queue pair as the host sees it; queue and ring sizes are fixed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    sq: u64,
    cq: u64,
    tail: u32,
    head: u32,
    phase: bool,
}

impl Rig {
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

    pub(crate) fn pair_commands(&mut self, qid: u16, vector: u16) -> [Sqe; 2] {
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
}
