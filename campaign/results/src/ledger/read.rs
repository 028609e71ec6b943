//! Reads a ledger, and knows damage from an interrupted write.

use std::path::Path;

use super::{LedgerHeader, SCHEMA};
use crate::lines::{FileError, Lines};
use crate::{Record, UnitId};

/// A record, and where it stands.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) record: Record,
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
}

/// Reads a ledger from its first record to its last.
#[derive(Debug)]
pub struct LedgerReader {
    lines: Lines,
    header: LedgerHeader,
    end: u64,
    is_torn: bool,
}

impl LedgerReader {
    /// Opens a ledger and reads its header.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let mut lines = Lines::open(path)?;
        let first = match lines.next()? {
            Some(line) if line.is_whole => line,
            _ => return Err(FileError::bad_line(path, 1, "there is no whole header line")),
        };
        let header: LedgerHeader = first.parse(path)?;
        if header.schema != SCHEMA {
            let message = format!("schema is {:?}, need {SCHEMA:?}", header.schema);
            return Err(FileError::bad_line(path, 1, message));
        }
        Ok(Self { lines, header, end: first.end(), is_torn: false })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &LedgerHeader {
        &self.header
    }

    /// Whether the last line was torn, once the end was reached. It was ignored.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Where the last whole record ends, in bytes.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// [`FileError::BadLine`] for a line that is damaged and not the last.
    pub fn next_record(&mut self) -> Result<Option<Record>, FileError> {
        Ok(self.next_placed()?.map(|placed| placed.record))
    }

    pub(crate) fn next_placed(&mut self) -> Result<Option<Placed>, FileError> {
        let Some(line) = self.lines.next()? else {
            return Ok(None);
        };
        match line
            .parse::<Record>(self.lines.path())
            .and_then(|record| self.check(record, line.number))
        {
            Ok(record) if line.is_whole => {
                self.end = line.end();
                Ok(Some(Placed { record, offset: line.offset, bytes: line.bytes.len() }))
            }
            // Whoever was killed while writing leaves the beginning of a line, or what the host's
            // filesystem had in its place; but only at the end.
            result => {
                if self.lines.next()?.is_some() {
                    return Err(result.err().unwrap_or_else(|| {
                        FileError::bad_line(self.lines.path(), line.number, "torn")
                    }));
                }
                self.is_torn = true;
                Ok(None)
            }
        }
    }

    fn check(&self, record: Record, line: u64) -> Result<Record, FileError> {
        let outcome = &record.outcome;
        if outcome.id == UnitId::of(&outcome.unit) {
            return Ok(record);
        }
        let message = format!("{} is not the name of this unit", outcome.id);
        Err(FileError::bad_line(self.lines.path(), line, message))
    }
}
