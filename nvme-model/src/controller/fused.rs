//! Fused operations: Compare and Write as one.
//!
//! The first command waits in flight without a time of its own. The second, which must be the next entry
//! of the same queue, carries its number; when its time comes both are executed, with nothing between.
// Spec: NVMe-Base-2.0c 3.4.2 "Fused Operations"

use nvme_spec::{Sqe, StatusCode, status};

use super::Controller;
use super::inflight::InFlight;
use crate::Ports;
use crate::command::{Command, NvmCommand, NvmOp};
use crate::failure::{Failure, byte};

/// Dword 0 FUSE of a command on its own, of the first and of the second of two.
const ALONE: u32 = 0;
const FIRST: u32 = 1;
const SECOND: u32 = 2;

/// A first command whose second was not fetched yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Half {
    pub(super) number: u64,
    /// When it would be due on its own.
    pub(super) due_ns: Option<u64>,
    /// The blocks that it compares, if it is valid.
    blocks: Option<(u32, u64, u64)>,
}

impl Controller {
    /// Sees what a command that was just fetched is to the one before it. Returns the first command if
    /// this is its second.
    pub(super) fn pair_up(&mut self, entry: &mut InFlight, ports: &mut Ports<'_>) -> Option<Half> {
        let (sqid, fuse) = (entry.sqid(), entry.subject.sqe.dword0().fuse());
        // Nearly every command is alone.
        if self.half_fused.is_empty() && fuse == ALONE {
            return None;
        }
        let command = &mut entry.command;
        let waiting = self.half_fused.remove(&sqid);
        let missing = Err(Failure::permanent(status::ABORTED_MISSING_FUSED));
        match (fuse, waiting) {
            (SECOND, Some(half)) => {
                self.check_pair(&half, command);
                return Some(half);
            }
            (SECOND, None) => *command = missing,
            (fuse, waiting) => {
                if let Some(first) =
                    waiting.and_then(|half| self.in_flight.take_command(half.number))
                {
                    self.cut_short(first, status::ABORTED_MISSING_FUSED, ports);
                }
                // Both are submitted by one write of the doorbell, so the second is there by now.
                let is_last = self.queues.sqs.get(sqid).is_none_or(|sq| sq.is_empty());
                if fuse == FIRST && is_last {
                    *command = missing;
                }
            }
        }
        None
    }

    /// Sets the times of a command that is one of two.
    pub(super) fn time_fused(&mut self, entry: &mut InFlight, first: Option<Half>) {
        let number = entry.subject.number;
        let fuse = entry.subject.sqe.dword0().fuse();
        if first.is_none() && fuse == ALONE {
            return;
        }
        let is_missing =
            matches!(&entry.command, Err(f) if f.status.code == status::ABORTED_MISSING_FUSED);
        if let Some(half) = first {
            entry.fused_first = Some(half.number);
            entry.due_ns = half.due_ns.zip(entry.due_ns).map(|(first, second)| first.max(second));
        } else if fuse == FIRST && !is_missing {
            let blocks = match &entry.command {
                Ok(command) => {
                    command.blocks().map(|(slba, n)| (entry.subject.sqe.nsid.get(), slba, n))
                }
                Err(_) => None,
            };
            let due_ns = entry.due_ns.take();
            self.half_fused.insert(entry.sqid(), Half { number, due_ns, blocks });
        }
    }

    /// Two commands are about the same blocks, and not more of them than are atomic.
    fn check_pair(&mut self, half: &Half, command: &mut Result<Command, Failure>) {
        let Ok(second) = command else {
            return;
        };
        let Command::Nvm(NvmCommand { nsid, op: NvmOp::Write, span, .. }) = second else {
            return;
        };
        let (nsid, slba, blocks) = (*nsid, span.slba, u64::from(span.blocks));
        let failure = if half.blocks.is_some_and(|first| first != (nsid, slba, blocks)) {
            Failure::field(byte::CDW10, 0)
        } else if blocks > self.config.atomic_blocks.into() {
            Failure::permanent(status::ATOMIC_WRITE_UNIT_EXCEEDED).at(byte::CDW12)
        } else {
            return;
        };
        *command = Err(failure);
        self.in_flight.refuse_command(half.number, failure);
    }

    /// Executes both halves, the second only if the first was good.
    pub(super) fn finish_pair(&mut self, mut second: Box<InFlight>, ports: &mut Ports<'_>) {
        let first = second.fused_first.take().and_then(|n| self.in_flight.take_command(n));
        let is_good = first.is_none_or(|first| self.finish_one(first, ports));
        if !self.is_running() {
            // A rule stopped the controller between the two.
            self.release(second);
            return;
        }
        if !is_good {
            second.faults.forget_status();
            second.command = Err(Failure::permanent(status::ABORTED_FAILED_FUSED));
        }
        self.finish_one(second, ports);
    }

    /// The queue is deleted: there will be no second command.
    pub(crate) fn forget_half(&mut self, sqid: u16) {
        self.half_fused.remove(&sqid);
    }

    /// Aborts a command, and with it the other half if it is one of two.
    pub(crate) fn abort_command(
        &mut self,
        entry: Box<InFlight>,
        code: StatusCode,
        ports: &mut Ports<'_>,
    ) {
        let number = entry.subject.number;
        self.half_fused.retain(|_, half| half.number != number);
        let other = match entry.fused_first {
            Some(first) => self.in_flight.take_command(first),
            None => self.in_flight.take_second_of(number),
        };
        self.cut_short(entry, code, ports);
        if let Some(other) = other {
            self.cut_short(other, status::ABORTED_FAILED_FUSED, ports);
        }
    }
}

/// Whether this command can be fused as it says.
pub(crate) fn check_fuse(sqe: &Sqe, command: Option<&Command>) -> Result<(), Failure> {
    let op = match command {
        Some(Command::Nvm(command)) => Some(&command.op),
        _ => None,
    };
    let is_fusible = match sqe.dword0().fuse() {
        ALONE => true,
        FIRST => matches!(op, Some(NvmOp::Compare)),
        SECOND => matches!(op, Some(NvmOp::Write)),
        _ => false,
    };
    if is_fusible { Ok(()) } else { Err(Failure::field(byte::FUSE, 0)) }
}
