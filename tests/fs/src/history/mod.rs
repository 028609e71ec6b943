//! What a power cut may take back, and what was promised.
//!
//! Metadata go through one journal, so a cut leaves the names, sizes and maps of some moment: the state
//! after the first `k` operations, for a `k` that takes back nothing that was made durable. Content that was
//! written in place is apart from that: each sector of a block is what it was at any moment since it was
//! made durable. Whatever else is there is a failure: half a rename, a size without its content, something
//! that was never written.

mod compare;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use compare::{compare_size, compare_trees};
use guest_fs::ShutdownKind;

use crate::model::{File, Id, Model, Node};
use crate::observe::{Seen, Tree};
use crate::op::{Op, PAGE_SECTORS, SECTOR};

/// The states so far.
#[derive(Clone, Debug)]
pub struct History {
    /// State `k` is the one after `k` operations; state 0 is durable.
    states: Vec<Model>,
    /// What operation `k` changed, and whether it is one of data.
    touched: Vec<(Vec<Id>, bool)>,
    /// What is promised by when.
    promises: Vec<Promise>,
}

/// What is not known of a running filesystem after something failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// Files of which writeback lost something, and said so.
    pub lost: BTreeSet<Id>,
    /// The file of which only a part of the last operation may be done.
    pub partly: Option<Id>,
    /// That operation changes the size at once, or not at all.
    pub is_resize: bool,
}

/// After an operation completed, something was durable.
#[derive(Clone, Debug)]
struct Promise {
    /// So many operations had completed.
    after: usize,
    /// Of one thing, or of everything.
    of: Option<Id>,
    /// What of it.
    what: What,
}

/// What a promise is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Everything.
    All,
    /// Content and size.
    Data,
    /// What the log has: everything but pages that were not written.
    Log,
}

impl History {
    /// A history that begins with a durable state.
    #[must_use]
    pub fn new(start: Model) -> Self {
        Self { states: vec![start], touched: Vec::new(), promises: Vec::new() }
    }

