//! Plays operations on a filesystem and on the model at once.

use std::cell::RefCell;
use std::rc::Rc;

use guest_fs::planted::Planted;
use guest_fs::{FileSystem, MkfsOptions, MountOptions, OpenFile};
use hal::testing::DmaPool;
use iomap::Errno;
use nvme_model::media::OverlayMedia;

use crate::disk::Disk;
use crate::history::{Doubt, History};
use crate::model::Model;
use crate::observe::{Fs, Tree, observe};
use crate::op::{Op, PAGE_SECTORS};
use crate::{Failure, Oracle};

/// Pages of files in memory: few, so that they are written and given up all the time.
const CACHE_PAGES: usize = 24;

/// A filesystem, its drive, and what is known of it.
#[derive(Debug)]
pub struct Player {
    /// The drive.
    pub disk: Rc<Disk>,
    /// The filesystem.
    pub fs: Fs,
    /// The model's states.
    pub history: History,
    /// Where the log stood when each operation began and when it completed.
    pub marks: Vec<(u64, u64)>,
    /// What is open.
    pub(crate) held: RefCell<Option<OpenFile>>,
    writes: u8,
}

/// How an operation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, as the model says.
    AsExpected,
    /// Refused, as the model says.
    Refused,
    /// An error that the model knows nothing of.
    Error(Errno),
}

/// Mounts what is on a drive, with a bug or without.
///
/// # Errors
/// [`Oracle::Mount`].
pub fn mount(disk: &Rc<Disk>, bug: Option<Planted>) -> Result<Fs, Failure> {
    let options = MountOptions { cache_pages_max: CACHE_PAGES, ..MountOptions::default() };
    FileSystem::mount_planted(Rc::clone(disk), options, bug)
        .map_err(|error| Failure::new(Oracle::Mount, error.to_string()))
}

/// Makes a filesystem on a drive.
///
/// # Errors
/// [`Oracle::Answer`].
pub fn mkfs(disk: &Disk) -> Result<(), Failure> {
    FileSystem::mkfs(disk, &MkfsOptions { uuid: [7; 16], ..MkfsOptions::default() })
        .map_err(|error| Failure::new(Oracle::Answer, error.to_string()))
}

impl Player {
    /// Mounts an empty filesystem.
    ///
    /// # Errors
    /// As [`mount`].
    pub fn new(empty: OverlayMedia, pool: &DmaPool, bug: Option<Planted>) -> Result<Self, Failure> {
        let disk = Rc::new(Disk::of(empty, pool));
        let fs = mount(&disk, bug)?;
        let history = History::new(Model::default());
        Ok(Self { disk, fs, history, marks: Vec::new(), held: RefCell::default(), writes: 0 })
    }

    /// Does an operation, and compares.
    ///
    /// # Errors
    /// [`Oracle::Answer`] if the answer is not the model's.
    pub fn play(&mut self, op: &Op) -> Result<(), Failure> {
        match self.attempt(op)? {
            Outcome::AsExpected | Outcome::Refused => Ok(()),
            Outcome::Error(errno) => Err(Failure::new(Oracle::Answer, errno.to_string()).at(op)),
        }
    }

    /// As [`Player::play`], but an error that comes from a drive, or for want of space, is no failure. The
    /// model has the operation as begun then.
    ///
    /// # Errors
    /// [`Oracle::Answer`] for an answer that is wrong whatever the drive does.
    pub fn attempt(&mut self, op: &Op) -> Result<Outcome, Failure> {
        let fill = self.next_fill(op);
        let needs_no_space = needs_no_space(op, self.history.now());
        let mut state = self.history.now().clone();
        let expected = state.apply(op, fill);
        let begun = self.disk.mark();
        if let Ok(touched) = &expected {
            self.history.begin(state, touched.clone(), op.is_of_data());
        }
        let done = self.perform(op, fill);
        let expected = expected.map(|_| ());
        if done != expected && !is_environment(done, needs_no_space) {
            let what = format!("{done:?}, expected {expected:?}");
            return Err(Failure::new(Oracle::Answer, what).at(op));
        }
        if expected.is_ok() {
            self.marks.push((begun, self.disk.mark()));
        }
        match done {
            Err(errno) if done != expected => Ok(Outcome::Error(errno)),
            Err(_) => Ok(Outcome::Refused),
            Ok(()) => {
                self.history.complete(op);
                Ok(Outcome::AsExpected)
            }
        }
    }

    /// Every write has a byte of its own, as far as there are any.
    fn next_fill(&mut self, op: &Op) -> u8 {
        if op.writes() {
            self.writes = self.writes % 200 + 1;
        }
        self.writes
    }

    /// Looks at everything, which must be just as the model says.
    ///
    /// # Errors
    /// [`Oracle::Answer`].
    pub fn compare(&self) -> Result<Tree, Failure> {
        let tree = see(&self.fs, &self.disk)?;
        let now = History::new(self.history.now().clone());
        now.judge_running(&tree, 0, &Doubt::default())
            .map_err(|what| Failure::new(Oracle::Answer, what))?;
        Ok(tree)
    }
}

/// What gives space back, reads or makes durable needs none; but what is zeroed in a shared block must be copied.
fn needs_no_space(op: &Op, now: &Model) -> bool {
    match op {
        Op::Unlink(_)
        | Op::Rmdir(_)
        | Op::Fsync(_)
        | Op::Fdatasync(_)
        | Op::Read(..)
        | Op::DirectRead(..)
        | Op::HeldRead(..)
        | Op::Hold(..)
        | Op::LetGo
        | Op::Freeze
        | Op::Shutdown(_)
        | Op::Sync => true,
        Op::Truncate(path, size) => {
            let is_shorter = now.file(path).is_ok_and(|(_, file)| *size <= file.size);
            is_shorter && size.is_multiple_of(PAGE_SECTORS)
        }
        _ => false,
    }
}

/// Errors that come from below, or for want of something.
fn is_environment(result: Result<(), Errno>, needs_no_space: bool) -> bool {
    match result {
        Err(Errno::ENOSPC) => !needs_no_space,
        // ENODATA is what Linux makes of a medium error.
        Err(Errno::EIO | Errno::ENODATA | Errno::ENOMEM) => true,
        _ => false,
    }
}

/// [`observe`], with every error a failure.
///
/// # Errors
/// [`Oracle::Answer`].
pub fn see(fs: &Fs, disk: &Disk) -> Result<Tree, Failure> {
    observe(fs, disk).map_err(|(path, errno)| {
        let reason = fs.shutdown_reason().map_or(String::new(), |reason| format!(", {reason}"));
        Failure::new(Oracle::Answer, format!("{path}: {errno}{reason}"))
    })
}

/// Unmounts, and checks: nothing is wrong, and nothing is left to be done.
///
/// # Errors
/// [`Oracle::Answer`] for the unmount, [`Oracle::Fsck`], [`Oracle::Leak`].
pub fn close(fs: Fs, disk: &Disk) -> Result<(), Failure> {
    fs.unmount().map_err(|(_, errno)| Failure::new(Oracle::Answer, format!("unmount: {errno}")))?;
    let report =
        FileSystem::fsck(disk).map_err(|error| Failure::new(Oracle::Fsck, error.to_string()))?;
    if let Some(finding) = report.findings.first() {
        return Err(Failure::new(Oracle::Fsck, finding.to_string()));
    }
    if report.orphans > 0 || report.staged > 0 {
        let what = format!("{} orphans, {} staging runs", report.orphans, report.staged);
        return Err(Failure::new(Oracle::Leak, what));
    }
    Ok(())
}
