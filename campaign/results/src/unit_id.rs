//! The name of a unit: the hash of its text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first 128 bits of the SHA-256 of a unit's canonical text.
///
/// Two campaigns that contain the same unit give it the same name, whatever else they contain. With 10^9
/// units the chance of one collision is below 10^-20.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct UnitId(u128);

impl UnitId {
    /// The name of the unit with this canonical text.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        let digest = Sha256::digest(canonical.as_bytes());
        let first: [u8; 16] = std::array::from_fn(|index| digest[index]);
        Self(u128::from_be_bytes(first))
    }

    /// The name as a number, evenly spread over all numbers.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not the name of a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a unit's name: need 32 hexadecimal digits, lower case")]
pub struct ParseUnitIdError(String);

impl FromStr for UnitId {
    type Err = ParseUnitIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(ParseUnitIdError(text.to_owned()));
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseUnitIdError(text.to_owned()))
    }
}

impl From<UnitId> for String {
    fn from(id: UnitId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for UnitId {
    type Error = ParseUnitIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_start_of_the_sha_256_of_the_text() {
        // The hash of the empty text is in every table.
        assert_eq!(UnitId::of("").to_string(), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_ne!(UnitId::of("a"), UnitId::of("b"));
    }

    #[test]
    fn a_name_is_read_as_it_is_written_and_in_no_other_form() {
        let id = UnitId::of("seed=1");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in
            ["", "12", "E3B0C44298FC1C149AFBF4C8996FB924", "+3b0c44298fc1c149afbf4c8996fb924"]
        {
            assert_eq!(bad.parse::<UnitId>(), Err(ParseUnitIdError(bad.to_owned())));
        }
    }
}
