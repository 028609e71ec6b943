//! A player who goes on after errors, power cuts and remounts.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use guest_fs::planted::Planted;
use hal::testing::DmaPool;
use iomap::Errno;
use nvme_model::media::OverlayMedia;

use crate::disk::Disk;
use crate::history::History;
use crate::model::{File, Model, Page};
use crate::observe::{Seen, Tree};
use crate::op::{Op, PAGE_SECTORS, SECTOR};
use crate::player::{Outcome, Player, close, mount, see};
use crate::{Failure, Oracle};

/// Operations after which everything is made durable at the latest: the past that a cut may bring back is
/// kept that long.
const PAST_MAX: usize = 40;

/// The last operations that are remembered for people.
const TRAIL_MAX: usize = 12;

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations that were done as the model says, refusals among them.
    pub ops: u64,
    /// Operations that failed for want of space.
    pub full: u64,
    /// Operations that failed because a request did.
    pub failed: u64,
    /// Times that the filesystem shut itself down.
    pub shutdowns: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Clean remounts.
    pub remounts: u64,
}

/// The player.
#[derive(Debug)]
pub struct Session {
    player: Player,
    bug: Option<Planted>,
    pool: DmaPool,
    /// An error may have left something that only the next mount finishes.
    may_leak: bool,
    /// The last operations and how they came out.
    trail: VecDeque<String>,
    /// What happened so far.
    pub tally: Tally,
}

impl Session {
    /// Mounts an empty filesystem.
    ///
    /// # Errors
    /// [`Oracle::Mount`].
    pub fn new(empty: OverlayMedia, pool: &DmaPool, bug: Option<Planted>) -> Result<Self, Failure> {
        let player = Player::new(empty, pool, bug)?;
        player.disk.start_record();
        let (pool, tally) = (pool.clone(), Tally::default());
        Ok(Self { player, bug, pool, may_leak: false, trail: VecDeque::new(), tally })
    }

    fn note(&mut self, what: String) {
        if self.trail.len() >= TRAIL_MAX {
            self.trail.pop_front();
        }
        self.trail.push_back(what);
    }

    /// The last operations, for people.
    #[must_use]
    pub fn trail(&self) -> String {
        self.trail.iter().fold(String::new(), |text, line| text + "\n  " + line)
    }

    /// The drive.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.player.disk
    }

    /// Does an operation. If it failed, finds out what it did.
    ///
    /// # Errors
    /// The first failure.
    pub fn step(&mut self, op: &Op) -> Result<Outcome, Failure> {
        if self.player.history.len() >= PAST_MAX && *op != Op::Sync {
            self.step(&Op::Sync)?;
        }
        let before = self.player.history.now().clone();
        let attempted = self.player.attempt(op);
        self.note(format!("{op}: {attempted:?}"));
        let outcome = attempted?;
        match outcome {
            Outcome::AsExpected => {
                self.tally.ops += 1;
                if *op == Op::Sync {
                    self.settle(self.player.history.now().clone());
                }
                return Ok(outcome);
            }
            Outcome::Error(Errno::ENOSPC) => self.tally.full += 1,
            Outcome::Error(_) => self.tally.failed += 1,
        }
        self.may_leak = true;
        self.disarm();
        if self.player.fs.shutdown_reason().is_some() {
            self.tally.shutdowns += 1;
            // What is on the drive is what the log has; the operation may be there or not.
            self.cut_during(op, self.tally.shutdowns)?;
        } else {
            self.find_out(op, before).map_err(|failure| failure.at(op))?;
        }
        Ok(outcome)
    }

    /// Nothing fails any more.
    fn disarm(&self) {
        self.player.disk.set_fault(None);
        self.player.disk.set_pages_left(None);
    }

    /// Nothing older can come back.
    fn settle(&mut self, state: Model) {
        self.player.history.settle(state);
        self.player.marks.clear();
        self.player.disk.start_record();
    }

    /// An operation failed, and the filesystem lives: it was done, or not, or a file has a part of it.
    fn find_out(&mut self, op: &Op, before: Model) -> Result<(), Failure> {
        let tree = see(&self.player.fs, &self.player.disk)?;
        let after = self.player.history.now().clone();
        let state = what_is_there(op, &tree, &before, &after)
            .map_err(|what| Failure::new(Oracle::Answer, what))?;
        self.player.history.settle(state);
        self.player.marks.clear();
        self.player.play(&Op::Sync)?;
        self.settle(self.player.history.now().clone());
        Ok(())
    }

    /// Unmounts, checks, mounts.
    ///
    /// # Errors
    /// The first failure.
    pub fn remount(&mut self) -> Result<(), Failure> {
        self.disarm();
        self.tally.remounts += 1;
        self.note(String::from("remount"));
        let closed = close(self.player.fs.clone(), &self.player.disk);
        match closed {
            Err(Failure { oracle: Oracle::Leak, .. }) if self.may_leak => {}
            closed => closed?,
        }
        self.player.fs = mount(&self.player.disk, self.bug)?;
        self.may_leak = false;
        self.player.compare()?;
        self.settle(self.player.history.now().clone());
        Ok(())
    }

    /// Power is cut and comes back; all operations had completed.
    ///
    /// # Errors
    /// The first failure.
    pub fn cut(&mut self, seed: u64) -> Result<(), Failure> {
        self.note(format!("power cut, seed {seed}"));
        self.disarm();
        self.cut_at(self.player.history.len(), seed).map_err(|failure| failure.at("power cut"))
    }

    fn cut_during(&mut self, op: &Op, seed: u64) -> Result<(), Failure> {
        let completed = self.player.history.len().saturating_sub(1);
        self.cut_at(completed, seed).map_err(|failure| failure.at(format!("cut after failed {op}")))
    }

    fn cut_at(&mut self, completed: usize, seed: u64) -> Result<(), Failure> {
        self.tally.cuts += 1;
        let begun = self.player.history.len();
        let left = self.player.disk.cut(seed);
        let left = left.unwrap_or_else(|| unreachable!("everything is logged"));
        let disk = Rc::new(Disk::of(left, &self.pool));
        self.player.disk = Rc::clone(&disk);
        self.player.fs = mount(&disk, self.bug)?;
        self.may_leak = false;
        let tree = see(&self.player.fs, &disk)?;
        let history = &self.player.history;
        let state = history.judge(&tree, completed, begun);
        let state = state.map_err(|what| Failure::new(Oracle::Content, what))?;
        self.settle(history.adopt(state, &tree));
        Ok(())
    }
}

