//! Which part of a plan a process runs.

mod environment;

use std::fmt;
use std::str::FromStr;

use crate::UnitId;

/// How units are dealt to shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assignment {
    /// By the unit's name: a unit stays in its shard when others are added to the plan.
    #[default]
    Hash,
    /// By the place in the plan, in turn: shards differ by one unit at the most.
    Slice,
}

/// Part `index` of `count`, written `i/n`, `hash:i/n` or `slice:i/n`; counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
    assignment: Assignment,
}

/// A shard that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not the written form of a shard.
    #[error("{0:?} is not a shard: write i/n, hash:i/n or slice:i/n with 1 <= i <= n, such as 2/8")]
    Malformed(String),
    /// A variable of a batch system is there, but not what it should be.
    #[error("{variable}={value:?} is not a number that fits {needs}; unset it or give --shard")]
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it would have to be.
        needs: String,
    },
    /// A batch system says which part this is, but not of how many.
    #[error("{index} is set but {count} is not: say how many shards there are, or give --shard")]
    CountMissing {
        /// The variable that is there.
        index: &'static str,
        /// The variable that is not.
        count: &'static str,
    },
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { index: 1, count: 1, assignment: Assignment::Hash };

    /// Part `index` (from 1) of `count`; `None` unless `1 <= index <= count`.
    #[must_use]
    pub const fn new(index: u32, count: u32, assignment: Assignment) -> Option<Self> {
        if index == 0 || index > count {
            return None;
        }
        Some(Self { index, count, assignment })
    }

    /// Whether the unit `id`, at `place` of the sorted plan, belongs to this shard.
    #[must_use]
    pub fn contains(&self, id: UnitId, place: usize) -> bool {
        let number = match self.assignment {
            Assignment::Hash => id.number(),
            Assignment::Slice => place as u128,
        };
        number % u128::from(self.count) == u128::from(self.index - 1)
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.assignment {
            Assignment::Hash => "",
            Assignment::Slice => "slice:",
        };
        write!(f, "{prefix}{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ShardError::Malformed(text.to_owned());
        let (assignment, part) = match text.split_once(':') {
            None => (Assignment::Hash, text),
            Some(("hash", part)) => (Assignment::Hash, part),
            Some(("slice", part)) => (Assignment::Slice, part),
            Some(_) => return Err(malformed()),
        };
        let (index, count) = part.split_once('/').ok_or_else(malformed)?;
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| malformed());
        Self::new(number(index)?, number(count)?, assignment).ok_or_else(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_in_exactly_one_shard() {
        for assignment in [Assignment::Hash, Assignment::Slice] {
            for count in [1, 2, 7, 64] {
                let shards: Vec<Shard> =
                    (1..=count).filter_map(|index| Shard::new(index, count, assignment)).collect();
                for place in 0..500 {
                    let id = UnitId::of(&format!("unit {place}"));
                    let owners = shards.iter().filter(|shard| shard.contains(id, place)).count();
                    assert_eq!(owners, 1, "{assignment:?} {count} {place}");
                }
            }
        }
    }

    #[test]
    fn slices_differ_by_one_unit_at_the_most() {
        let sizes: Vec<usize> = (1..=7)
            .filter_map(|index| Shard::new(index, 7, Assignment::Slice))
            .map(|shard| (0..100).filter(|place| shard.contains(UnitId::of(""), *place)).count())
            .collect();
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&14), Some(&15)));
    }

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        for text in ["1/1", "2/8", "slice:7/7"] {
            assert_eq!(text.parse::<Shard>().map(|shard| shard.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("hash:2/8".parse::<Shard>(), "2/8".parse());
        for bad in ["", "0/4", "5/4", "1", "1/0", "a/b", "slice1/2", "count:1/2", "-1/2"] {
            assert_eq!(bad.parse::<Shard>(), Err(ShardError::Malformed(bad.to_owned())));
        }
    }
}
