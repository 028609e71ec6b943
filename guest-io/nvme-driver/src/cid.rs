//! Command identifiers: which slot, and which use of that slot.
//!
//! The low byte is the slot, the high byte counts the commands that used the slot. A completion for
//! an earlier use (a duplicate, or an answer that comes after the command was given up) is thus told
//! apart from the answer to the command that owns the slot now.
//!
//! Invariant: a CID is never FFFFh, which the error log uses for "no command".
// Spec: NVMe-Base-2.0c 3.3.3.1 "Command Identifier (CID)"

/// The most slots of one queue. Slot 255 does not exist, so that FFFFh is no CID.
pub(crate) const SLOTS_MAX: usize = 255;

/// How often a slot was used; its low byte is in the CID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence(u64);

/// What a completion's CID says about a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The latest use of the slot.
    Current,
    /// An earlier use of the slot.
    Earlier,
    /// No use of the slot that this driver remembers.
    Never,
}

impl Sequence {
    /// Begins the next use.
    pub(crate) fn advance(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    /// The CID of the current use of `slot`.
    pub(crate) fn cid(self, slot: u8) -> u16 {
        u16::from_le_bytes([slot, self.low_byte()])
    }

    /// Which use of the slot `cid` names. Half of the sequence space counts as the past.
    pub(crate) fn classify(self, cid: u16) -> Match {
        let [_, named] = cid.to_le_bytes();
        match self.low_byte().wrapping_sub(named) {
            _ if self.0 == 0 => Match::Never,
            0 => Match::Current,
            age if age < 128 && u64::from(age) < self.0 => Match::Earlier,
            _ => Match::Never,
        }
    }

    fn low_byte(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// The slot that `cid` names, whether it exists or not.
pub(crate) fn slot_of(cid: u16) -> u8 {
    cid.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_earlier_use_is_told_apart_until_the_sequence_has_come_around_half() {
        for uses in 1..=1000_u64 {
            let now = Sequence(uses);
            for age in 0..uses.min(256) {
                let expected = match age {
                    0 => Match::Current,
                    1..128 => Match::Earlier,
                    _ => Match::Never,
                };
                let cid = Sequence(uses - age).cid(7);
                assert_eq!(now.classify(cid), expected, "{uses} uses, {age} ago");
            }
        }
    }

    #[test]
    fn a_slot_that_was_never_used_matches_nothing() {
        for cid in 0..=u16::MAX {
            assert_eq!(Sequence::default().classify(cid), Match::Never);
        }
    }

    #[test]
    fn a_use_that_is_still_to_come_is_no_match() {
        assert_eq!(Sequence(1).classify(Sequence(2).cid(0)), Match::Never);
        assert_eq!(Sequence(2).classify(Sequence(0).cid(0)), Match::Never);
    }

    #[test]
    fn no_slot_and_sequence_make_the_forbidden_cid() {
        for slot in 0..SLOTS_MAX as u8 {
            for uses in 0..256 {
                let cid = Sequence(uses).cid(slot);
                assert_ne!(cid, u16::MAX);
                assert_eq!(slot_of(cid), slot);
            }
        }
    }
}
