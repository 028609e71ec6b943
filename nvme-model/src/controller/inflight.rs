//! Commands that were fetched and are not completed.

use std::collections::{BTreeMap, BTreeSet};

use nvme_spec::Sqe;

use crate::command::Command;
use crate::failure::Failure;
use crate::fault::{Faults, Subject};
use crate::queue::Slot;

/// How a command went: dword 0 of the completion, or why it failed.
pub(crate) type Outcome = Result<u32, Failure>;

/// A command in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) sqid: u16,
    pub(crate) sqe: Sqe,
    pub(crate) command: Result<Command, Failure>,
    pub(crate) subject: Subject,
    pub(crate) faults: Faults,
    /// Set once it was executed and only its completion is outstanding.
    pub(crate) outcome: Option<Outcome>,
    /// What a rule makes of the completion.
    pub(crate) lies: Faults,
    pub(crate) slot: Slot,
    /// When it is due; `None` if it hangs.
    pub(crate) due_ns: Option<u64>,
}

/// All commands in flight, by number; the number is also the tie-break between equal times.
#[derive(Debug, Default)]
pub(crate) struct InFlightTable {
    commands: BTreeMap<u64, InFlight>,
    timers: BTreeSet<(u64, u64)>,
}

impl InFlightTable {
    pub(crate) fn insert(&mut self, entry: InFlight) {
        let number = entry.subject.number;
        if let Some(due_ns) = entry.due_ns {
            self.timers.insert((due_ns, number));
        }
        self.commands.insert(number, entry);
    }

    /// When the next command is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.timers.first().map(|(due_ns, _)| *due_ns)
    }

    /// Takes the first command that is due now.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<InFlight> {
        let (due_ns, number) = *self.timers.first()?;
        if due_ns > now_ns {
            return None;
        }
        self.take(number)
    }

    fn take(&mut self, number: u64) -> Option<InFlight> {
        let entry = self.commands.remove(&number)?;
        if let Some(due_ns) = entry.due_ns {
            self.timers.remove(&(due_ns, number));
        }
        Some(entry)
    }

    /// All of them, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &InFlight> {
        self.commands.values()
    }

    /// Whether the command of this number is in flight.
    pub(crate) fn has_number(&self, number: u64) -> bool {
        self.commands.contains_key(&number)
    }

    /// Whether a command of this queue has this identifier.
    pub(crate) fn has(&self, sqid: u16, cid: u16) -> bool {
        self.commands.values().any(|entry| entry.sqid == sqid && entry.sqe.cid() == cid)
    }

    /// Takes the command that an Abort names. One that was executed already is not abortable.
    pub(crate) fn take_abortable(&mut self, sqid: u16, cid: u16) -> Option<InFlight> {
        let is_target = |entry: &InFlight| {
            entry.sqid == sqid && entry.sqe.cid() == cid && entry.outcome.is_none()
        };
        let number = *self.commands.iter().find(|(_, entry)| is_target(entry))?.0;
        self.take(number)
    }

    /// Takes the oldest command of a queue.
    pub(crate) fn take_of_queue(&mut self, sqid: u16) -> Option<InFlight> {
        let number = *self.commands.iter().find(|(_, entry)| entry.sqid == sqid)?.0;
        self.take(number)
    }

    /// How many commands are of this kind.
    pub(crate) fn count(&self, is_counted: impl Fn(&Command) -> bool) -> usize {
        let commands = self.commands.values().filter_map(|entry| entry.command.as_ref().ok());
        commands.filter(|command| is_counted(command)).count()
    }

    /// All commands, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &InFlight> {
        self.commands.values()
    }

    /// The I/O commands of a namespace that were not executed yet will fail like this, in their time.
    pub(crate) fn refuse(&mut self, nsid: u32, failure: Failure) {
        for entry in self.commands.values_mut() {
            let is_meant = matches!(&entry.command, Ok(Command::Nvm(io)) if io.nsid == nsid);
            if is_meant && entry.outcome.is_none() {
                entry.command = Err(failure);
            }
        }
    }

    /// Drops everything; returns how many commands that were.
    pub(crate) fn dissolve(&mut self) -> u32 {
        let lost = u32::try_from(self.commands.len()).unwrap_or(u32::MAX);
        self.timers.clear();
        while let Some((_, entry)) = self.commands.pop_first() {
            entry.slot.dissolve();
        }
        lost
    }
}

/// A machine may be switched off for good at any time.
impl Drop for InFlightTable {
    fn drop(&mut self) {
        self.dissolve();
    }
}
