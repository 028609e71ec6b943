//! Creating and deleting I/O queues.

use nvme_spec::{ADMIN_QID, prp, status};

use crate::controller::Outcome;
use crate::failure::{Failure, byte};
use crate::queue::{CompletionQueue, Priority, SubmissionQueue};
use crate::{Controller, Ports};

/// CC.IOSQES: 64 bytes.
const IOSQES: u32 = 6;
/// CC.IOCQES: 16 bytes.
const IOCQES: u32 = 4;

impl Controller {
    pub(crate) fn has_io_queues(&self) -> bool {
        let is_io = |qid| qid != ADMIN_QID;
        self.queues.sqs.keys().any(is_io) || self.queues.cqs.keys().any(is_io)
    }

    /// Whether the host may use this queue identifier for I/O.
    fn is_io_qid(&self, qid: u16) -> bool {
        qid != ADMIN_QID && qid.saturating_sub(1) <= self.features.queues_granted_z
    }

    /// The size in entries.
    fn queue_size(&self, size_z: u16, has_entry_size: bool) -> Result<u32, Failure> {
        let size = u32::from(size_z).saturating_add(1);
        if size_z == 0 || size > self.config.queue_entries_max || !has_entry_size {
            return Err(Failure::permanent(status::INVALID_QUEUE_SIZE).at(byte::CDW10 + 2));
        }
        Ok(size)
    }

    fn check_base(&self, base: u64) -> Result<(), Failure> {
        if prp::page_offset(base, self.page_bytes()) != 0 {
            return Err(Failure::permanent(status::PRP_OFFSET_INVALID).at(byte::PRP1));
        }
        Ok(())
    }

    // Spec: NVMe-Base-2.0c 5.4 "Create I/O Completion Queue command"
    pub(crate) fn create_cq(
        &mut self,
        cqid: u16,
        size_z: u16,
        vector: Option<u16>,
        base: u64,
    ) -> Outcome {
        if !self.is_io_qid(cqid) || self.queues.cqs.has(cqid) {
            return Err(invalid_qid(byte::CDW10));
        }
        let size = self.queue_size(size_z, self.cc().iocqes() == IOCQES)?;
        if vector.is_some_and(|vector| vector >= self.config.vectors) {
            return Err(Failure::permanent(status::INVALID_INTERRUPT_VECTOR).at(byte::CDW11 + 2));
        }
        self.check_base(base)?;
        self.queues.cqs.insert(cqid, CompletionQueue::new(base, size, vector));
        Ok(0)
    }

    // Spec: NVMe-Base-2.0c 5.5 "Create I/O Submission Queue command"
    pub(crate) fn create_sq(
        &mut self,
        sqid: u16,
        size_z: u16,
        cqid: u16,
        priority: Priority,
        base: u64,
    ) -> Outcome {
        if !self.is_io_qid(sqid) || self.queues.sqs.has(sqid) {
            return Err(invalid_qid(byte::CDW10));
        }
        if !self.is_io_qid(cqid) {
            return Err(invalid_qid(byte::CDW11 + 2));
        }
        if !self.queues.cqs.has(cqid) {
            return Err(Failure::permanent(status::COMPLETION_QUEUE_INVALID).at(byte::CDW11 + 2));
        }
        let size = self.queue_size(size_z, self.cc().iosqes() == IOSQES)?;
        self.check_base(base)?;
        self.queues.sqs.insert(sqid, SubmissionQueue::new(base, size, cqid, priority));
        Ok(0)
    }

    /// Deletes a submission queue; its commands in flight complete as aborted first.
    // Spec: NVMe-Base-2.0c 5.7 "Delete I/O Submission Queue command"
    pub(crate) fn delete_sq(&mut self, sqid: u16, ports: &mut Ports<'_>) -> Outcome {
        if sqid == ADMIN_QID || !self.queues.sqs.has(sqid) {
            return Err(invalid_qid(byte::CDW10));
        }
        self.forget_half(sqid);
        while let Some(entry) = self.take_of_queue(sqid) {
            self.cut_short(entry, status::ABORTED_SQ_DELETION, ports);
        }
        self.queues.sqs.remove(sqid);
        Ok(0)
    }

    // Spec: NVMe-Base-2.0c 5.6 "Delete I/O Completion Queue command"
    pub(crate) fn delete_cq(&mut self, cqid: u16) -> Outcome {
        if cqid == ADMIN_QID || !self.queues.cqs.has(cqid) {
            return Err(invalid_qid(byte::CDW10));
        }
        if self.queues.has_users(cqid) {
            return Err(Failure::permanent(status::INVALID_QUEUE_DELETION).at(byte::CDW10));
        }
        self.queues.cqs.remove(cqid);
        Ok(0)
    }
}

fn invalid_qid(at: u8) -> Failure {
    Failure::permanent(status::INVALID_QUEUE_IDENTIFIER).at(at)
}
