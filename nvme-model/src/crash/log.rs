//! The write log: every write, discard and flush in order, with their data.
//!
//! Operations have two marks, submitted and completed, numbered through the log; a *cut* lies between
//! two marks. What is guaranteed at a cut is what the standard guarantees the host, not what the model
//! happens to do: a flush covers what was completed when it was submitted, and nothing else; a write
//! with FUA or without a volatile cache is guaranteed once it is completed; anything else that was
//! submitted may be there or not.
//!
//! What it does not do: Write Uncorrectable is not in it. Two writes in flight to the same block are
//! ordered by their submission, where a drive is free. Data count as they are when the drive takes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::space::Step;
use super::{Atomicity, Change, Content, CrashImage, CrashSpace};
use crate::media::{Media, MediaError, OverlayMedia};

/// A change or a flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A write or a discard.
    Change {
        /// The first block.
        slba: u64,
        /// How many.
        blocks: u64,
        /// What they hold then.
        content: Content,
        /// It is guaranteed once it is completed: FUA, or there is no volatile cache.
        is_durable: bool,
    },
    /// A flush.
    Flush,
}

/// An operation that was submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub struct Ticket(usize);

#[derive(Clone, Debug)]
struct Entry {
    submitted: u64,
    completed: Option<u64>,
    /// `None` while it is not known, or if it came to nothing.
    op: Option<Op>,
}

/// The image of everything that a flush settled.
#[derive(Clone, Debug)]
struct Checkpoint {
    cut: u64,
    /// So many of the completed operations are in it.
    settled: usize,
    media: OverlayMedia,
}

/// The log of one namespace. Cloning it shares the data.
#[derive(Clone, Debug)]
pub struct WriteLog {
    atomicity: Atomicity,
    marks: u64,
    /// By submission.
    entries: Vec<Entry>,
    /// The completed ones, by completion.
    completed: Vec<Ticket>,
    checkpoints: Vec<Checkpoint>,
    /// Who is executing: tickets of the controller's commands by their number.
    commands: BTreeMap<u64, Ticket>,
}

impl WriteLog {
    /// An empty log over what is on the media now; nobody may change `base` any more.
    #[must_use]
    pub fn new(base: Arc<dyn Media>, atomicity: Atomicity) -> Self {
        let start = Checkpoint { cut: 0, settled: 0, media: OverlayMedia::new(base) };
        Self {
            atomicity,
            marks: 0,
            entries: Vec::new(),
            completed: Vec::new(),
            checkpoints: vec![start],
            commands: BTreeMap::new(),
        }
    }

