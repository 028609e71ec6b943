//! The timestamp: milliseconds that go on with the controller's time.
// Spec: NVMe-Base-2.0c 5.27.1.11 "Timestamp (Feature Identifier 0Eh)"

use nvme_spec::feature::{TIMESTAMP_BYTES, TIMESTAMP_SET_BY_HOST};

const NS_PER_MS: u64 = 1_000_000;

/// The timestamp has 48 bits.
const MASK: u64 = (1 << 48) - 1;

/// A value and when it was valid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timestamp {
    set_ms: u64,
    set_at_ns: u64,
    is_set_by_host: bool,
}

impl Timestamp {
    /// Zero, at this time.
    pub(crate) fn starting_at(now_ns: u64) -> Self {
        Self { set_at_ns: now_ns, ..Self::default() }
    }

    /// The host says what time it is.
    pub(crate) fn set(&mut self, bytes: [u8; TIMESTAMP_BYTES], now_ns: u64) {
        let set_ms = u64::from_le_bytes(bytes) & MASK;
        *self = Self { set_ms, set_at_ns: now_ns, is_set_by_host: true };
    }

    /// Milliseconds since the value was set, or since the reset.
    pub(crate) fn elapsed_ms(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.set_at_ns).checked_div(NS_PER_MS).unwrap_or(0)
    }

    /// The eight bytes as a number: 48 bits of milliseconds, then where they come from.
    pub(crate) fn to_raw(self, now_ns: u64) -> u64 {
        let ms = self.set_ms.saturating_add(self.elapsed_ms(now_ns)) & MASK;
        let origin = if self.is_set_by_host { TIMESTAMP_SET_BY_HOST } else { 0 };
        u64::from(origin) << 48 | ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_goes_on_and_says_who_set_it() {
        let mut timestamp = Timestamp::starting_at(5_000_000);
        assert_eq!(timestamp.to_raw(7_999_999).to_le_bytes(), [2, 0, 0, 0, 0, 0, 0, 0]);
        timestamp.set([0xff, 0xff, 0xff, 0xff, 0xff, 0, 9, 9], 10_000_000);
        assert_eq!(timestamp.to_raw(11_000_000).to_le_bytes(), [0, 0, 0, 0, 0, 1, 2, 0]);
    }
}
