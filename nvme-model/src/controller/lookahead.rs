//! Asks memory early for what commands will touch.
//!
//! A driver rings for many commands at once. Where a block lies on the media is in none of the processor's
//! caches by then, and its bytes are not, either: the two waits, one after the other, were half of what a read
//! took. So both are asked for while other commands have their turn: first the place, and some commands later,
//! when that is there, the bytes. Those of several blocks are asked for at once: each is on a page whose address
//! has to be translated, for which even a hint waits, and a processor translates several at a time.
//!
//! What it does not do: it decides nothing and changes nothing. A hint that is wrong, because a rule makes the
//! command fail or another one comes first, costs a few instructions.

use nvme_spec::{ADMIN_QID, NvmOpcode, Sqe};

use super::Controller;
use crate::GuestMemory;
use crate::command::{Command, NvmCommand, NvmOp};
use crate::queue::SubmissionQueue;

/// The bytes of so many blocks are asked for at once. Measured: 8 is a little faster than 4 and 16.
const BATCH: usize = 8;

/// If commands are due at once: so many commands ahead of its turn the bytes of a batch's first are asked for.
const BYTES_TO_TURN: usize = 1;

/// A namespace, and the first block that a command moves there.
type Target = (u32, u64);

/// What was asked for already.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookahead {
    /// Of commands that are not due: whose place was asked for, and whose bytes were not. At most a batch and one.
    placed: Vec<Target>,
    /// If commands are due at once: so many of the entries that follow have been looked at.
    entries: usize,
}

impl Controller {
    /// A command was fetched, and is about to join those in flight.
    pub(super) fn look_ahead(
        &mut self,
        sqid: u16,
        fetched: &Command,
        is_due: bool,
        memory: &dyn GuestMemory,
    ) {
        if sqid == ADMIN_QID {
            return;
        }
        if is_due {
            // Its turn is before the next one is fetched: what follows is in the queue.
            self.look_into_queue(sqid, memory);
            return;
        }
        if let Some(target) = target(fetched) {
            self.ask_for_place(target);
            self.lookahead.placed.push(target);
        }
        let waiting = self.lookahead.placed.len();
        let is_last = self.queues.sqs.get(sqid).is_none_or(SubmissionQueue::is_empty);
        let ready = match waiting {
            // No other one comes that would ask for them.
            _ if is_last => waiting,
            // The last one's place is not there yet.
            _ if waiting > BATCH => BATCH,
            _ => return,
        };
        self.lookahead.placed.iter().take(ready).for_each(|target| self.ask_for_bytes(*target));
        self.lookahead.placed.drain(..ready);
    }

    /// Asks for a batch of a queue's next commands, and for the places of the batch behind it, once the batch
    /// before is through.
    fn look_into_queue(&mut self, sqid: u16, memory: &dyn GuestMemory) {
        self.lookahead.entries = self.lookahead.entries.saturating_sub(1);
        if self.lookahead.entries > 0 {
            return;
        }
        let Some(sq) = self.queues.sqs.get(sqid) else { return };
        let batch = |first: usize| {
            let entries = first..first.saturating_add(BATCH);
            entries.map_while(|ahead| sq.peek(ahead, memory))
        };
        for entry in batch(BYTES_TO_TURN.saturating_add(BATCH)) {
            target_of_entry(&entry).into_iter().for_each(|target| self.ask_for_place(target));
        }
        let mut count = 0_usize;
        for entry in batch(BYTES_TO_TURN) {
            target_of_entry(&entry).into_iter().for_each(|target| self.ask_for_bytes(target));
            count = count.saturating_add(1);
        }
        self.lookahead.entries = count;
    }

    fn ask_for_place(&self, (nsid, slba): Target) {
        if let Some(ns) = self.namespaces.get(nsid) {
            ns.media.seek(slba);
        }
    }

    fn ask_for_bytes(&self, (nsid, slba): Target) {
        if let Some(ns) = self.namespaces.get(nsid) {
            ns.media.warm(slba);
        }
    }
}

fn target(command: &Command) -> Option<Target> {
    match command {
        Command::Nvm(NvmCommand { nsid, op: NvmOp::Read | NvmOp::Write { .. }, span, .. }) => {
            Some((*nsid, span.slba))
        }
        _ => None,
    }
}

/// The same of an entry that nobody has checked.
fn target_of_entry(sqe: &Sqe) -> Option<Target> {
    let is_moving = [NvmOpcode::READ.0, NvmOpcode::WRITE.0].contains(&sqe.opcode());
    is_moving.then(|| (sqe.nsid.get(), sqe.slba()))
}
