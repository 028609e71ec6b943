//! The kernel command line: words of the form `key=value`.
//!
//! The kernel takes the keys it knows; all others belong to the program, which must refuse what it
//! does not know. A word without `=`, an empty key and a key given twice are errors here: a knob that
//! is silently ignored makes a run worthless.

use core::fmt;
use core::ops::RangeInclusive;

/// Why a command line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<'a> {
    /// A word is not of the form `key=value`.
    NotKeyValue(&'a str),
    /// A key is given twice.
    Twice(&'a str),
    /// A key's value is not a number (decimal or `0x` hexadecimal) that fits.
    NotANumber {
        /// The key.
        key: &'a str,
        /// What stands there.
        value: &'a str,
    },
    /// A key's value is a number outside of its range.
    OutOfRange {
        /// The key.
        key: &'a str,
        /// What stands there.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// A key's value is none of the words allowed.
    NotAChoice {
        /// The key.
        key: &'a str,
        /// What stands there.
        value: &'a str,
        /// What may stand there.
        choices: &'static str,
    },
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKeyValue(word) => {
                write!(f, "command line: `{word}` is not of the form key=value")
            }
            Self::Twice(key) => write!(f, "command line: `{key}` is given twice"),
            Self::NotANumber { key, value } => {
                write!(f, "command line: `{key}={value}` needs a number (decimal or 0x...)")
            }
            Self::OutOfRange { key, value, min, max } => {
                write!(f, "command line: `{key}={value}` is not between {min} and {max}")
            }
            Self::NotAChoice { key, value, choices } => {
                write!(f, "command line: `{key}={value}` needs one of {choices}")
            }
        }
    }
}

impl core::error::Error for Error<'_> {}

/// A well-formed command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLine<'a>(&'a str);

impl<'a> CommandLine<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`Error::NotKeyValue`] or [`Error::Twice`].
    pub fn parse(text: &'a str) -> Result<Self, Error<'a>> {
        for (index, word) in text.split_ascii_whitespace().enumerate() {
            let key = match word.split_once('=') {
                Some((key, _)) if !key.is_empty() => key,
                _ => return Err(Error::NotKeyValue(word)),
            };
            let is_key = |earlier: &str| earlier.split_once('=').is_some_and(|(k, _)| k == key);
            if text.split_ascii_whitespace().take(index).any(is_key) {
                return Err(Error::Twice(key));
            }
        }
        Ok(Self(text))
    }

    /// All words, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.split_ascii_whitespace().filter_map(|word| word.split_once('='))
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(self, key: &str) -> Option<&'a str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The value of `key` as a number.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if there is a value and it is none.
    pub fn number(self, key: &'a str) -> Result<Option<u64>, Error<'a>> {
        self.get(key)
            .map(|value| parse_number(value).ok_or(Error::NotANumber { key, value }))
            .transpose()
    }

    /// The value of `key` as a number in `range`.
    ///
    /// # Errors
    /// [`Error::NotANumber`] or [`Error::OutOfRange`] if there is a value and it is wrong.
    pub fn number_in(
        self,
        key: &'a str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Error<'a>> {
        match self.number(key)? {
            Some(value) if !range.contains(&value) => {
                let (min, max) = range.into_inner();
                Err(Error::OutOfRange { key, value, min, max })
            }
            value => Ok(value),
        }
    }

    /// The value of `key` as `on` or `off`.
    ///
    /// # Errors
    /// [`Error::NotAChoice`] if there is a value and it is neither.
    pub fn switch(self, key: &'a str) -> Result<Option<bool>, Error<'a>> {
        match self.get(key) {
            None => Ok(None),
            Some("on") => Ok(Some(true)),
            Some("off") => Ok(Some(false)),
            Some(value) => Err(Error::NotAChoice { key, value, choices: "on, off" }),
        }
    }
}

fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_and_numbers_read_in_both_bases() {
        let line = CommandLine::parse("  program=x ecam=0xe0000000\tn=12 ").unwrap();
        assert_eq!(line.get("program"), Some("x"));
        assert_eq!(line.number("ecam"), Ok(Some(0xe000_0000)));
        assert_eq!(line.number("n"), Ok(Some(12)));
        assert_eq!(line.number("absent"), Ok(None));
    }

    #[test]
    fn a_value_may_contain_the_separator_and_may_be_empty() {
        let line = CommandLine::parse("a=b=c d=").unwrap();
        assert_eq!(line.get("a"), Some("b=c"));
        assert_eq!(line.get("d"), Some(""));
    }

    #[test]
    fn malformed_words_and_repeated_keys_are_refused() {
        assert_eq!(CommandLine::parse("quiet"), Err(Error::NotKeyValue("quiet")));
        assert_eq!(CommandLine::parse("=1"), Err(Error::NotKeyValue("=1")));
        assert_eq!(CommandLine::parse("a=1 b=2 a=3"), Err(Error::Twice("a")));
    }

    #[test]
    fn wrong_values_are_errors_and_not_defaults() {
        let line = CommandLine::parse("n=12k big=0x10000000000000000 t=yes u=on m=5").unwrap();
        assert!(matches!(line.number("n"), Err(Error::NotANumber { .. })));
        assert!(matches!(line.number("big"), Err(Error::NotANumber { .. })));
        assert!(matches!(line.number_in("m", 1..=4), Err(Error::OutOfRange { value: 5, .. })));
        assert_eq!(line.number_in("m", 1..=5), Ok(Some(5)));
        assert!(matches!(line.switch("t"), Err(Error::NotAChoice { .. })));
        assert_eq!(line.switch("u"), Ok(Some(true)));
    }
}