    /// How many operations there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.touched.len()
    }

    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// The newest state.
    #[must_use]
    pub fn now(&self) -> &Model {
        self.states.last().unwrap_or_else(|| unreachable!("there is a first state"))
    }

    /// An operation that changed these things has begun; its outcome will be `state`.
    pub fn begin(&mut self, state: Model, touched: Vec<Id>, is_of_data: bool) {
        self.states.push(state);
        self.touched.push((touched, is_of_data));
    }

    /// The newest operation has completed.
    pub fn complete(&mut self, op: &Op) {
        match op {
            Op::Sync | Op::Freeze => self.promise(None, What::All),
            Op::Fsync(path) | Op::Fdatasync(path) => {
                let is_of_data = matches!(op, Op::Fdatasync(_));
                let what = if is_of_data { What::Data } else { What::All };
                if let Ok(id) = self.now().find(path) {
                    self.promise(Some(id), what);
                }
            }
            _ => {}
        }
    }

    /// A user has shut the filesystem down, and no request failed.
    pub fn shut_down(&mut self, kind: ShutdownKind) {
        match kind {
            ShutdownKind::Default => self.promise(None, What::All),
            ShutdownKind::LogFlush => self.promise(None, What::Log),
            ShutdownKind::NoLogFlush => {}
        }
    }

    fn promise(&mut self, of: Option<Id>, what: What) {
        self.promises.push(Promise { after: self.len(), of, what });
    }

    /// Everything so far is durable: the past is forgotten.
    pub fn settle(&mut self, mut state: Model) {
        state.forget_cache();
        *self = Self::new(state);
    }

    /// The earliest state that may come back when so many operations have completed.
    fn earliest(&self, completed: usize) -> usize {
        let of = |promise: &Promise| match promise.of {
            None => promise.after,
            // As far as it was changed before.
            Some(id) => {
                let mut before = self.touched.iter().take(promise.after);
                let is_promised = |(touched, is_of_data): &(Vec<Id>, bool)| {
                    touched.contains(&id) && (*is_of_data || promise.what != What::Data)
                };
                before.rposition(is_promised).map_or(0, |at| at + 1)
            }
        };
        self.kept(completed).map(of).max().unwrap_or(0)
    }

    /// The earliest content that may come back of a thing.
    fn earliest_content(&self, id: Id, completed: usize) -> usize {
        let kept = self.kept(completed).filter(|promise| promise.what != What::Log);
        let kept = kept.filter(|promise| promise.of.is_none_or(|of| of == id));
        kept.map(|promise| promise.after).max().unwrap_or(0)
    }

    fn kept(&self, completed: usize) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(move |promise| promise.after <= completed)
    }

    /// May this be there after a power cut, when so many operations had completed and so many begun? Of a file in
    /// `partly` only a part of the last operation may be done. Gives the state that it is.
    ///
    /// # Errors
    /// Why not: the difference to the newest state that it could be.
    pub fn judge(
        &self,
        tree: &Tree,
        completed: usize,
        begun: usize,
        partly: Option<Id>,
    ) -> Result<usize, String> {
        let begun = begun.min(self.len());
        let states = self.earliest(completed)..=begun;
        self.first_that_fits(states, |at| self.after_cut(tree, at, completed, begun, partly))
    }

    /// Is this what a running filesystem shows, one of the states from `first` on?
    ///
    /// # Errors
    /// As [`History::judge`].
    pub fn judge_running(&self, tree: &Tree, first: usize, doubt: &Doubt) -> Result<usize, String> {
        self.first_that_fits(first..=self.len(), |at| self.running(tree, at, first, doubt))
    }

    fn first_that_fits(
        &self,
        states: RangeInclusive<usize>,
        fits: impl Fn(usize) -> Result<(), String>,
    ) -> Result<usize, String> {
        let (earliest, newest) = (*states.start(), *states.end());
        let mut why = String::from("there is no such state");
        for state in states.rev() {
            match fits(state) {
                Ok(()) => return Ok(state),
                Err(difference) if state == newest => {
                    why = format!("as after {state} (earliest {earliest}): {difference}");
                }
                Err(difference) => why = format!("{why}; after {state}: {difference}"),
            }
        }
        Err(why)
    }

    fn after_cut(
        &self,
        tree: &Tree,
        at: usize,
        completed: usize,
        begun: usize,
        partly: Option<Id>,
    ) -> Result<(), String> {
        compare_trees(&self.states[at], tree, |id, file, seen| {
            let from = self.earliest_content(id, completed);
            let is_cached = self.files(id, from, begun).any(|file| file.is_cached);
            if is_cached || partly == Some(id) {
                return self.compare_loosely(id, seen, from, begun);
            }
            let exact = compare_size(file, seen)
                .and_then(|()| self.compare_content(id, file, seen, from, begun));
            // The log may have been forced in the middle of the operation that comes next.
            let is_half_done = at < begun && self.changes_data_of(at, id);
            if is_half_done {
                return exact.or_else(|_| self.compare_loosely(id, seen, from.min(at), begun));
            }
            exact
        })
    }

    /// Does the operation after the state `at` change the map of this file? That may take several transactions.
    fn changes_data_of(&self, at: usize, id: Id) -> bool {
        self.touched.get(at).is_some_and(|(ids, is_of_data)| *is_of_data && ids.contains(&id))
    }

    fn running(&self, tree: &Tree, at: usize, first: usize, doubt: &Doubt) -> Result<(), String> {
        let begun = self.len();
        compare_trees(&self.states[at], tree, |id, file, seen| {
            if doubt.lost.contains(&id) {
                let from = self.earliest_content(id, begun);
                return self.compare_loosely(id, seen, from, begun);
            }
            if doubt.partly == Some(id) {
                let mut sizes = self.files(id, first, begun).map(|file| file.size * SECTOR);
                if doubt.is_resize && sizes.all(|size| size != seen.size_bytes) {
                    return Err(format!("{} bytes after half a truncation", seen.size_bytes));
                }
                return self.compare_loosely(id, seen, first, begun);
            }
            compare_size(file, seen)?;
            self.compare_content(id, file, seen, at, at)
        })
    }

    /// What a file was in these states.
    fn files(&self, id: Id, from: usize, to: usize) -> impl Iterator<Item = &File> {
        let states = self.states.iter().take(to + 1).skip(from);
        states.filter_map(move |state| match state.nodes.get(&id) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        })
    }

    /// What had this name before or after the last operation.
    #[must_use]
    pub fn ids_of(&self, path: &str) -> BTreeSet<Id> {
        let states = self.states.iter().rev().take(2);
        states.filter_map(|state| state.find(path).ok()).collect()
    }

    /// Has the file been written through the page cache since everything was durable?
    #[must_use]
    pub fn was_cached(&self, id: Id) -> bool {
        self.files(id, 0, self.len()).any(|file| file.is_cached)
    }

    /// Pages are written when it pleases the cache, and a part of an operation may be done: size and each sector
    /// are of any of the states, and what was not there in one of them may be zeros.
    fn compare_loosely(&self, id: Id, seen: &Seen, from: usize, to: usize) -> Result<(), String> {
        let sizes = || self.files(id, from, to).map(|file| file.least.min(file.size)..=file.size);
        let least = sizes().map(|sizes| *sizes.start()).min().unwrap_or(0);
        let most = sizes().map(|sizes| *sizes.end()).max().unwrap_or(0);
        if !(least * SECTOR..=most * SECTOR).contains(&seen.size_bytes) {
            return Err(format!("{} bytes, not {least} to {most} sectors", seen.size_bytes));
        }
        for (sector, found) in (0..).zip(&seen.sectors) {
            let is_known = |file: &File| {
                let is_inside = sector < file.size && file.written_block(sector).is_some();
                *found == u16::from(file.sector(sector)) || (!is_inside && *found == 0)
            };
            let is_ghost = |file: &File| {
                let rest = file.size..file.size.next_multiple_of(PAGE_SECTORS);
                rest.contains(&sector)
                    && file.ghosts.iter().any(|ghost| *found == u16::from(*ghost))
            };
            if !self.files(id, from, to).any(|file| is_known(file) || is_ghost(file)) {
                return Err(format!("sector {sector} is {found:#x}, which it never was"));
            }
        }
        Ok(())
    }

    /// Every sector holds what its block held in one of the states, in that of `file` if it was another block then.
    fn compare_content(
        &self,
        id: Id,
        file: &File,
        seen: &Seen,
        from: usize,
        to: usize,
    ) -> Result<(), String> {
        for (sector, found) in (0..).zip(&seen.sectors) {
            let Some(block) = file.written_block(sector) else {
                if *found == 0 {
                    continue;
                }
                return Err(format!("sector {sector} is {found:#x}, not zeros"));
            };
            let then = self.files(id, from, to).filter(|f| f.written_block(sector) == Some(block));
            let mut allowed: Vec<u16> = then.map(|file| file.sector(sector).into()).collect();
            if allowed.is_empty() {
                allowed.push(file.sector(sector).into());
            }
            if !allowed.contains(found) {
                allowed.dedup();
                return Err(format!("sector {sector} is {found:#x}, none of {allowed:x?}"));
            }
        }
        Ok(())
    }

    /// Files of which a cut leaves open what blocks they have: older states fit as well as the one at `at`, and
    /// have other maps.
    #[must_use]
    pub fn ambiguous(&self, tree: &Tree, completed: usize, at: usize) -> BTreeSet<Id> {
        let mut files = self.touched.get(at).map_or_else(BTreeSet::new, |(ids, _)| {
            ids.iter().copied().filter(|id| self.changes_data_of(at, *id)).collect()
        });
        for older in self.earliest(completed)..at {
            if self.after_cut(tree, older, completed, self.len(), None).is_err() {
                continue;
            }
            for (id, node) in &self.states[at].nodes {
                if let (Node::File(file), Some(Node::File(then))) =
                    (node, self.states[older].nodes.get(id))
                    && !file.has_map_of(then)
                {
                    files.insert(*id);
                }
            }
        }
        files
    }

    /// The state `at`, with the content that is really there. Which blocks a file in doubt has, nobody knows.
    #[must_use]
    pub fn adopt(&self, at: usize, tree: &Tree, in_doubt: &BTreeSet<Id>) -> Model {
        let mut model = self.states[at].clone();
        for (path, id) in self.states[at].paths() {
            let Some(seen) = tree.get(&path) else { continue };
            let ends = self.files(id, 0, self.len()).flat_map(|file| {
                file.beyond(seen.size_bytes / SECTOR).chain(file.ghosts.iter().copied())
            });
            model.adopt(id, seen, in_doubt.contains(&id), ends.collect());
        }
        model
    }
}
