//! The result as lines of text, in both directions: the guest prints them, a test reads them.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use crate::verdict::Verdict;

/// What a line begins with.
const MARK: &str = "check ";

/// One check's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The check.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}: {}", self.name, self.verdict)
    }
}

/// The text is not the line of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCheck;

impl FromStr for Line {
    type Err = NoCheck;

    fn from_str(text: &str) -> Result<Self, NoCheck> {
        let (name, rest) =
            text.strip_prefix(MARK).and_then(|rest| rest.split_once(": ")).ok_or(NoCheck)?;
        let verdict = match rest.split_once(": ") {
            None if rest == "passed" => Verdict::Passed,
            Some(("skipped", what)) => Verdict::Skipped(what.to_string()),
            Some(("FAILED", what)) => Verdict::Failed(what.to_string()),
            _ => return Err(NoCheck),
        };
        Ok(Self { name: name.to_string(), verdict })
    }
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Passed.
    pub passed: u32,
    /// Skipped.
    pub skipped: u32,
    /// Failed.
    pub failed: u32,
}

impl Summary {
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Failed(_) => &mut self.failed,
        } += 1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, skipped, failed } = self;
        write!(f, "conformance: {passed} passed, {skipped} skipped, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_from_its_own_text() {
        for verdict in [
            Verdict::Passed,
            Verdict::Skipped("no compare".into()),
            Verdict::Failed("found: a, not b".into()),
        ] {
            let line = Line { name: "io::it_reads".into(), verdict };
            assert_eq!(line.to_string().parse(), Ok(line));
        }
    }

    #[test]
    fn other_text_is_no_line() {
        for text in ["", "check", "check it", "check it: maybe", "conformance: 3 passed"] {
            assert_eq!(text.parse::<Line>(), Err(NoCheck), "{text}");
        }
    }
}
