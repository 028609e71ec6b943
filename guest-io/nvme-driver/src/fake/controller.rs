//! The scripted controller.

use std::collections::BTreeMap;

use hal::testing::DmaPool;
use hal::{Iova, Wake};
use nvme_spec::identify::{IdentifyController, IdentifyNamespace, oncs, vwc};
use nvme_spec::register::{self, Cap, Cc, Csts, Doorbell, SHST_COMPLETE};
use nvme_spec::{AdminOpcode, CQE_BYTES, Cqe, SQE_BYTES, Sqe};
use zerocopy::IntoBytes;

use super::{AdminScript, Reply, Script};

/// Never.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Default)]
struct Queue {
    sq: u64,
    cq: u64,
    sq_depth: u16,
    cq_depth: u16,
    sq_head: u16,
    cq_tail: u16,
    phase: bool,
}

struct Post {
    qid: usize,
    cqe: Cqe,
    has_interrupt: bool,
    /// The command that it answers, whatever the completion says.
    cid: u16,
    prp1: u64,
}

/// See the parent module.
pub(crate) struct Controller {
    pub(crate) cap: Cap,
    pub(crate) id: IdentifyController,
    pub(crate) namespace: IdentifyNamespace,
    /// From EN = 1 to RDY = 1.
    pub(crate) ready_ns: u64,
    /// From EN = 0 to RDY = 0.
    pub(crate) disable_ns: u64,
    /// From SHN to SHST.
    pub(crate) shutdown_ns: u64,
    pub(crate) is_removed: bool,
    pub(crate) is_fatal: bool,
    /// The vector is raised again as soon as it was taken.
    pub(crate) storm_vector: Option<u16>,
    pub(crate) is_dma_stopped: bool,
    /// Fails the test when an answered command's first page is gone. Not for a device that answers
    /// for commands that it is still working on.
    pub(crate) is_dma_checked: bool,
    /// I/O commands as they were fetched.
    pub(crate) seen: Vec<Sqe>,
    pub(crate) io_script: Script,
    pub(crate) admin_script: AdminScript,
    pub(crate) now_ns: u64,
    pool: DmaPool,
    cc: Cc,
    cc_changed_ns: u64,
    was_ready: bool,
    /// When RDY follows the last write to EN.
    rdy_changes_ns: u64,
    aqa: u32,
    queues: [Queue; 2],
    posts: BTreeMap<(u64, u64), Post>,
    post_count: u64,
    raised: [bool; 2],
    parked: Vec<u16>,
}

impl Controller {
    pub(super) fn new(pool: DmaPool) -> Self {
        let mut id = IdentifyController::zeroed();
        id.mdts = 4;
        id.oncs = (oncs::WRITE_ZEROES | oncs::DATASET_MANAGEMENT).into();
        id.vwc = vwc::PRESENT;
        let mut namespace = IdentifyNamespace::zeroed();
        namespace.nsze = 4096.into();
        namespace.lbaf[0].lbads = 12;
        Self {
            cap: Cap(0).with_css(1).with_mqes_z(255).with_to(3).with_cqr(1),
            id,
            namespace,
            ready_ns: 1_000_000,
            disable_ns: 1_000_000,
            shutdown_ns: 1_000_000,
            is_removed: false,
            is_fatal: false,
            storm_vector: None,
            is_dma_stopped: false,
            is_dma_checked: true,
            seen: Vec::new(),
            io_script: Box::new(|_| Reply::OK),
            admin_script: Box::new(|_| None),
            now_ns: 1_000,
            pool,
            cc: Cc(0),
            cc_changed_ns: 0,
            was_ready: false,
            rdy_changes_ns: 0,
            aqa: 0,
            queues: Default::default(),
            posts: BTreeMap::new(),
            post_count: 0,
            raised: [false; 2],
            parked: Vec::new(),
        }
    }

    fn is_ready(&self) -> bool {
        if self.cc.en() == 1 {
            self.now_ns >= self.rdy_changes_ns
        } else {
            self.was_ready && self.now_ns < self.rdy_changes_ns
        }
    }

