//! Times in rules: a whole number of a unit, as it is written and as it is read.

use std::fmt;

use super::error::Complaint;
use super::number::digits;

/// The units, with their nanoseconds, the largest first. A unit's name ends no name before it.
const UNITS: [(&str, u64); 4] = [("ms", 1_000_000), ("us", 1_000), ("ns", 1), ("s", 1_000_000_000)];

/// A time: a number with ns, us, ms or s.
pub(super) fn time(value: &str) -> Result<u64, Complaint> {
    nanoseconds(value).ok_or_else(|| {
        Complaint::new(
            "expected a time with its unit (ns, us, ms, s), up to 2^64 - 1 ns, such as 50us",
        )
    })
}

/// A time that is not 0.
pub(super) fn positive_time(value: &str) -> Result<u64, Complaint> {
    nanoseconds(value).filter(|ns| *ns > 0).ok_or_else(|| {
        Complaint::new(
            "expected a time from 1ns with its unit (ns, us, ms, s), up to 2^64 - 1 ns, such as 50us",
        )
    })
}

fn nanoseconds(value: &str) -> Option<u64> {
    let mut units = UNITS.iter();
    let (count, ns) = units.find_map(|(unit, ns)| Some((value.strip_suffix(unit)?, ns)))?;
    digits(count)?.checked_mul(*ns)
}

/// Nanoseconds in the largest unit of which they are a whole number: exact, and read back as they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ns) = *self;
        let whole = UNITS.iter().filter(|(_, unit)| ns != 0 && ns.is_multiple_of(*unit));
        let (name, unit) = whole.max_by_key(|(_, unit)| *unit).unwrap_or(&("ns", 1));
        write!(f, "{}{name}", ns.checked_div(*unit).unwrap_or(ns))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_shown_in_the_unit_that_needs_the_fewest_digits() {
        let cases = [
            (0, "0ns"),
            (999, "999ns"),
            (1_000_000, "1ms"),
            (1_500_000, "1500us"),
            (90_000_000_000, "90s"),
            (1_000_000_001, "1000000001ns"),
        ];
        for (ns, shown) in cases {
            assert_eq!(Time(ns).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn a_time_is_read_back_as_it_was(count: u64, unit in 0_u32..4) {
            let ns = count % 10_000 * 1000_u64.pow(unit);
            prop_assert_eq!(time(&Time(ns).to_string()), Ok(ns));
            prop_assert_eq!(time(&Time(count).to_string()), Ok(count));
        }
    }
}
