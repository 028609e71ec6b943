//! What a drive's volatile cache leaves at a power cut.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// What a power cut leaves of the volatile cache and of writes in flight. See `docs/persistence.md`.
///
/// As text: `lose-all`, `keep-all`, `sample:SEED`, `violate:SEED`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CachePolicy {
    /// Nothing: the worst for whoever forgot to flush.
    #[default]
    LoseAll,
    /// Everything that was completed: as if the capacitors had been large enough.
    KeepAll,
    /// One of the images that the standard allows, by chance: each atomic write unit of each write
    /// survives or does not.
    Sample {
        /// With the number of commands and of power cycles so far it decides everything.
        seed: u64,
    },
    /// What no drive may do: as `Sample`, but writes are torn at any block whatever AWUPF says, and
    /// blocks at any byte, or turned to garbage.
    Violate {
        /// As for `Sample`.
        seed: u64,
    },
}

impl fmt::Display for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoseAll => f.write_str("lose-all"),
            Self::KeepAll => f.write_str("keep-all"),
            Self::Sample { seed } => write!(f, "sample:{seed}"),
            Self::Violate { seed } => write!(f, "violate:{seed}"),
        }
    }
}

impl FromStr for CachePolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, seed) = text.split_once(':').unzip();
        let seed = seed.map(str::parse::<u64>);
        Ok(match (word.unwrap_or(text), seed) {
            ("lose-all", None) => Self::LoseAll,
            ("keep-all", None) => Self::KeepAll,
            ("sample", Some(Ok(seed))) => Self::Sample { seed },
            ("violate", Some(Ok(seed))) => Self::Violate { seed },
            _ => {
                return Err(format!(
                    "{text:?} is not what a power cut can leave: there are lose-all, keep-all, sample:SEED and \
                     violate:SEED, a seed being a number from 0 to 2^64 - 1"
                ));
            }
        })
    }
}

impl TryFrom<String> for CachePolicy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_reads_back() {
        for text in ["lose-all", "keep-all", "sample:0", "violate:18446744073709551615"] {
            assert_eq!(
                text.parse::<CachePolicy>().map(|policy| policy.to_string()),
                Ok(text.into())
            );
        }
        assert_eq!("lose-all".parse(), Ok(CachePolicy::default()));
    }

    #[test]
    fn what_is_no_policy_is_refused_with_those_that_there_are() {
        for text in ["", "sample", "sample:", "sample:-1", "lose-all:3", "lose", "Sample:1"] {
            let refused = text.parse::<CachePolicy>().expect_err(text);
            assert!(refused.contains("there are lose-all"), "{refused}");
        }
    }
}
