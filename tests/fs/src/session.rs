//! A player who goes on after errors, power cuts and remounts.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use guest_fs::planted::Planted;
use guest_fs::{OpenFlags, ShutdownKind};
use hal::testing::DmaPool;
use iomap::Errno;
use nvme_model::media::OverlayMedia;

use crate::disk::Disk;
use crate::history::Doubt;
use crate::model::{Id, Model};
use crate::observe::files;
use crate::op::Op;
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
    /// Operations that were done as the model says.
    pub ops: u64,
    /// Operations that were refused as the model says.
    pub refused: u64,
    /// Operations that failed for want of space.
    pub full: u64,
    /// Operations that failed because a request did.
    pub failed: u64,
    /// Times that writeback lost something and said so.
    pub losses: u64,
    /// Times that the filesystem shut itself down.
    pub shutdowns: u64,
    /// Times that a user did.
    pub user_shutdowns: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Clean remounts.
    pub remounts: u64,
}

impl Tally {
    /// Adds what happened in another history.
    pub const fn add(&mut self, other: &Self) {
        self.ops += other.ops;
        self.refused += other.refused;
        self.full += other.full;
        self.failed += other.failed;
        self.losses += other.losses;
        self.shutdowns += other.shutdowns;
        self.user_shutdowns += other.user_shutdowns;
        self.cuts += other.cuts;
        self.remounts += other.remounts;
    }
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
        let before = self.player.history.len();
        let partly = self.player.history.now().changed_by(op);
        let attempted = self.player.attempt(op);
        self.note(format!("{op}: {attempted:?}"));
        let outcome = attempted?;
        match outcome {
            Outcome::AsExpected => self.tally.ops += 1,
            Outcome::Refused => self.tally.refused += 1,
            Outcome::Error(Errno::ENOSPC) => self.tally.full += 1,
            Outcome::Error(_) => self.tally.failed += 1,
        }
        let is_done = matches!(outcome, Outcome::AsExpected | Outcome::Refused);
        if is_done && !self.has_met_fault() {
            match op {
                Op::Sync | Op::Freeze => self.settle(self.player.history.now().clone()),
                Op::Shutdown(kind) => {
                    self.shut_down(*kind).map_err(|failure| failure.at(format!("after {op}")))?;
                }
                _ => {}
            }
            return Ok(outcome);
        }
        let now = self.player.history.len();
        // Done for certain, or perhaps, or a part of it.
        let (first, partly) = if is_done { (now, None) } else { (before.min(now), partly) };
        let found = self.find_out(op, is_done, first, partly);
        found.map_err(|failure| failure.at(format!("after {op}")))?;
        Ok(outcome)
    }

    /// A user has shut the filesystem down: everything is refused, nothing is written, it can be unmounted, and what is
    /// mounted next is what this kind of shutdown promises.
    fn shut_down(&mut self, kind: ShutdownKind) -> Result<(), Failure> {
        self.tally.user_shutdowns += 1;
        let (fs, before) = (self.player.fs.clone(), self.player.disk.mark());
        let answers = [fs.sync(), fs.mkdir("down").map(drop), fs.shutdown(kind)];
        if answers != [Err(Errno::EIO); 3] {
            return Err(Failure::new(Oracle::Answer, format!("{answers:?} of what is down")));
        }
        self.player.held.take();
        let unmounted = fs.unmount();
        unmounted
            .map_err(|(_, errno)| Failure::new(Oracle::Answer, format!("unmount: {errno}")))?;
        if self.player.disk.mark() != before {
            return Err(Failure::new(Oracle::Answer, "something was written after the shutdown"));
        }
        self.player.history.shut_down(kind);
        // Without a power cut, too: then everything that was written is there.
        self.cut_at(self.player.history.len(), self.tally.user_shutdowns, None)
    }

    /// Has a request failed that was to fail, or memory been refused?
    fn has_met_fault(&self) -> bool {
        self.player.disk.fired() > 0 || self.player.disk.was_out_of_pages()
    }

    /// Nothing fails any more.
    fn disarm(&self) {
        self.player.disk.set_fault(None);
        self.player.disk.set_pages_left(None);
    }

    /// Nothing older can come back.
    fn settle(&mut self, mut state: Model) {
        if self.player.held.borrow().is_none() {
            state.let_go();
        }
        self.player.history.settle(state);
        self.player.marks.clear();
        self.player.disk.start_record();
    }

    /// Something failed, perhaps the operation with it: it was done, or not, or a file has a part of it; and
    /// writeback may have lost what it said it has lost.
    fn find_out(
        &mut self,
        op: &Op,
        is_done: bool,
        first: usize,
        partly: Option<Id>,
    ) -> Result<(), Failure> {
        let has_met_fault = self.has_met_fault();
        self.disarm();
        self.may_leak = true;
        if self.player.fs.shutdown_reason().is_some() {
            self.tally.shutdowns += 1;
            // What is on the drive is what the log has; the operation may be there or not.
            return self.cut_at(first, self.tally.shutdowns, partly);
        }
        if op.promises() && is_done {
            // Something failed, and the promise was given: it is called in at once.
            return self.cut_at(first, u64::MAX, None);
        }
        self.let_go();
        let lost = ask_for_losses(&self.player, op, partly)?;
        if !has_met_fault && !lost.is_empty() {
            return Err(Failure::new(Oracle::Answer, "writeback failed, and no request did"));
        }
        self.player.fs.sync().map_err(|errno| Failure::new(Oracle::Answer, errno.to_string()))?;
        let _ = self.player.fs.reclaim_pages();
        let doubt = Doubt { lost, partly, is_resize: matches!(op, Op::Truncate(..)) };
        let state = self.judge_running(first, &doubt)?;
        if doubt.lost.is_empty() {
            self.settle(state);
            return Ok(());
        }
        // The sizes that users see may be ahead of those on the drive.
        self.tally.losses += 1;
        self.reopen()?;
        let state = self.judge_running(first, &doubt)?;
        self.settle(state);
        Ok(())
    }

    fn judge_running(&self, first: usize, doubt: &Doubt) -> Result<Model, Failure> {
        let tree = see(&self.player.fs, &self.player.disk)?;
        let history = &self.player.history;
        let state = history.judge_running(&tree, first, doubt);
        let state = state.map_err(|what| Failure::new(Oracle::Answer, what))?;
        let in_doubt = doubt.lost.iter().copied().chain(doubt.partly).collect();
        Ok(history.adopt(state, &tree, &in_doubt))
    }

    /// Closes what is open. An error leaves it to the next mount.
    fn let_go(&mut self) {
        if self.player.let_go().is_err_and(|errno| errno != Errno::EINVAL) {
            self.may_leak = true;
        }
    }

    /// Unmounts, checks, loses what may be lost (nothing may), mounts.
    ///
    /// # Errors
    /// The first failure.
    pub fn remount(&mut self) -> Result<(), Failure> {
        self.disarm();
        self.tally.remounts += 1;
        self.note(String::from("remount"));
        self.let_go();
        let free = self.free_blocks()?;
        self.reopen()?;
        let tree = self.player.compare();
        tree.map_err(|failure| failure.at("power cut after an unmount"))?;
        self.settle(self.player.history.now().clone());
        let now = self.free_blocks()?;
        if free.is_some() && free != now {
            let what = format!("{free:?} free blocks before a remount, {now:?} after it");
            return Err(Failure::new(Oracle::Leak, what));
        }
        Ok(())
    }

    /// Free blocks when no page is dirty, at every second remount: the other ones are of a filesystem that was not
    /// synced. `None` also if an error has left something to the next mount.
    fn free_blocks(&self) -> Result<Option<u64>, Failure> {
        if self.may_leak || self.tally.remounts.is_multiple_of(2) {
            return Ok(None);
        }
        let answer = |errno: Errno| Failure::new(Oracle::Answer, errno.to_string());
        self.player.fs.sync().map_err(answer)?;
        Ok(Some(self.player.fs.statfs().map_err(answer)?.blocks_free))
    }

    /// Unmounts, checks, cuts the power, mounts.
    fn reopen(&mut self) -> Result<(), Failure> {
        let closed = close(self.player.fs.clone(), &self.player.disk);
        match closed {
            Err(Failure { oracle: Oracle::Leak, .. }) if self.may_leak => {}
            closed => closed?,
        }
        self.mount_what_is_left(u64::MAX)
    }

    /// Cuts the power, mounts.
    fn mount_what_is_left(&mut self, seed: u64) -> Result<(), Failure> {
        let left = self.player.disk.cut(seed);
        let left = left.unwrap_or_else(|| unreachable!("everything is logged"));
        self.player.held.take();
        self.player.disk = Rc::new(Disk::of(left, &self.pool));
        self.player.fs = mount(&self.player.disk, self.bug)?;
        self.player.disk.start_record();
        self.may_leak = false;
        Ok(())
    }

    /// Power is cut and comes back; all operations had completed.
    ///
    /// # Errors
    /// The first failure.
    pub fn cut(&mut self, seed: u64) -> Result<(), Failure> {
        self.note(format!("power cut, seed {seed}"));
        self.disarm();
        self.cut_at(self.player.history.len(), seed, None)
            .map_err(|failure| failure.at("power cut"))
    }

    /// Power is cut when so many operations had completed; of a file in `partly` a part of the last one may be
    /// done.
    fn cut_at(&mut self, completed: usize, seed: u64, partly: Option<Id>) -> Result<(), Failure> {
        self.tally.cuts += 1;
        self.mount_what_is_left(seed)?;
        let tree = see(&self.player.fs, &self.player.disk)?;
        let history = &self.player.history;
        let state = history.judge(&tree, completed, history.len(), partly);
        let state = state.map_err(|what| Failure::new(Oracle::Content, what))?;
        let mut in_doubt = history.ambiguous(&tree, completed, state);
        in_doubt.extend(partly);
        self.settle(history.adopt(state, &tree, &in_doubt));
        Ok(())
    }
}

