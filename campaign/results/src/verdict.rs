//! Verdicts as a ledger knows them: a word, and the oracle behind it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a run means, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictWord {
    /// Everything that was predicted was observed.
    Pass,
    /// An oracle objects.
    Fail,
    /// A control failed, as it must.
    ExpectedFail,
    /// What the unit is about did not happen.
    NotExercised,
    /// The guest waits for something that will never happen, in virtual time.
    Timeout,
    /// The machine or the host failed. Nothing is known about the unit: it may be run again.
    Infra,
}

impl VerdictWord {
    /// Every word, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Fail,
        Self::ExpectedFail,
        Self::NotExercised,
        Self::Timeout,
        Self::Infra,
    ];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::ExpectedFail => "EXPECTED_FAIL",
            Self::NotExercised => "NOT_EXERCISED",
            Self::Timeout => "TIMEOUT",
            Self::Infra => "INFRA",
        }
    }
}

/// A verdict, written `PASS` or `FAIL(oracle)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct VerdictLabel {
    /// The word.
    pub word: VerdictWord,
    /// The oracle that objected; only with `FAIL` and `EXPECTED_FAIL`, and always there.
    pub oracle: Option<String>,
}

impl VerdictLabel {
    /// A verdict without an oracle.
    #[must_use]
    pub const fn plain(word: VerdictWord) -> Self {
        Self { word, oracle: None }
    }
}

impl fmt::Display for VerdictLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word.name())?;
        match &self.oracle {
            Some(oracle) => write!(f, "({oracle})"),
            None => Ok(()),
        }
    }
}

/// A text that is not a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a verdict: known are PASS, FAIL(oracle), EXPECTED_FAIL(oracle), NOT_EXERCISED, \
     TIMEOUT, INFRA"
)]
pub struct ParseVerdictError(String);

impl FromStr for VerdictLabel {
    type Err = ParseVerdictError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseVerdictError(text.to_owned());
        let (word, oracle) = match text.split_once('(') {
            None => (text, None),
            Some((word, rest)) => (word, Some(rest.strip_suffix(')').ok_or_else(error)?)),
        };
        let word =
            VerdictWord::ALL.into_iter().find(|known| known.name() == word).ok_or_else(error)?;
        let needs_oracle = matches!(word, VerdictWord::Fail | VerdictWord::ExpectedFail);
        if needs_oracle != oracle.is_some_and(|name| !name.is_empty()) {
            return Err(error());
        }
        Ok(Self { word, oracle: oracle.map(str::to_owned) })
    }
}

impl From<VerdictLabel> for String {
    fn from(label: VerdictLabel) -> Self {
        label.to_string()
    }
}

impl TryFrom<String> for VerdictLabel {
    type Error = ParseVerdictError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_read_as_it_is_written() {
        for word in VerdictWord::ALL {
            let oracle = matches!(word, VerdictWord::Fail | VerdictWord::ExpectedFail)
                .then(|| "nothing-lost".to_owned());
            let label = VerdictLabel { word, oracle };
            assert_eq!(label.to_string().parse(), Ok(label));
        }
    }

    #[test]
    fn a_failure_without_its_oracle_and_an_oracle_without_a_failure_are_refused() {
        for bad in ["FAIL", "FAIL()", "FAIL(x", "PASS(x)", "pass", ""] {
            assert_eq!(bad.parse::<VerdictLabel>(), Err(ParseVerdictError(bad.to_owned())));
        }
    }
}
