//! UUIDs as text.

use std::fmt;
use std::fs;

use crate::exit::Exit;

/// Where Linux gives a new one each time.
const SOURCE: &str = "/proc/sys/kernel/random/uuid";

/// A UUID in its usual form.
pub(super) struct Uuid(pub(super) [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Reads one in its usual form.
pub(super) fn parse(text: &str) -> Option<[u8; 16]> {
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let is_right =
        |(at, byte): (usize, u8)| if is_dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    if text.len() != 36 || !text.bytes().enumerate().all(is_right) {
        return None;
    }
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    let mut uuid = [0; 16];
    for (at, byte) in uuid.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(uuid)
}

/// This one, or a new one.
pub(super) fn or_new(uuid: Option<[u8; 16]>) -> Result<[u8; 16], Exit> {
    if let Some(uuid) = uuid {
        return Ok(uuid);
    }
    let text = fs::read_to_string(SOURCE)
        .map_err(|error| Exit::Usage.with(&format!("{SOURCE}: {error}; name one with --uuid")))?;
    parse(text.trim()).ok_or_else(|| {
        Exit::Usage.with(&format!("{SOURCE}: {text:?} is no UUID; name one with --uuid"))
    })
}