/// Asks for every file whether writeback has lost something of it. Whoever lost something must say so: once to
/// everybody who has the file open, and to the next one who opens it, if nobody was told yet.
///
/// # Errors
/// [`Oracle::Answer`] for an error that nobody can have caused.
fn ask_for_losses(player: &Player, op: &Op, partly: Option<Id>) -> Result<BTreeSet<Id>, Failure> {
    let strange = |path: &str, errno: Errno| {
        Failure::new(Oracle::Answer, format!("fsync of {path}, when nothing fails: {errno}"))
    };
    let history = &player.history;
    let mut lost = BTreeSet::new();
    let is_told = matches!(op, Op::Fsync(_) | Op::Fdatasync(_));
    if let Some(id) = history.now().find(op.subject()).ok().filter(|_| is_told) {
        lost.extend(history.was_cached(id).then_some(id));
    }
    for (path, ino) in files(&player.fs).map_err(|(path, errno)| strange(&path, errno))? {
        let file = player.fs.open_file(ino, OpenFlags::empty());
        let file = file.map_err(|errno| strange(&path, errno))?;
        let told = player.fs.fsync_file(&file);
        player.fs.close_file(file).map_err(|errno| strange(&path, errno))?;
        let Err(errno) = told else { continue };
        let ids = history.ids_of(&path);
        let may_have_pages = |id: &Id| history.was_cached(*id) || partly == Some(*id);
        if !ids.iter().any(may_have_pages) {
            return Err(strange(&path, errno));
        }
        lost.extend(ids);
    }
    Ok(lost)
}
