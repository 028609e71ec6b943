//! Numbers in rules. Each error says the whole range, whatever was wrong with the number.

use std::ops::Range;

use super::error::Complaint;

/// A number, decimal or with `0x`; `_` may stand between digits. `None` if it is none, or too large.
pub(super) fn digits(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    let is_digit = |c: char| c == '_' || c.is_digit(radix);
    let is_number =
        digits.chars().all(is_digit) && !digits.starts_with('_') && !digits.ends_with('_');
    u64::from_str_radix(&digits.replace('_', ""), radix).ok().filter(|_| is_number)
}

/// Any number of 64 bits.
pub(super) fn number(value: &str) -> Result<u64, Complaint> {
    digits(value)
        .ok_or_else(|| Complaint::new("expected a number from 0 to 2^64 - 1, such as 12 or 0x1f"))
}

/// A number that is not 0.
pub(super) fn positive(value: &str) -> Result<u64, Complaint> {
    digits(value)
        .filter(|number| *number > 0)
        .ok_or_else(|| Complaint::new("expected a number from 1 to 2^64 - 1, such as 12 or 0x1f"))
}

/// A number up to `max`.
pub(super) fn small<T: TryFrom<u64> + Into<u64> + Copy>(
    value: &str,
    max: T,
) -> Result<T, Complaint> {
    let max = max.into();
    let found = digits(value).filter(|number| *number <= max);
    found.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        let example = if max > 0x1f { "12 or 0x1f" } else { "1" };
        Complaint::new(format!("expected a number from 0 to {max}, such as {example}"))
    })
}

/// `FIRST..END` or a single one, of blocks or whatever `thing` says.
pub(super) fn range(value: &str, thing: &str) -> Result<Range<u64>, Complaint> {
    let range = match value.split_once("..") {
        Some((first, end)) => digits(first).zip(digits(end)).map(|(first, end)| first..end),
        None => digits(value).and_then(|first| Some(first..first.checked_add(1)?)),
    };
    range.filter(|range| !range.is_empty()).ok_or_else(|| {
        Complaint::new(format!(
            "expected {thing}s as FIRST..END, not empty, or one {thing}, up to 2^64 - 1, such as \
             0x10..0x20"
        ))
    })
}

/// One or two hexadecimal digits.
pub(super) fn hex_byte(text: &str) -> Option<u8> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u8::from_str_radix(text, 16).ok().filter(|_| is_hex && text.len() <= 2)
}

/// A decimal fraction, in units of ten to the power of minus `places`, which it may have at most.
pub(super) fn decimal(value: &str, places: usize) -> Option<u32> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_make_a_number() {
        for (text, number) in [
            ("0", Some(0)),
            ("1_000", Some(1000)),
            ("0x1f", Some(31)),
            ("0xffff_ffff_ffff_ffff", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("_", None),
            ("_1", None),
            ("1_", None),
            ("+1", None),
            ("-1", None),
            ("0x", None),
            ("0x+1", None),
            ("1f", None),
        ] {
            assert_eq!(digits(text), number, "{text}");
        }
        for (text, byte) in
            [("c1", Some(0xc1)), ("7", Some(7)), ("+1", None), ("", None), ("001", None)]
        {
            assert_eq!(hex_byte(text), byte, "{text}");
        }
    }

    #[test]
    fn a_decimal_fraction_has_digits_on_both_sides_of_its_point() {
        for (text, parts) in [
            ("1", Some(1000)),
            ("0.25", Some(250)),
            ("0.001", Some(1)),
            ("0.0001", None),
            (".5", None),
            ("5.", None),
            (".", None),
            ("+1", None),
            ("4294967.296", None),
        ] {
            assert_eq!(decimal(text, 3), parts, "{text}");
        }
    }
}