    /// Where the log ends: cuts are 0 up to and including this.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.marks
    }

    /// True until something was submitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many operations were submitted, those that changed nothing among them.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.entries.len()
    }

    /// The last cut before operation number `index`, from 0, was submitted; the end if it was not.
    #[must_use]
    pub fn cut_before(&self, index: usize) -> u64 {
        self.entries.get(index).map_or(self.marks, |entry| entry.submitted)
    }

    /// How many changes and how many flushes took effect so far.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let ops = self.entries.iter().filter_map(|entry| entry.op.as_ref());
        let (changes, flushes): (Vec<_>, Vec<_>) = ops.partition(|op| **op != Op::Flush);
        (changes.len(), flushes.len())
    }

    /// The cuts that can have other images than the cut before: the first, and those right behind a mark of a change or
    /// the completion of a flush. Reads, and what failed, change nothing.
    #[must_use]
    pub fn cuts(&self) -> Vec<u64> {
        let marks = self.entries.iter().flat_map(|entry| match entry.op {
            Some(Op::Change { .. }) => [Some(entry.submitted), entry.completed],
            Some(Op::Flush) => [entry.completed, None],
            None => [None, None],
        });
        let mut cuts: Vec<u64> = marks.flatten().map(|mark| mark.saturating_add(1)).collect();
        cuts.push(0);
        cuts.sort_unstable();
        cuts
    }

    /// The log of a drive that keeps no promise from this cut on: its flushes do nothing, and FUA means nothing. What
    /// nobody misses in it proves nothing about what the promises are good for.
    #[must_use]
    pub fn without_promises(&self, from: u64) -> Self {
        let mut log = self.clone();
        log.checkpoints.retain(|point| point.cut <= from);
        for entry in log.entries.iter_mut().filter(|entry| entry.submitted >= from) {
            match &mut entry.op {
                Some(Op::Change { is_durable, .. }) => *is_durable = false,
                op @ Some(Op::Flush) => *op = None,
                None => {}
            }
        }
        log
    }

    fn mark(&mut self) -> u64 {
        let mark = self.marks;
        self.marks = mark.saturating_add(1);
        mark
    }

    /// An operation was submitted. `None` if its data are not known yet: say so when it completes.
    pub fn submit(&mut self, op: Option<Op>) -> Ticket {
        let ticket = Ticket(self.entries.len());
        let submitted = self.mark();
        self.entries.push(Entry { submitted, completed: None, op });
        ticket
    }

    /// It completed, as `op` if that was not known before.
    ///
    /// # Errors
    /// [`MediaError`] if the base cannot be read.
    pub fn complete(&mut self, ticket: Ticket, op: Option<Op>) -> Result<(), MediaError> {
        let mark = self.marks;
        let Some(entry) = self.entries.get_mut(ticket.0).filter(|entry| entry.completed.is_none())
        else {
            return Ok(());
        };
        entry.completed = Some(mark);
        entry.op = entry.op.take().or(op);
        let flushed = (entry.op == Some(Op::Flush)).then_some(entry.submitted);
        self.mark();
        self.completed.push(ticket);
        flushed.map_or(Ok(()), |submitted| self.checkpoint(submitted))
    }

    /// It failed or was aborted, and had no effect.
    pub fn withdraw(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entries.get_mut(ticket.0) {
            entry.op = None;
        }
    }

    /// Submits and completes at once.
    ///
    /// # Errors
    /// As [`WriteLog::complete`].
    pub fn record(&mut self, op: Op) -> Result<(), MediaError> {
        let ticket = self.submit(Some(op));
        self.complete(ticket, None)
    }

    /// Applies what a flush that was submitted at this mark settled.
    fn checkpoint(&mut self, flush_submitted: u64) -> Result<(), MediaError> {
        let Some(last) = self.checkpoints.last() else {
            return Ok(());
        };
        let mut next = Checkpoint { cut: self.marks, ..last.clone() };
        for ticket in self.completed.iter().skip(last.settled) {
            let entry = self.entries.get(ticket.0);
            let Some(entry) = entry.filter(|e| e.completed.is_some_and(|at| at < flush_submitted))
            else {
                break;
            };
            next.settled = next.settled.saturating_add(1);
            if let Some(Op::Change { .. }) = entry.op {
                apply(entry, &mut next.media)?;
            }
        }
        self.checkpoints.push(next);
        Ok(())
    }

    /// The steps since a checkpoint, and its media with what is guaranteed on top.
    fn steps(&self, cut: u64) -> Result<(Vec<Step>, OverlayMedia), MediaError> {
        let at = self.checkpoints.partition_point(|point| point.cut <= cut);
        let Some(point) = at.checked_sub(1).and_then(|at| self.checkpoints.get(at)) else {
            unreachable!("the first checkpoint is at cut 0");
        };
        let (mut media, mut steps) = (point.media.clone(), Vec::new());
        let by_completion = self.completed.iter().skip(point.settled);
        for (ticket, entry) in by_completion.filter_map(|t| Some((t, self.entries.get(t.0)?))) {
            if entry.completed.is_none_or(|at| at >= cut) {
                break;
            }
            match &entry.op {
                Some(Op::Change { slba, blocks, is_durable: true, .. }) => {
                    apply(entry, &mut media)?;
                    steps.push(Step::Settled(*slba..slba.saturating_add(*blocks)));
                }
                Some(op) => steps.extend(op.change(*ticket).map(Step::Open)),
                None => {}
            }
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.submitted >= cut {
                break;
            }
            if entry.completed.is_none_or(|at| at >= cut) {
                let change = entry.op.as_ref().and_then(|op| op.change(Ticket(index)));
                steps.extend(change.map(Step::Open));
            }
        }
        Ok((steps, media))
    }

    /// The ticket of a command of the controller that is submitted now.
    pub(crate) fn submit_command(&mut self, number: u64) {
        let ticket = self.submit(None);
        self.commands.insert(number, ticket);
    }

    /// The ticket of a command that is executed now; one that was submitted now if it was not before.
    pub(crate) fn take_command(&mut self, number: u64) -> Ticket {
        match self.commands.remove(&number) {
            Some(ticket) => ticket,
            None => self.submit(None),
        }
    }
}

impl Op {
    fn change(&self, ticket: Ticket) -> Option<Change> {
        let Self::Change { slba, blocks, content, .. } = self else {
            return None;
        };
        let (key, content) = (ticket.0 as u64, content.clone());
        Some(Change { key, slba: *slba, blocks: *blocks, content })
    }
}

fn apply(entry: &Entry, media: &mut OverlayMedia) -> Result<(), MediaError> {
    let change = entry.op.as_ref().and_then(|op| op.change(Ticket(0)));
    change.map_or(Ok(()), |change| change.apply(&change.range(), media))
}

/// A cut of a log: what is guaranteed there, and what else may be.
#[derive(Clone, Debug)]
pub struct CrashPoint {
    space: CrashSpace,
    settled: OverlayMedia,
}

impl CrashPoint {
    /// The point of a log at a cut from 0 to [`WriteLog::end`]. Its cost grows with what is in the
    /// log after the last flush before the cut, and a little with the log.
    ///
    /// # Errors
    /// [`MediaError`] if the base cannot be read.
    pub fn at(log: &WriteLog, cut: u64) -> Result<Self, MediaError> {
        let (steps, settled) = log.steps(cut)?;
        let space = CrashSpace::new(settled.size_blocks(), &log.atomicity, steps);
        Ok(Self { space, settled })
    }

    /// The images.
    #[must_use]
    pub fn space(&self) -> &CrashSpace {
        &self.space
    }

    /// What is guaranteed, as media.
    #[must_use]
    pub fn settled(&self) -> &OverlayMedia {
        &self.settled
    }

    /// An image as media: a copy-on-write layer that shares everything with the log.
    ///
    /// # Errors
    /// [`MediaError`] if the base cannot be read.
    pub fn media(&self, image: &CrashImage) -> Result<OverlayMedia, MediaError> {
        let mut media = self.settled.clone();
        self.space.apply(image, &mut media)?;
        Ok(media)
    }
}
