//! Asks memory early for what commands will touch.
//!
//! A driver rings for many commands at once. Where a block lies on the media is in none of the processor's
//! caches by then, and its bytes are not, either: the two waits, one after the other, were half of what a read
//! took. So both are asked for while other commands have their turn: first the place, and some commands later,
//! when that is there, the bytes.
//!
//! What it does not do: it decides nothing and changes nothing. A hint that is wrong, because a rule makes the
//! command fail or another one comes first, costs a few instructions.

use nvme_spec::{ADMIN_QID, NvmOpcode, Sqe};

use super::Controller;
use crate::GuestMemory;
use crate::command::{Command, NvmCommand, NvmOp};
use crate::queue::SubmissionQueue;

/// So many commands after its place a block's bytes are asked for.
const PLACE_TO_BYTES: usize = 2;

/// If commands are due at once: so many commands ahead of its turn a block's bytes are asked for.
const BYTES_TO_TURN: usize = 1;

/// A namespace, and the first block that a command moves there.
type Target = (u32, u64);

impl Controller {
    /// A command was fetched, and is about to join those in flight.
    pub(super) fn look_ahead(
        &self,
        sqid: u16,
        fetched: &Command,
        is_due: bool,
        memory: &dyn GuestMemory,
    ) {
        if sqid == ADMIN_QID {
            return;
        }
        let sq = self.queues.sqs.get(sqid);
        if is_due {
            // Its turn is before the next one is fetched: what follows is in the queue.
            let nth = |ahead: usize| target_of_entry(&sq?.peek(ahead, memory)?);
            self.ask_for_place(nth(BYTES_TO_TURN.saturating_add(PLACE_TO_BYTES)));
            self.ask_for_bytes(nth(BYTES_TO_TURN));
            return;
        }
        let nth = |others: usize| {
            let before = self.in_flight.last_but(others)?;
            before.command.as_ref().ok().and_then(target)
        };
        self.ask_for_place(target(fetched));
        self.ask_for_bytes(nth(PLACE_TO_BYTES.saturating_sub(1)));
        if sq.is_none_or(SubmissionQueue::is_empty) {
            // No other one comes that would ask for the last ones.
            (0..PLACE_TO_BYTES.saturating_sub(1)).rev().for_each(|n| self.ask_for_bytes(nth(n)));
            self.ask_for_bytes(target(fetched));
        }
    }

    fn ask_for_place(&self, target: Option<Target>) {
        if let Some((nsid, slba)) = target
            && let Some(ns) = self.namespaces.get(nsid)
        {
            ns.media.seek(slba);
        }
    }

    fn ask_for_bytes(&self, target: Option<Target>) {
        if let Some((nsid, slba)) = target
            && let Some(ns) = self.namespaces.get(nsid)
        {
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