/// The model of what a failed operation has left.
fn what_is_there(op: &Op, tree: &Tree, before: &Model, after: &Model) -> Result<Model, String> {
    let mut either = History::new(before.clone());
    either.begin(after.clone(), Vec::new());
    let why = match either.judge(tree, 0, 1) {
        Ok(state) => return Ok(either.adopt(state, tree)),
        Err(why) => why,
    };
    let path = op.subject();
    let (Ok((id, old)), Ok((_, new))) = (before.file(path), after.file(path)) else {
        return Err(why);
    };
    let seen = tree.get(path).ok_or_else(|| format!("{path} is missing"))?;
    let mut partly = before.clone();
    *partly.file_mut(id) = partly_done(old, new, seen)?;
    History::new(partly.clone()).judge(tree, 0, 0).map(|_| partly)
}

/// A file of which a part of an operation was done: each sector is as before, as after, or zeros.
fn partly_done(old: &File, new: &File, seen: &Seen) -> Result<File, String> {
    let size = seen.size_bytes / SECTOR;
    let sizes: BTreeSet<u64> = [0, old.size, new.size].into();
    if sizes.first().is_some_and(|least| size < *least)
        || sizes.last().is_none_or(|most| size > *most)
    {
        return Err(format!("{size} sectors, neither {} nor {} nor between", old.size, new.size));
    }
    let mut file = File { size, pages: Default::default() };
    for index in 0..size.div_ceil(PAGE_SECTORS) {
        let first = index * PAGE_SECTORS;
        let inside = first..(first + PAGE_SECTORS).min(size);
        let shows = |file: &File| {
            inside.clone().all(|at| seen.sectors.get(at as usize) == Some(&file.sector(at).into()))
        };
        let page = [old, new].into_iter().find(|file| shows(file));
        match page.and_then(|file| file.pages.get(&index)) {
            Some(page) => drop(file.pages.insert(index, *page)),
            None if page.is_some() || shows(&File::default()) => {}
            // Content of both, as a write of several sectors may leave it.
            None => drop(file.pages.insert(index, mixed(old, new, seen, index)?)),
        }
    }
    Ok(file)
}

fn mixed(old: &File, new: &File, seen: &Seen, index: u64) -> Result<Page, String> {
    let page = new.pages.get(&index).or(old.pages.get(&index)).copied();
    let mut page = page.ok_or_else(|| format!("page {index} holds something"))?;
    page.is_written = true;
    for (sector, byte) in (index * PAGE_SECTORS..).zip(&mut page.sectors) {
        let found = seen.sectors.get(sector as usize).copied().unwrap_or(0);
        let known = [0, old.sector(sector), new.sector(sector)];
        *byte = u8::try_from(found)
            .ok()
            .filter(|found| known.contains(found))
            .ok_or_else(|| format!("sector {sector} is {found:#x}, none of {known:x?}"))?;
    }
    Ok(page)
}
