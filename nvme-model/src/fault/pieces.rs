//! Pieces of the rule language for the rules of other devices: times, delays, chances, flipped bits. They
//! are written, and drawn from a seed, as in a rule for the controller.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::delay::Distribution;
use super::error::Complaint;
use super::payload::Flip;
use super::progress::Chance;
use super::rule::Probability;
use super::time::{Time, time};
use super::{distributions, number, values};

/// A time, or what times are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Always so many nanoseconds.
    Fixed(u64),
    /// As the distribution says.
    Random(Distribution),
}

impl Delay {
    /// How long, in nanoseconds, at the `fired`th firing (from 1) of rule number `rule`.
    #[must_use]
    pub fn sample(&self, now_ns: u64, fired: u64, seed: u64, rule: u64) -> u64 {
        match self {
            Self::Fixed(ns) => *ns,
            Self::Random(distribution) => {
                distribution.sample(now_ns, fired, Chance { seed, rule }.delays(fired))
            }
        }
    }
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let delay = if text.contains('(') {
            distributions::distribution(text).map(Self::Random)
        } else {
            time(text).map(Self::Fixed)
        };
        delay.map_err(in_words)
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ns) => Time(*ns).fmt(f),
            Self::Random(distribution) => distribution.fmt(f),
        }
    }
}

impl FromStr for Probability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        values::chance(text).map_err(in_words)
    }
}

impl Probability {
    /// Whether it comes true for the `matched`th match (from 1) of rule number `rule`.
    #[must_use]
    pub fn holds(self, seed: u64, rule: u64, matched: u64) -> bool {
        let drawn = Chance { seed, rule }.draw(matched).checked_rem(1_000_000_000).unwrap_or(0);
        drawn < u64::from(self.parts_per_billion)
    }
}

impl FromStr for Flip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        values::flip(text).map_err(in_words)
    }
}

/// A time in nanoseconds: a number with ns, us, ms or s.
///
/// # Errors
/// What is wrong with the text.
pub fn time_ns(text: &str) -> Result<u64, String> {
    time(text).map_err(in_words)
}

/// A number from 1: decimal or with `0x`, `_` between digits if one likes.
///
/// # Errors
/// What is wrong with the text.
pub fn positive(text: &str) -> Result<u64, String> {
    number::positive(text).map_err(in_words)
}

/// `FIRST..END`, not empty, or a single one. `thing` is what they are, in one word: the error names it.
///
/// # Errors
/// What is wrong with the text.
pub fn range(text: &str, thing: &str) -> Result<Range<u64>, String> {
    number::range(text, thing).map_err(in_words)
}

fn in_words(complaint: Complaint) -> String {
    match &complaint.known[..] {
        [] => complaint.problem,
        known => format!("{}: known are {}", complaint.problem, known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_read_back_and_errors_list_what_is_known() {
        for text in ["5us", "normal(20us,5us)"] {
            let delay: Delay = text.parse().expect(text);
            assert_eq!(delay.to_string().parse(), Ok(delay));
        }
        let error = "cauchy(1us)".parse::<Delay>().expect_err("no such distribution");
        assert!(error.contains("known are uniform"), "{error}");
    }

    #[test]
    fn a_chance_comes_true_about_as_often_as_it_says() {
        let quarter: Probability = "0.25".parse().expect("a chance");
        let times = (1..=4000).filter(|matched| quarter.holds(1, 0, *matched)).count();
        assert!((900..=1100).contains(&times), "{times}");
    }
}
