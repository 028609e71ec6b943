//! Writes a ledger.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{LedgerHeader, LedgerReader};
use crate::lines::{FileError, encode};
use crate::{Record, UnitId};

/// How a unit stands in a ledger that is continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has an outcome.
    Done,
    /// So many attempts ended in INFRA: it is to be run again.
    Failed {
        /// Attempts so far.
        attempts: u32,
    },
}

/// A ledger that is being written, by this process alone.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    /// Up to here everything is whole and on the disk.
    end: u64,
}

impl Ledger {
    /// Starts a new ledger.
    ///
    /// # Errors
    /// [`FileError::Exists`] if the file is there already and is not empty; [`FileError::Busy`];
    /// [`FileError::Io`].
    pub fn create(path: &Path, header: &LedgerHeader) -> Result<Self, FileError> {
        let mut ledger = Self::open(path)?;
        let length = ledger.file.metadata().map_err(|error| ledger.io(error))?.len();
        if length > 0 {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        ledger.write(&encode(header))?;
        Ok(ledger)
    }

    /// Continues a ledger where it was left, or starts it. Returns how each unit in it stands.
    ///
    /// # Errors
    /// [`FileError::OtherPlan`] and [`FileError::OtherBuild`] if it does not belong to `header`;
    /// [`FileError::BadLine`] if it is damaged; [`FileError::Busy`]; [`FileError::Io`].
    pub fn resume(
        path: &Path,
        header: &LedgerHeader,
    ) -> Result<(Self, BTreeMap<UnitId, Standing>), FileError> {
        let is_new = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
        if is_new {
            return Ok((Self::create(path, header)?, BTreeMap::new()));
        }
        let mut ledger = Self::open(path)?;
        let mut reader = LedgerReader::open(path)?;
        header.accepts(reader.header(), path)?;
        let mut standings = BTreeMap::new();
        while let Some(record) = reader.next_record()? {
            let standing = match record.outcome.is_infra() {
                true => Standing::Failed { attempts: record.host.attempt },
                false => Standing::Done,
            };
            let kept = standings.entry(record.outcome.id).or_insert(standing);
            if *kept != Standing::Done {
                *kept = standing;
            }
        }
        ledger.end = reader.end();
        ledger.cut()?;
        Ok((ledger, standings))
    }

    /// Adds a batch; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`FileError::Io`], such as a full disk. The ledger is then as it was before the batch, as far as the
    /// host lets it be, and can be continued.
    pub fn append(&mut self, batch: &[Record]) -> Result<(), FileError> {
        let bytes: Vec<u8> = batch.iter().flat_map(encode).collect();
        self.write(&bytes)
    }

    fn open(path: &Path) -> Result<Self, FileError> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|error| FileError::io(path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), file, end: 0 }),
            Err(TryLockError::WouldBlock) => Err(FileError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(FileError::io(path, error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // The first error is the one to tell; a half-written batch that stays is a torn line.
            let _ = self.cut();
            return Err(self.io(error));
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Cuts off what is behind the last whole batch.
    fn cut(&self) -> Result<(), FileError> {
        self.file.set_len(self.end).map_err(|error| self.io(error))
    }

    fn io(&self, error: std::io::Error) -> FileError {
        FileError::io(&self.path, error)
    }
}

impl LedgerHeader {
    /// Whether results under `found` may stand beside results under this header.
    pub(crate) fn accepts(&self, found: &Self, path: &Path) -> Result<(), FileError> {
        let path = || path.to_owned();
        if found.plan != self.plan {
            let (found, wanted) = (found.plan.clone(), self.plan.clone());
            return Err(FileError::OtherPlan { path: path(), found, wanted });
        }
        if found.build != self.build {
            let (found, wanted) = (found.build.clone().into(), self.build.clone().into());
            return Err(FileError::OtherBuild { path: path(), found, wanted });
        }
        Ok(())
    }
}
