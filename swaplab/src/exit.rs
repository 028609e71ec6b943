//! Exit codes: a promise to scripts.

use std::process::ExitCode;

use campaign::engine::EngineError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was as expected.
    Expected = 0,
    /// Something was found.
    Findings = 1,
    /// The user or the machine can put it right.
    Usage = 2,
    /// The laboratory itself failed.
    Infrastructure = 3,
    /// Nothing was found so far, and not everything was run.
    Incomplete = 4,
}

impl Exit {
    /// Prints `message` as an error and gives this exit.
    pub(crate) fn with(self, message: &dyn std::fmt::Display) -> Self {
        eprintln!("swaplab: {message}");
        self
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<EngineError> for Exit {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Environment(_) => Self::Usage.with(&error),
            EngineError::Infrastructure(_) => Self::Infrastructure.with(&error),
        }
    }
}