    fn csts(&self) -> Csts {
        let is_shut_down =
            self.cc.shn() != 0 && self.now_ns - self.cc_changed_ns >= self.shutdown_ns;
        let csts = Csts(0).with_rdy(u32::from(self.is_ready())).with_cfs(u32::from(self.is_fatal));
        if is_shut_down { csts.with_shst(SHST_COMPLETE) } else { csts }
    }

    pub(super) fn read(&self, offset: usize) -> u32 {
        if self.is_removed {
            return u32::MAX;
        }
        let cap = self.cap.0.to_le_bytes();
        match offset as u64 {
            register::CAP => u32::from_le_bytes(cap[..4].try_into().unwrap()),
            0x04 => u32::from_le_bytes(cap[4..].try_into().unwrap()),
            register::VS => 0x2_0000,
            register::CSTS => self.csts().0,
            register::CRTO => 0,
            other => panic!("the driver reads {other:#x}"),
        }
    }

    pub(super) fn write(&mut self, offset: usize, value: u32) {
        let half = |old: u64, is_high: bool| {
            let value = u64::from(value);
            if is_high { old & 0xffff_ffff | value << 32 } else { old & !0xffff_ffff | value }
        };
        if self.is_removed {
            return;
        }
        match offset as u64 {
            register::CC => self.write_cc(Cc(value)),
            register::AQA => self.aqa = value,
            0x28 | 0x2c => self.queues[0].sq = half(self.queues[0].sq, offset == 0x2c),
            0x30 | 0x34 => self.queues[0].cq = half(self.queues[0].cq, offset == 0x34),
            _ => match Doorbell::at(offset as u64, 0).expect("a register that exists") {
                Doorbell::SqTail(qid) => self.fetch(usize::from(qid), value as u16),
                Doorbell::CqHead(_) => {}
            },
        }
    }

    fn write_cc(&mut self, cc: Cc) {
        if cc.en() != self.cc.en() {
            self.was_ready = self.is_ready();
            let delay_ns = if cc.en() == 1 { self.ready_ns } else { self.disable_ns };
            self.rdy_changes_ns = self.now_ns.saturating_add(delay_ns);
        }
        if cc.en() == 0 {
            self.posts.clear();
            self.parked.clear();
        } else if self.cc.en() == 0 {
            let z = self.aqa as u16 & 0xfff;
            let [admin, io] = &mut self.queues;
            *admin = Queue { sq: admin.sq, cq: admin.cq, ..Queue::default() };
            (admin.sq_depth, admin.cq_depth, admin.phase) = (z + 1, z + 1, true);
            *io = Queue::default();
        }
        self.cc = cc;
        self.cc_changed_ns = self.now_ns;
    }

    fn fetch(&mut self, qid: usize, tail: u16) {
        let takes_commands = self.is_ready() && self.cc.en() == 1;
        assert!(takes_commands, "a doorbell of a controller that is not ready, or is being reset");
        while self.queues[qid].sq_head != tail && !self.is_fatal {
            let queue = &mut self.queues[qid];
            let mut bytes = [0; SQE_BYTES];
            let at = queue.sq + u64::from(queue.sq_head) * SQE_BYTES as u64;
            queue.sq_head = (queue.sq_head + 1) % queue.sq_depth;
            self.pool.read_at(Iova(at), &mut bytes).unwrap();
            let sqe = Sqe::from_bytes(bytes);
            let reply = if qid == 0 {
                (self.admin_script)(&sqe).unwrap_or_else(|| self.execute_admin(&sqe))
            } else {
                self.seen.push(sqe);
                (self.io_script)(&sqe)
            };
            self.schedule(qid, &sqe, reply);
        }
    }

