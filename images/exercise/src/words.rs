//! What to exercise, as words of the command line.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use nvme_driver::Completion;

/// The requests that meet the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Reads of blocks that were written before.
    Read,
    /// Overwrites.
    Write,
    /// Flushes.
    Flush,
    /// None: the driver's own commands meet it, while it sets the controller up.
    Admin,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Flush, Self::Admin];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Flush => "flush",
            Self::Admin => "admin",
        }
    }
}

/// An exercise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// What meets the fault.
    pub op: Op,
    /// How the driver notices completions.
    pub completion: Completion,
}

/// The word of a way to notice completions.
const fn name_of(completion: Completion) -> &'static str {
    match completion {
        Completion::Interrupts => "interrupts",
        Completion::Polled => "polled",
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op={} completion={}", self.op.name(), name_of(self.completion))
    }
}

/// A command line that is no exercise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordsError(String);

impl fmt::Display for WordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: known are op=read|write|flush|admin, completion=interrupts|polled", self.0)
    }
}

impl core::error::Error for WordsError {}

impl FromStr for Words {
    type Err = WordsError;

    fn from_str(line: &str) -> Result<Self, WordsError> {
        let mut words = Self { op: Op::Read, completion: Completion::Interrupts };
        let completions = [Completion::Interrupts, Completion::Polled];
        for word in line.split_ascii_whitespace() {
            let unknown = || WordsError(word.to_string());
            match word.split_once('=').ok_or_else(unknown)? {
                ("op", name) => {
                    let op = Op::ALL.into_iter().find(|op| op.name() == name);
                    words.op = op.ok_or_else(unknown)?;
                }
                ("completion", name) => {
                    let found = completions.into_iter().find(|which| name_of(*which) == name);
                    words.completion = found.ok_or_else(unknown)?;
                }
                _ => return Err(unknown()),
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_reads_back_what_it_prints() {
        for op in Op::ALL {
            for completion in [Completion::Interrupts, Completion::Polled] {
                let words = Words { op, completion };
                assert_eq!(words.to_string().parse(), Ok(words));
            }
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_that_lists_the_known_ones() {
        for line in ["op", "op=trim", "completion=spun", "depth=3"] {
            let error = line.parse::<Words>().unwrap_err().to_string();
            assert!(error.contains(line) && error.contains("polled"), "{error}");
        }
    }
}
