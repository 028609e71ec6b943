//! Commands that were fetched and are not completed.

use std::collections::VecDeque;

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
    pub(crate) sqid: u16,
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
    /// Its identifier.
    pub(crate) fn cid(&self) -> u16 {
        self.subject.sqe.cid()
    }
}

/// So many boxes are kept.
const DONE_MAX: usize = 256;

/// A command's turn: when, its number as the tie-break between equal times, and its place.
type Turn = (u64, u64, usize);

/// All commands in flight.
///
/// Commands stay where they are put until they are taken, and mostly come due in the order in which
/// they were fetched: the list of turns is a queue that is rarely entered in the middle.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlightTable {
    /// Boxed: a command is some hundred bytes, and moves several times in its life.
    places: Vec<Option<Box<InFlight>>>,
    free: Vec<usize>,
    turns: VecDeque<Turn>,
    /// Boxes of commands that are done, for the next ones.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    done: Vec<Box<InFlight>>,
    cids: Numbered<CidSet>,
}

impl InFlightTable {
    /// Puts a command into a box.
    pub(crate) fn boxed(&mut self, entry: InFlight) -> Box<InFlight> {
        match self.done.pop() {
            Some(mut place) => {
                *place = entry;
                place
            }
            None => Box::new(entry),
        }
    }

    /// Keeps the box of a command that is done. Its place in the completion queue is returned.
    pub(crate) fn done(&mut self, mut entry: Box<InFlight>) -> Slot {
        let slot = std::mem::replace(&mut entry.slot, Slot::spent());
        if self.done.len() < DONE_MAX {
            self.done.push(entry);
        }
        slot
    }

    pub(crate) fn insert(&mut self, entry: Box<InFlight>) {
        let place = self.free.pop().unwrap_or(self.places.len());
        if let Some(due_ns) = entry.due_ns {
            let turn = (due_ns, entry.subject.number, place);
            match self.turns.back() {
                Some(last) if *last > turn => {
                    let at = self.turns.partition_point(|earlier| *earlier < turn);
                    self.turns.insert(at, turn);
                }
                _ => self.turns.push_back(turn),
            }
        }
        self.cids.get_or_default(entry.sqid).insert(entry.cid());
        match self.places.get_mut(place) {
            Some(free) => *free = Some(entry),
            None => self.places.push(Some(entry)),
        }
    }

    /// When the next command is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.turns.front().map(|(due_ns, ..)| *due_ns)
    }

    /// Takes the first command that is due now.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<Box<InFlight>> {
        let (due_ns, _, place) = *self.turns.front()?;
        if due_ns > now_ns {
            return None;
        }
        self.turns.pop_front();
        self.vacate(place)
    }

    fn vacate(&mut self, place: usize) -> Option<Box<InFlight>> {
        let entry = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        if let Some(cids) = self.cids.get_mut(entry.sqid) {
            cids.remove(entry.cid());
        }
        Some(entry)
    }

    /// Takes the command that was fetched first among those that are meant.
    fn take_first(&mut self, is_meant: impl Fn(&InFlight) -> bool) -> Option<Box<InFlight>> {
        let numbered = self.places.iter().enumerate().filter_map(|(place, entry)| {
            let entry = entry.as_ref().filter(|entry| is_meant(entry))?;
            Some((entry.subject.number, place))
        });
        let (number, place) = numbered.min()?;
        let entry = self.vacate(place)?;
        if let Some(due_ns) = entry.due_ns
            && let Ok(at) = self.turns.binary_search(&(due_ns, number, place))
        {
            self.turns.remove(at);
        }
        Some(entry)
    }

    /// Whether the command of this number is in flight.
    pub(crate) fn has_number(&self, number: u64) -> bool {
        self.places.iter().flatten().any(|entry| entry.subject.number == number)
    }

    /// Whether a command of this queue has this identifier.
    pub(crate) fn has(&self, sqid: u16, cid: u16) -> bool {
        self.cids.get(sqid).is_some_and(|cids| cids.has(cid))
    }

    /// Takes the command that an Abort names. One that was executed already is not abortable.
    pub(crate) fn take_abortable(&mut self, sqid: u16, cid: u16) -> Option<Box<InFlight>> {
        self.take_first(|entry| entry.sqid == sqid && entry.cid() == cid && entry.outcome.is_none())
    }

    /// Valid commands without an effect so far, in the order in which they were fetched.
    pub(crate) fn not_executed(&self) -> impl Iterator<Item = (u64, Command, Faults)> + use<'_> {
        let open = self.iter().filter(|entry| entry.outcome.is_none());
        open.filter_map(|entry| {
            let command = entry.command.as_ref().ok()?.clone();
            Some((entry.subject.number, command, entry.faults.clone()))
        })
    }

    /// The command of this number.
    pub(crate) fn with_number(&self, number: u64) -> Option<&InFlight> {
        self.places.iter().flatten().map(AsRef::as_ref).find(|entry| entry.subject.number == number)
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
        let mut entries = self.places.iter_mut().flatten();
        if let Some(entry) = entries.find(|entry| entry.subject.number == number) {
            entry.command = Err(failure);
        }
    }

    /// Takes the oldest command of a queue.
    pub(crate) fn take_of_queue(&mut self, sqid: u16) -> Option<Box<InFlight>> {
        self.take_first(|entry| entry.sqid == sqid)
    }

    /// How many commands are of this kind.
    pub(crate) fn count(&self, is_counted: impl Fn(&Command) -> bool) -> usize {
        let entries = self.places.iter().flatten();
        let commands = entries.filter_map(|entry| entry.command.as_ref().ok());
        commands.filter(|command| is_counted(command)).count()
    }

    /// All commands, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &InFlight> {
        let entries = self.places.iter().flatten().map(AsRef::as_ref);
        let mut entries: Vec<&InFlight> = entries.collect();
        entries.sort_unstable_by_key(|entry| entry.subject.number);
        entries.into_iter()
    }

    /// The I/O commands of a namespace that were not executed yet will fail like this, in their time.
    pub(crate) fn refuse(&mut self, nsid: u32, failure: Failure) {
        for entry in self.places.iter_mut().flatten() {
            let is_meant = matches!(&entry.command, Ok(Command::Nvm(io)) if io.nsid == nsid);
            if is_meant && entry.outcome.is_none() {
                entry.command = Err(failure);
            }
        }
    }

    /// Drops everything; returns how many commands that were.
    pub(crate) fn dissolve(&mut self) -> u32 {
        let mut lost = 0_u32;
        for entry in self.places.drain(..).flatten() {
            entry.slot.dissolve();
            lost = lost.saturating_add(1);
        }
        self.free.clear();
        self.turns.clear();
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