    fn execute_admin(&mut self, sqe: &Sqe) -> Reply {
        let prp1 = Iova(sqe.prp1.get());
        match AdminOpcode(sqe.opcode()) {
            AdminOpcode::IDENTIFY => {
                let bytes = match sqe.cdw10.get() & 0xff {
                    0 => self.namespace.as_bytes(),
                    _ => self.id.as_bytes(),
                };
                self.pool.write_at(prp1, bytes).unwrap();
            }
            AdminOpcode::CREATE_IO_CQ => {
                let io = &mut self.queues[1];
                (io.cq, io.phase) = (prp1.0, true);
                io.cq_depth = (sqe.cdw10.get() >> 16) as u16 + 1;
            }
            AdminOpcode::CREATE_IO_SQ => {
                let io = &mut self.queues[1];
                (io.sq, io.sq_depth) = (prp1.0, (sqe.cdw10.get() >> 16) as u16 + 1);
            }
            AdminOpcode::ASYNC_EVENT_REQUEST => {
                self.parked.push(sqe.cid());
                return Reply::NEVER;
            }
            AdminOpcode::ABORT => {
                // A good controller aborts: the command completes, and only then the Abort.
                let cid = (sqe.cdw10.get() >> 16) as u16;
                self.posts.retain(|_, post| post.qid != 1 || post.cid != cid);
                let reply = Reply::fail(nvme_spec::status::ABORT_REQUESTED);
                self.schedule(1, &Sqe::default().with_cid(cid), reply);
            }
            _ => {}
        }
        Reply::OK
    }

    /// Completes a parked asynchronous event request now.
    pub(crate) fn post_event(&mut self, dw0: u32) {
        let cid = self.parked.pop().expect("the driver parks requests");
        let reply = Reply { dw0, delay_ns: 0, ..Reply::OK };
        self.schedule(0, &Sqe::default().with_cid(cid), reply);
    }

    fn schedule(&mut self, qid: usize, sqe: &Sqe, reply: Reply) {
        for copy in 0..reply.times {
            let sqhd = reply.sqhd.unwrap_or(self.queues[qid].sq_head);
            let cid = sqe.cid().wrapping_add(reply.cid_offset);
            let sqid = (qid as u16).wrapping_add(reply.sqid_offset);
            let cqe = Cqe::new(cid, sqid, sqhd, reply.status, reply.dw0, false);
            let has_interrupt = reply.has_interrupt;
            let prp1 = if copy == 0 { sqe.prp1.get() } else { 0 };
            let key = (self.now_ns.saturating_add(reply.delay_ns), self.post_count);
            self.post_count += 1;
            let post = Post { qid, cqe, has_interrupt, cid: sqe.cid(), prp1 };
            self.posts.insert(key, post);
        }
    }

    fn post(&mut self, post: Post) {
        let Post { qid, cqe, has_interrupt, prp1, .. } = post;
        if prp1 != 0 && self.is_dma_checked {
            // DMA: fails if the page is not the device's any more.
            let mut byte = [0];
            self.pool.read_at(Iova(prp1), &mut byte).expect("the page was given back too early");
        }
        let queue = &mut self.queues[qid];
        let status_phase = cqe.status_phase.get() & !1 | u16::from(queue.phase);
        let cqe = Cqe { status_phase: status_phase.into(), ..cqe };
        let at = queue.cq + u64::from(queue.cq_tail) * CQE_BYTES as u64;
        self.pool.write_at(Iova(at), &cqe.to_bytes()).unwrap();
        queue.cq_tail = (queue.cq_tail + 1) % queue.cq_depth;
        queue.phase ^= queue.cq_tail == 0;
        self.raised[qid] |= has_interrupt;
    }

    pub(super) fn wait(&mut self, vector: u16, deadline_ns: u64) -> Wake {
        loop {
            while let Some(entry) = self.posts.first_entry() {
                if entry.key().0 > self.now_ns {
                    break;
                }
                let post = entry.remove();
                self.post(post);
            }
            let is_storm = self.storm_vector == Some(vector);
            if std::mem::take(&mut self.raised[usize::from(vector)]) || is_storm {
                return Wake::Interrupt;
            }
            if self.now_ns >= deadline_ns {
                return Wake::Deadline;
            }
            let next_ns = self.posts.keys().next().map_or(NEVER, |key| key.0);
            self.now_ns = next_ns.min(deadline_ns);
            assert_ne!(self.now_ns, NEVER, "the driver waits for ever");
        }
    }

    pub(super) fn stop_dma(&mut self) {
        self.is_dma_stopped = true;
        self.posts.clear();
    }
}
