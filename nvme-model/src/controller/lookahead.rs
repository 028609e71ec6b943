//! Asks memory early for what commands will touch.
//!
//! A driver rings for many commands at once. Where a block lies on the media is in none of the processor's
//! caches by then, and its bytes are not, either: the two waits, one after the other, were half of what a read
//! took. So both are asked for while other commands have their turn: first the place, and some commands later,
//! when that is there, the bytes. Those of several blocks are asked for at once: each is on a page whose address
//! has to be translated, for which even a hint waits, and a processor translates several at a time.
//!
//! Only the first bytes of each are asked for then: a processor has so many lines under way at once, and waits with more.
//! The others are asked for bit by bit, while the command before has its turn, which is some hundred instructions
//! between one bit and the next.
//!
//! What it does not do: it decides nothing and changes nothing. A hint that is wrong, because a rule makes the
//! command fail or another one comes first, costs a few instructions.

use std::collections::VecDeque;
use std::ops::Range;

use nvme_spec::{ADMIN_QID, NvmOpcode, Sqe};

use super::Controller;
use crate::command::{Command, NvmCommand, NvmOp};
use crate::failure::Failure;
use crate::media::Access;
use crate::queue::SubmissionQueue;
use crate::{GuestMemory, Rest};

/// The bytes of so many blocks are asked for at once. Measured: 8 is a little faster than 4 and 16.
const BATCH: usize = 8;

/// If commands are due at once: so many commands ahead of its turn the bytes of a batch's first are asked for.
const BYTES_TO_TURN: usize = 1;

/// What a command moves.
#[derive(Clone, Copy, Debug)]
struct Target {
    nsid: u32,
    /// The first block.
    slba: u64,
    is_written: bool,
}

/// So many lines of a block are asked for at each of the six stops that a command makes: with those asked for at first, five
/// sixths of 4096 bytes. The processor itself sees to the rest. Measured: 7 to 10 are equal within the noise, 6 is slower.
const STOP_LINES: usize = 8;

/// What was asked for already.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookahead {
    /// Of commands that are not due: whose place was asked for, and whose bytes were not. At most a batch and one.
    placed: Vec<Target>,
    /// If commands are due at once: so many of the entries that follow have been looked at.
    entries: usize,
    /// What the entries behind those move, and of which queue they are: they are the next batch, and the host may still
    /// change them.
    behind: (u16, Vec<Option<Target>>),
    /// What is left of the bytes of commands that have not had their turn, in the order of their turns.
    coming: VecDeque<Rest>,
}

impl Lookahead {
    /// A command has its turn: the next one is the one that stops are for.
    pub(super) fn turn(&mut self, command: &Result<Command, Failure>) {
        if command.as_ref().is_ok_and(|command| target(command).is_some()) {
            self.coming.pop_front();
            self.go_on();
        }
    }

    /// A stop on a command's way: asks for a few more bytes of the one whose turn is next.
    #[inline]
    pub(super) fn go_on(&mut self) {
        if let Some(rest) = self.coming.front_mut() {
            rest.ask(STOP_LINES);
        }
    }
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
        let target = target(fetched);
        if is_due {
            // Its turn is before the next one is fetched: what follows is in the queue.
            self.look_into_queue(sqid, target.is_some(), memory);
            return;
        }
        if self.in_flight.next_due().is_none() {
            // Of those that were to have a turn and never got one.
            self.lookahead.coming.clear();
        }
        if let Some(target) = target {
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
        let mut coming = std::mem::take(&mut self.lookahead.coming);
        let asked = self.lookahead.placed.iter().take(ready);
        coming.extend(asked.map(|target| self.ask_for_bytes(*target, memory)));
        self.lookahead.coming = coming;
        self.lookahead.placed.drain(..ready);
    }

