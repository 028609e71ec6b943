//! Plays operations on a filesystem and on the model at once.

use std::rc::Rc;

use block::{BLOCK_BYTES, BlockDevice};
use guest_fs::planted::Planted;
use guest_fs::{FileSystem, MkfsOptions, MountOptions, RenameFlags};
use hal::DmaBuf;
use hal::testing::{DmaPool, PoolDma};
use iomap::{Direction, Errno, Transfer};
use nvme_model::media::OverlayMedia;

use crate::disk::Disk;
use crate::history::History;
use crate::model::Model;
use crate::observe::{Fs, Tree, observe};
use crate::op::{Op, PAGE_SECTORS, SECTOR};
use crate::{Failure, Oracle};

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
    writes: u8,
}

/// How an operation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the model says.
    AsExpected,
    /// An error that the model knows nothing of.
    Error(Errno),
}

/// Mounts what is on a drive, with a bug or without.
///
/// # Errors
/// [`Oracle::Mount`].
pub fn mount(disk: &Rc<Disk>, bug: Option<Planted>) -> Result<Fs, Failure> {
    FileSystem::mount_planted(Rc::clone(disk), MountOptions::default(), bug)
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
        Ok(Self { disk, fs, history, marks: Vec::new(), writes: 0 })
    }

    /// Does an operation, and compares.
    ///
    /// # Errors
    /// [`Oracle::Answer`] if the answer is not the model's.
    pub fn play(&mut self, op: &Op) -> Result<(), Failure> {
        match self.attempt(op)? {
            Outcome::AsExpected => Ok(()),
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
        let mut state = self.history.now().clone();
        let expected = state.apply(op, fill);
        let begun = self.disk.mark();
        if let Ok(touched) = &expected {
            self.history.begin(state, touched.clone());
        }
        let done = self.perform(op, fill);
        let expected = expected.map(|_| ());
        if done != expected && !is_environment(op, done) {
            let what = format!("{done:?}, expected {expected:?}");
            return Err(Failure::new(Oracle::Answer, what).at(op));
        }
        if expected.is_ok() {
            self.marks.push((begun, self.disk.mark()));
        }
        match done {
            Err(errno) if done != expected => Ok(Outcome::Error(errno)),
            done => {
                if done.is_ok() {
                    self.history.complete(op);
                }
                Ok(Outcome::AsExpected)
            }
        }
    }

    /// Every write has a byte of its own, as far as there are any.
    fn next_fill(&mut self, op: &Op) -> u8 {
        if matches!(op, Op::Write(..) | Op::Append(..)) {
            self.writes = self.writes % 200 + 1;
        }
        self.writes
    }

    fn perform(&self, op: &Op, fill: u8) -> Result<(), Errno> {
        let fs = &self.fs;
        match op {
            Op::Create(path) => fs.create(path).map(drop),
            Op::Mkdir(path) => fs.mkdir(path).map(drop),
            Op::Symlink(target, path) => fs.symlink(target, path).map(drop),
            Op::Link(from, to) => fs.link(from, to),
            Op::Unlink(path) => fs.unlink(path),
            Op::Rmdir(path) => fs.rmdir(path),
            Op::Rename(from, to) => fs.rename(from, to, RenameFlags::empty()),
            Op::Truncate(path, size) => fs.truncate(fs.open(path)?, size * SECTOR),
            Op::Allocate(path, mode, first, count) => {
                fs.fallocate_mode(fs.open(path)?, *mode, first * SECTOR, count * SECTOR)
            }
            Op::Write(path, first, pages) => {
                let ino = fs.open(path)?;
                let mut transfer = self.transfer(*first, *pages, fill)?;
                fs.dio_write(ino, &mut transfer).map(drop)
            }
            Op::Append(path, pages) => {
                let ino = fs.open(path)?;
                let mut transfer = self.transfer(0, *pages, fill)?;
                fs.dio_append(ino, &mut transfer).map(drop)
            }
            Op::Clone(from, to) => {
                let (from, to) = (fs.open(from)?, fs.open(to)?);
                // A file is its own clone.
                if from == to { Ok(()) } else { fs.clone_file(from, to) }
            }
            Op::Fsync(path) => fs.fsync(fs.open_nofollow(path)?),
            Op::Sync => fs.sync(),
        }
    }

    fn transfer(&self, first: u64, count: u64, fill: u8) -> Result<Transfer<PoolDma>, Errno> {
        let page = |_| {
            let page = self.disk.alloc_page().map_err(|_| Errno::ENOMEM)?;
            page.write(0, &[fill; BLOCK_BYTES]);
            Ok(page)
        };
        let pages = (0..count).map(page).collect::<Result<_, Errno>>()?;
        let pos = first * BLOCK_BYTES as u64;
        Ok(Transfer { direction: Direction::Write, pos, pages })
    }

    /// Looks at everything, which must be just as the model says.
    ///
    /// # Errors
    /// [`Oracle::Answer`].
    pub fn compare(&self) -> Result<Tree, Failure> {
        let tree = see(&self.fs, &self.disk)?;
        let now = History::new(self.history.now().clone());
        now.judge(&tree, 0, 0).map_err(|what| Failure::new(Oracle::Answer, what))?;
        Ok(tree)
    }
}

/// Errors that come from below, or for want of something. What gives space back needs none; but what is
/// zeroed in a shared block must be copied.
fn is_environment(op: &Op, result: Result<(), Errno>) -> bool {
    let needs_no_space = match op {
        Op::Unlink(_) | Op::Rmdir(_) | Op::Fsync(_) | Op::Sync => true,
        Op::Truncate(_, size) => size.is_multiple_of(PAGE_SECTORS),
        _ => false,
    };
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
