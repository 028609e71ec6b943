//! What a check finds.

use alloc::string::{String, ToString};
use core::fmt;

/// Why a check does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The controller does not claim to have this.
    NotThere(&'static str),
    /// The controller does something else than it should.
    Wrong(String),
}

impl Trouble {
    pub(crate) fn text(self) -> String {
        match self {
            Self::NotThere(what) => what.to_string(),
            Self::Wrong(what) => what,
        }
    }
}

/// What a check returns.
pub(crate) type Outcome = Result<(), Trouble>;

/// Ends the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err($crate::verdict::Trouble::Wrong(alloc::format!($($text)*)));
        }
    };
}
pub(crate) use ensure;

/// Ends the check as skipped unless the controller has what it needs.
pub(crate) fn need(has: bool, what: &'static str) -> Outcome {
    if has { Ok(()) } else { Err(Trouble::NotThere(what)) }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Passed,
    /// The controller does not claim to have what is checked.
    Skipped(String),
    /// It does something else: what.
    Failed(String),
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Ok(()) => Self::Passed,
            Err(Trouble::NotThere(what)) => Self::Skipped(what.to_string()),
            Err(Trouble::Wrong(what)) => Self::Failed(what),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Skipped(what) => write!(f, "skipped: {what}"),
            Self::Failed(what) => write!(f, "FAILED: {what}"),
        }
    }
}