    /// Asks for a batch of a queue's next commands, and for the places of the batch behind it, once the batch
    /// before is through.
    fn look_into_queue(&mut self, sqid: u16, has_turn: bool, memory: &dyn GuestMemory) {
        self.lookahead.entries = self.lookahead.entries.saturating_sub(1);
        if self.lookahead.entries > 0 {
            return;
        }
        let Some(sq) = self.queues.sqs.get(sqid) else { return };
        let look = |entries: Range<usize>| {
            let entries = entries.map_while(|ahead| sq.peek(ahead, memory));
            entries.map(|entry| target_of_entry(&entry))
        };
        let mut coming = std::mem::take(&mut self.lookahead.coming);
        // What was just fetched has its turn before these. It is the last of the batch before, or there was none.
        coming.resize(usize::from(has_turn), Rest::default());
        let (mut of, mut batch) = std::mem::take(&mut self.lookahead.behind);
        if std::mem::replace(&mut of, sqid) != sqid {
            batch.clear();
        }
        let end = BYTES_TO_TURN.saturating_add(BATCH);
        batch.extend(look(BYTES_TO_TURN.saturating_add(batch.len())..end));
        coming.extend(batch.iter().flatten().map(|target| self.ask_for_bytes(*target, memory)));
        self.lookahead.entries = batch.len();
        batch.clear();
        batch.extend(look(end..end.saturating_add(BATCH)));
        batch.iter().flatten().for_each(|target| self.ask_for_place(*target));
        self.lookahead.behind = (of, batch);
        self.lookahead.coming = coming;
    }

    fn ask_for_place(&self, target: Target) {
        if let Some(ns) = self.namespaces.get(target.nsid) {
            ns.media.seek(target.slba);
        }
    }

    fn ask_for_bytes(&self, target: Target, memory: &dyn GuestMemory) -> Rest {
        self.namespaces.get(target.nsid).map_or_else(Rest::default, |ns| {
            let is_replaced = target.is_written && ns.is_written_past_caches(memory);
            let access = if is_replaced { Access::Replaced } else { Access::Cached };
            ns.media.warm(target.slba, access)
        })
    }
}

/// What a command moves, if it moves blocks.
fn target(command: &Command) -> Option<Target> {
    match command {
        Command::Nvm(NvmCommand { nsid, op, span, .. }) => {
            let is_written = *op == NvmOp::Write;
            let is_moving = is_written || *op == NvmOp::Read;
            is_moving.then_some(Target { nsid: *nsid, slba: span.slba, is_written })
        }
        _ => None,
    }
}

/// The same of an entry that nobody has checked.
fn target_of_entry(sqe: &Sqe) -> Option<Target> {
    let opcode = NvmOpcode(sqe.opcode());
    let is_moving = [NvmOpcode::READ, NvmOpcode::WRITE].contains(&opcode);
    let is_written = opcode == NvmOpcode::WRITE;
    is_moving.then(|| Target { nsid: sqe.nsid.get(), slba: sqe.slba(), is_written })
}

#[cfg(test)]
mod tests {
    use nvme_spec::status;

    use super::*;

    #[test]
    fn stops_are_for_the_next_command_that_moves_blocks() {
        let (blocks, mut lookahead) = ([[0_u8; 4096]; 2], Lookahead::default());
        lookahead.coming.extend(blocks.iter().map(|block| prefetch::run(block, 0, 4095)));
        let (first, second) = (lookahead.coming[0], lookahead.coming[1]);
        let [read, flush] = [Sqe::read(1, 0, 0), Sqe::flush(1)].map(|sqe| Command::decode(1, &sqe));
        lookahead.turn(&flush);
        lookahead.turn(&Err(Failure::permanent(status::INVALID_OPCODE)));
        assert_eq!(lookahead.coming, [first, second]);
        lookahead.turn(&read);
        assert_eq!(lookahead.coming.len(), 1);
        assert_ne!(lookahead.coming[0], second, "the first of its stops");
        let one_stop = lookahead.coming[0];
        lookahead.go_on();
        assert_ne!(lookahead.coming[0], one_stop, "and the second");
        lookahead.turn(&read);
        assert!(lookahead.coming.is_empty());
    }
}
