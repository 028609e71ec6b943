//! A workload that knows what it was promised, for tests that cut power or break the device.

use std::collections::{BTreeMap, BTreeSet};

use iomap::Errno;

use super::rig::{Fs, PAGE, Rig};

/// What is known of a file.
#[derive(Debug, Default)]
struct Known {
    /// The newest content, page by page.
    now: Vec<u8>,
    /// What a crash may leave of each page.
    allowed: Vec<BTreeSet<u8>>,
    /// Pages that an fsync promised; `None` before the first one.
    promised: Option<usize>,
    /// An unlink was tried: it may be gone.
    is_unlinked: bool,
}

/// What must be true after a crash.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    files: BTreeMap<String, Known>,
    gone: BTreeSet<String>,
}

/// Runs operations and keeps the promises up to date. Stops at the first error.
struct Runner<'a> {
    rig: &'a Rig,
    fs: &'a Fs,
    promises: &'a mut Promises,
}

impl Runner<'_> {
    fn create(&mut self, name: &str) -> Result<(), Errno> {
        self.promises.gone.remove(name);
        self.promises.files.insert(name.into(), Known::default());
        self.fs.create(name).map(|_| ())
    }

    fn fallocate(&mut self, name: &str, pages: u64) -> Result<(), Errno> {
        let ino = self.fs.open(name)?;
        self.fs.fallocate(ino, 0, pages * PAGE)?;
        self.promises.known(name).grow(pages as usize);
        Ok(())
    }

    fn write(&mut self, name: &str, first: u64, fill: &[u8]) -> Result<(), Errno> {
        let ino = self.fs.open(name)?;
        let known = self.promises.known(name);
        known.grow(first as usize + fill.len());
        for (page, byte) in (first as usize..).zip(fill) {
            known.now[page] = *byte;
            known.allowed[page].insert(*byte);
        }
        self.rig.write(self.fs, ino, first, fill).map(|_| ())
    }

    fn fsync(&mut self, name: &str) -> Result<(), Errno> {
        let ino = self.fs.open(name)?;
        self.fs.fsync(ino)?;
        let known = self.promises.known(name);
        known.allowed = known.now.iter().map(|byte| BTreeSet::from([*byte])).collect();
        known.promised = Some(known.now.len());
        Ok(())
    }

    fn unlink(&mut self, name: &str) -> Result<(), Errno> {
        self.promises.known(name).is_unlinked = true;
        self.fs.unlink(name)
    }

    fn sync_unlinked(&mut self, name: &str) -> Result<(), Errno> {
        self.fs.sync()?;
        self.promises.files.remove(name);
        self.promises.gone.insert(name.into());
        Ok(())
    }
}

impl Known {
    fn grow(&mut self, pages: usize) {
        let pages = pages.max(self.now.len());
        self.now.resize(pages, 0);
        self.allowed.resize(pages, BTreeSet::from([0]));
    }
}

impl Promises {
    fn known(&mut self, name: &str) -> &mut Known {
        self.files.get_mut(name).unwrap()
    }

    /// Does a mounted filesystem keep them?
    #[track_caller]
    pub(crate) fn check(&self, rig: &Rig, fs: &Fs) {
        for name in &self.gone {
            assert_eq!(fs.open(name), Err(Errno::ENOENT), "{name} is back");
        }
        for (name, known) in &self.files {
            let Some(pages) = known.promised else {
                continue;
            };
            let ino = match fs.open(name) {
                Err(Errno::ENOENT) if known.is_unlinked => continue,
                found => found.unwrap_or_else(|errno| panic!("{name} was fsynced: {errno}")),
            };
            let content = rig.read(fs, ino, 0, pages as u64).unwrap();
            assert_eq!(content.len(), pages, "{name} is shorter than when it was fsynced");
            for (page, byte) in content.iter().enumerate() {
                let allowed = &known.allowed[page];
                assert!(allowed.contains(byte), "{name} page {page}: {byte}, not {allowed:?}");
            }
        }
    }
}

/// Enough of everything: conversion, overwrite, growth, leaves of the directory, several laps of the
/// smallest journal, checkpoints, reuse of freed blocks.
pub(crate) fn run(rig: &Rig, fs: &Fs, promises: &mut Promises) -> Result<(), Errno> {
    let runner = &mut Runner { rig, fs, promises };
    runner.create("a")?;
    runner.write("a", 0, &[1; 4])?;
    runner.fsync("a")?;
    runner.create("b")?;
    runner.fallocate("b", 8)?;
    runner.write("b", 2, &[2, 2])?;
    runner.fsync("b")?;
    runner.write("a", 1, &[3])?;
    runner.write("b", 7, &[4; 3])?;
    runner.create("c")?;
    runner.write("c", 0, &[5; 6])?;
    runner.fsync("c")?;
    runner.unlink("c")?;
    runner.sync_unlinked("c")?;
    for round in 0..18 {
        let name = format!("{round:0>180}");
        runner.create(&name)?;
        runner.write(&name, 0, &[10 + round; 2])?;
        runner.fsync(&name)?;
        runner.write("a", 4 + u64::from(round), &[20 + round])?;
        if round % 3 == 2 {
            runner.unlink(&name)?;
            runner.fsync("a")?;
        }
    }
    runner.create("c")?;
    runner.write("c", 3, &[6; 6])?;
    runner.fsync("c")
}
