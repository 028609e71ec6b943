//! The proof of the filesystem: what it must keep, by whatever means somebody tries to take it away.
//!
//! | module | what it has |
//! |---|---|
//! | [`disk`] | a drive with a volatile cache, a write log, faults, and an end to its patience |
//! | [`op`], [`model`] | what users do, and what must come of it, page by page in memory |
//! | [`history`] | what a power cut may take back, and what was promised |
//! | [`player`] | both at once: each answer of the filesystem is compared |
//! | [`ace`], [`crash`] | all short sequences, cut at every media event, times what the cache may lose |
//! | [`session`], [`random`] | long random histories with faults, full drives, remounts and power cuts |
//! | [`errors`] | the n-th request fails, for every n |
//! | [`mod@format`], [`hostile`] | every field on the disk, from the text of the format, and images that lie |
//!
//! What it does not do: it knows no code of the filesystem but its interface, and no engine: requests go to
//! the media of the controller model without controller and driver between them.
#![forbid(unsafe_code)]

pub mod ace;
pub mod crash;
pub mod dice;
pub mod disk;
pub mod errors;
pub mod format;

pub mod history;
pub mod hostile;
pub mod hunt;
pub mod lookup;
pub mod model;
pub mod observe;
pub mod op;
mod perform;
pub mod player;
pub mod random;
pub mod session;

use std::fmt;

/// Who noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oracle {
    /// An answer of the running filesystem is not the model's.
    Answer,
    /// What a power cut left cannot be mounted.
    Mount,
    /// What is there after a power cut is nothing that may be there.
    Content,
    /// The check found something.
    Fsck,
    /// Something was left unfinished that a mount finishes.
    Leak,
}

/// Something is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who noticed.
    pub oracle: Oracle,
    /// What is wrong.
    pub what: String,
}

impl Failure {
    /// A failure that `oracle` noticed.
    pub fn new(oracle: Oracle, what: impl Into<String>) -> Self {
        Self { oracle, what: what.into() }
    }

    /// Where it happened.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.what = format!("{place}: {}", self.what);
        self
    }

    /// What led to it.
    #[must_use]
    pub fn after(mut self, trail: impl fmt::Display) -> Self {
        self.what = format!("{}, after{trail}", self.what);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.oracle, self.what)
    }
}
