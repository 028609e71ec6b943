//! Commands that were fetched and are not completed.

use std::collections::VecDeque;

use nvme_spec::status;

use crate::command::Command;
use crate::failure::Failure;
use crate::fault::{Faults, Subject};
use crate::numbered::Numbered;
use crate::queue::Slot;

use super::cid_set::CidSet;

/// How a command went: dword 0 of the completion, or why it failed.
pub(crate) type Outcome = Result<u32, Failure>;

/// A command in flight.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) command: Result<Command, Failure>,
    pub(crate) subject: Subject,
    pub(crate) faults: Faults,
    /// Set once it was executed and only its completion is outstanding.
    pub(crate) outcome: Option<Outcome>,
    /// What a rule makes of the completion.
    pub(crate) lies: Faults,
    pub(crate) slot: Slot,
    /// The first command of the fused operation whose second this is.
    pub(crate) fused_first: Option<u64>,
    /// When it is due; `None` if it hangs.
    pub(crate) due_ns: Option<u64>,
}

impl InFlight {
    /// Nothing yet but a place for a completion.
    fn blank(slot: Slot) -> Self {
        Self {
            command: Err(Failure::permanent(status::INVALID_OPCODE)),
            subject: Subject::default(),
            faults: Faults::default(),
            outcome: None,
            lies: Faults::default(),
            slot,
            fused_first: None,
            due_ns: None,
        }
    }

    /// The queue that it came from.
    pub(crate) fn sqid(&self) -> u16 {
        self.subject.sqid
    }

    /// Takes the place for its completion away.
    pub(crate) fn take_slot(&mut self) -> Slot {
        std::mem::replace(&mut self.slot, Slot::spent())
    }

    /// Its identifier.
    pub(crate) fn cid(&self) -> u16 {
        self.subject.sqe.cid()
    }
}

/// A command that has had no effect so far and has a time at which it would.
#[derive(Clone, Debug)]
pub(crate) struct UnderWay {
    pub(crate) number: u64,
    pub(crate) command: Command,
    pub(crate) faults: Faults,
    /// The first half of the fused operation whose second this is.
    pub(crate) first: Option<(Result<Command, Failure>, Faults)>,
}

/// So many boxes are kept.
const DONE_MAX: usize = 256;

/// A command that has a time.
#[derive(Clone, Debug)]
struct Turn {
    due_ns: u64,
    /// The command's number: the tie-break between equal times.
    number: u64,
    entry: Box<InFlight>,
}

impl Turn {
    fn key(&self) -> (u64, u64) {
        (self.due_ns, self.number)
    }
}

/// All commands in flight.
///
/// They mostly come due in the order in which they were fetched: the list of turns is a queue that is rarely
/// entered in the middle. Boxed, because a command is some hundred bytes and moves several times in its life.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlightTable {
    /// By time and number.
    turns: VecDeque<Turn>,
    /// Those that have no time: they hang, are held, or wait for their second half.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    stuck: Vec<Box<InFlight>>,
    /// Boxes of commands that are done, for the next ones.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    done: Vec<Box<InFlight>>,
    cids: Numbered<CidSet>,
}

impl InFlightTable {
    /// A box to fetch a command into, that has a place for its completion. What is in it may be left from an
    /// earlier command: all but faults, outcome and time is overwritten when the command is read.
    pub(crate) fn vacant(&mut self, slot: Slot) -> Box<InFlight> {
        match self.done.pop() {
            Some(mut entry) => {
                entry.slot = slot;
                entry
            }
            None => Box::new(InFlight::blank(slot)),
        }
    }

    /// Keeps the box of a command that is done and has no place any more.
    pub(crate) fn done(&mut self, mut entry: Box<InFlight>) {
        if self.done.len() < DONE_MAX {
            entry.faults.clear();
            entry.lies.clear();
            (entry.outcome, entry.fused_first, entry.due_ns) = (None, None, None);
            self.done.push(entry);
        }
    }

    pub(crate) fn insert(&mut self, entry: Box<InFlight>) {
        self.cids.get_or_default(entry.sqid()).insert(entry.cid());
        let Some(due_ns) = entry.due_ns else {
            self.stuck.push(entry);
            return;
        };
        let turn = Turn { due_ns, number: entry.subject.number, entry };
        match self.turns.back() {
            Some(last) if last.key() > turn.key() => {
                let at = self.turns.partition_point(|earlier| earlier.key() < turn.key());
                self.turns.insert(at, turn);
            }
            _ => self.turns.push_back(turn),
        }
    }

