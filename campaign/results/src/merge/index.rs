//! Where the records of many ledgers are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::OtherBuilds;
use crate::ledger::{LedgerHeader, LedgerReader};
use crate::lines::FileError;
use crate::{Record, UnitId};

/// Where one record is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: UnitId,
    offset: u64,
    bytes: u32,
    file: u32,
}

/// Where every record of every ledger is, sorted by unit.
#[derive(Debug, Default)]
pub(super) struct Index {
    files: Vec<(PathBuf, File)>,
    entries: Vec<Entry>,
    header: Option<LedgerHeader>,
    torn: Vec<PathBuf>,
}

impl Index {
    pub(super) fn read(paths: &[PathBuf], other_builds: OtherBuilds) -> Result<Self, FileError> {
        let mut index = Self::default();
        for path in paths {
            index.add(path, other_builds)?;
        }
        index.entries.sort_unstable_by_key(|entry| entry.id);
        index.torn.sort();
        Ok(index)
    }

    fn add(&mut self, path: &Path, other_builds: OtherBuilds) -> Result<(), FileError> {
        let mut reader = LedgerReader::open(path)?;
        self.join(reader.header().clone().merged(), path, other_builds)?;
        let file = File::open(path).map_err(|error| FileError::io(path, error))?;
        let number = u32::try_from(self.files.len()).expect("nobody names 2^32 files");
        while let Some(placed) = reader.next_placed()? {
            let (id, offset) = (placed.record.outcome.id, placed.offset);
            let bytes = u32::try_from(placed.bytes).map_err(|_| {
                FileError::bad_line(path, 0, format!("the record of {id} has 4 GiB"))
            })?;
            self.entries.push(Entry { id, offset, bytes, file: number });
        }
        if reader.is_torn() {
            self.torn.push(path.to_owned());
        }
        self.files.push((path.to_owned(), file));
        Ok(())
    }

    /// The header of what is merged: that of any ledger, without its shard. With several builds it is
    /// the one that sorts first, so that the order of the files does not matter.
    fn join(
        &mut self,
        found: LedgerHeader,
        path: &Path,
        other_builds: OtherBuilds,
    ) -> Result<(), FileError> {
        let Some(header) = &mut self.header else {
            self.header = Some(found);
            return Ok(());
        };
        match header.accepts(&found, path) {
            Err(FileError::OtherBuild { .. }) if other_builds == OtherBuilds::Allow => {}
            result => result?,
        }
        if found.build < header.build {
            *header = found;
        }
        Ok(())
    }

    pub(super) const fn header(&self) -> Option<&LedgerHeader> {
        self.header.as_ref()
    }

    pub(super) fn torn(&self) -> &[PathBuf] {
        &self.torn
    }

    /// The records of each unit, unit by unit.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.entries
            .chunk_by(|left, right| left.id == right.id)
            .map(|entries| Group { index: self, entries })
    }
}

/// The records of one unit.
#[derive(Debug)]
pub(super) struct Group<'a> {
    index: &'a Index,
    entries: &'a [Entry],
}

impl Group<'_> {
    pub(super) fn records(&self) -> Result<Vec<Record>, FileError> {
        self.entries.iter().map(|entry| self.index.record(entry)).collect()
    }
}

impl Index {
    fn record(&self, entry: &Entry) -> Result<Record, FileError> {
        let (path, file) = &self.files[entry.file as usize];
        let mut bytes = vec![0; entry.bytes as usize];
        file.read_exact_at(&mut bytes, entry.offset).map_err(|error| FileError::io(path, error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("the file changed while it was merged: {error}");
            FileError::bad_line(path, 0, message)
        })
    }
}
