//! Files of JSON lines: a header, then one object a line. What plans and ledgers have in common.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::Build;

/// Why a plan or a ledger cannot be used. Every message names the file, and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The host refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the host said.
        source: std::io::Error,
    },
    /// A line is not what it has to be.
    #[error(
        "{path}:{line}: {message}; the file is damaged or not swaplab's: restore it, or run its \
         shard again",
        path = path.display()
    )]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A new ledger was asked for, but there is one.
    #[error(
        "{path} exists: go on with it by --resume, or name another file",
        path = path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes to the ledger.
    #[error("{path} is being written by another process: wait for it, or name another file",
        path = path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The results belong to another plan.
    #[error(
        "{path} has results of plan {found}, not of {wanted}: give the plan it was made with",
        path = path.display()
    )]
    OtherPlan {
        /// The file.
        path: PathBuf,
        /// The plan in the file.
        found: String,
        /// The plan in hand.
        wanted: String,
    },
    /// The results are of another build.
    #[error(
        "{path} is from {found}, not from {wanted}: use that build, or insist with \
         --allow-other-build",
        path = path.display()
    )]
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// The build in the file.
        found: Box<Build>,
        /// The build in hand.
        wanted: Box<Build>,
    },
}

impl FileError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn bad_line(path: &Path, line: u64, message: impl ToString) -> Self {
        Self::BadLine { path: path.to_owned(), line, message: message.to_string() }
    }
}

/// A line of a file, with its place.
#[derive(Debug)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    /// Of its first byte.
    pub(crate) offset: u64,
    /// Without the newline. Not yet known to be UTF-8: a torn line may be anything.
    pub(crate) bytes: Vec<u8>,
    /// Whether the newline was there.
    pub(crate) is_whole: bool,
}

impl Line {
    /// The object in the line.
    pub(crate) fn parse<T: DeserializeOwned>(&self, path: &Path) -> Result<T, FileError> {
        serde_json::from_slice(&self.bytes)
            .map_err(|error| FileError::bad_line(path, self.number, error))
    }

    /// Where the next line starts.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64 + u64::from(self.is_whole)
    }
}

/// Reads a file line by line.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
    offset: u64,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(|error| FileError::io(path, error))?;
        Ok(Self { path: path.to_owned(), reader: BufReader::new(file), number: 0, offset: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, FileError> {
        let mut bytes = Vec::new();
        let read = self
            .reader
            .read_until(b'\n', &mut bytes)
            .map_err(|error| FileError::io(&self.path, error))?;
        if read == 0 {
            return Ok(None);
        }
        let is_whole = bytes.last() == Some(&b'\n');
        if is_whole {
            bytes.pop();
        }
        self.number += 1;
        let line = Line { number: self.number, offset: self.offset, bytes, is_whole };
        self.offset = line.end();
        Ok(Some(line))
    }

    /// The first line: a header of type `H`, which must be there.
    pub(crate) fn header<H: DeserializeOwned>(&mut self) -> Result<H, FileError> {
        match self.next()? {
            Some(line) => line.parse(&self.path),
            None => Err(FileError::bad_line(&self.path, 1, "there is no header line")),
        }
    }
}

/// One line of a file, with its newline.
pub(crate) fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("plain data with text keys is always JSON");
    bytes.push(b'\n');
    bytes
}