    /// When the next command is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.turns.front().map(|turn| turn.due_ns)
    }

    /// Takes the first command that is due now.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<Box<InFlight>> {
        if self.next_due()? > now_ns {
            return None;
        }
        let turn = self.turns.pop_front()?;
        Some(self.gone(turn.entry))
    }

    /// A command is no longer in flight: its identifier is free.
    fn gone(&mut self, entry: Box<InFlight>) -> Box<InFlight> {
        if let Some(cids) = self.cids.get_mut(entry.sqid()) {
            cids.remove(entry.cid());
        }
        entry
    }

    /// All commands, in no order that means anything.
    fn all(&self) -> impl Iterator<Item = &InFlight> {
        let timed = self.turns.iter().map(|turn| turn.entry.as_ref());
        timed.chain(self.stuck.iter().map(AsRef::as_ref))
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut InFlight> {
        let timed = self.turns.iter_mut().map(|turn| turn.entry.as_mut());
        timed.chain(self.stuck.iter_mut().map(AsMut::as_mut))
    }

    /// Takes the command that was fetched first among those that are meant.
    fn take_first(&mut self, is_meant: impl Fn(&InFlight) -> bool) -> Option<Box<InFlight>> {
        let meant = self.all().filter(|entry| is_meant(entry));
        let number = meant.map(|entry| entry.subject.number).min()?;
        let entry = match self.turns.iter().position(|turn| turn.number == number) {
            Some(at) => self.turns.remove(at)?.entry,
            None => {
                let at = self.stuck.iter().position(|entry| entry.subject.number == number)?;
                self.stuck.swap_remove(at)
            }
        };
        Some(self.gone(entry))
    }

    /// Whether the command of this number is in flight.
    pub(crate) fn has_number(&self, number: u64) -> bool {
        self.with_number(number).is_some()
    }

    /// Whether a command of this queue has this identifier.
    pub(crate) fn has(&self, sqid: u16, cid: u16) -> bool {
        self.cids.get(sqid).is_some_and(|cids| cids.has(cid))
    }

    /// Takes the command that an Abort names. One that was executed already is not abortable.
    pub(crate) fn take_abortable(&mut self, sqid: u16, cid: u16) -> Option<Box<InFlight>> {
        self.take_first(|entry| {
            entry.sqid() == sqid && entry.cid() == cid && entry.outcome.is_none()
        })
    }

    /// Valid commands under way, in the order in which they were fetched. One without a time is not: it
    /// hangs, or is held.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = UnderWay> + use<'_> {
        let open = |entry: &&InFlight| entry.outcome.is_none() && entry.due_ns.is_some();
        self.iter().filter(open).filter_map(|entry| {
            let first = entry.fused_first.and_then(|number| self.with_number(number));
            Some(UnderWay {
                number: entry.subject.number,
                command: entry.command.as_ref().ok()?.clone(),
                faults: entry.faults.clone(),
                first: first.map(|first| (first.command.clone(), first.faults.clone())),
            })
        })
    }

    /// The command of this number.
    pub(crate) fn with_number(&self, number: u64) -> Option<&InFlight> {
        self.all().find(|entry| entry.subject.number == number)
    }

    /// Gives a command that had no time one.
    pub(crate) fn set_due(&mut self, number: u64, due_ns: u64) {
        let is_it = |entry: &InFlight| entry.subject.number == number && entry.due_ns.is_none();
        if let Some(mut entry) = self.take_first(is_it) {
            entry.due_ns = Some(due_ns);
            self.insert(entry);
        }
    }

    /// Takes the command of this number.
    pub(crate) fn take_command(&mut self, number: u64) -> Option<Box<InFlight>> {
        self.take_first(|entry| entry.subject.number == number)
    }

    /// Takes the second command of the fused operation whose first has this number.
    pub(crate) fn take_second_of(&mut self, first: u64) -> Option<Box<InFlight>> {
        self.take_first(|entry| entry.fused_first == Some(first))
    }

    /// Makes a command fail like this when its time comes.
    pub(crate) fn refuse_command(&mut self, number: u64, failure: Failure) {
        if let Some(entry) = self.all_mut().find(|entry| entry.subject.number == number) {
            entry.command = Err(failure);
        }
    }

    /// Takes the oldest command of a queue.
    pub(crate) fn take_of_queue(&mut self, sqid: u16) -> Option<Box<InFlight>> {
        self.take_first(|entry| entry.sqid() == sqid)
    }

    /// How many commands are of this kind.
    pub(crate) fn count(&self, is_counted: impl Fn(&Command) -> bool) -> usize {
        let commands = self.all().filter_map(|entry| entry.command.as_ref().ok());
        commands.filter(|command| is_counted(command)).count()
    }

    /// All commands, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &InFlight> {
        let mut entries: Vec<&InFlight> = self.all().collect();
        entries.sort_unstable_by_key(|entry| entry.subject.number);
        entries.into_iter()
    }

    /// The I/O commands of a namespace that were not executed yet will fail like this, in their time.
    pub(crate) fn refuse(&mut self, nsid: u32, failure: Failure) {
        for entry in self.all_mut() {
            let is_meant = matches!(&entry.command, Ok(Command::Nvm(io)) if io.nsid == nsid);
            if is_meant && entry.outcome.is_none() {
                entry.command = Err(failure);
            }
        }
    }

    /// Drops everything; returns how many commands that were.
    pub(crate) fn dissolve(&mut self) -> u32 {
        let mut lost = 0_u32;
        let timed = self.turns.drain(..).map(|turn| turn.entry);
        for entry in timed.chain(self.stuck.drain(..)) {
            entry.slot.dissolve();
            lost = lost.saturating_add(1);
        }
        self.cids.clear();
        lost
    }
}

/// A machine may be switched off for good at any time.
impl Drop for InFlightTable {
    fn drop(&mut self) {
        self.dissolve();
    }
}
