//! The lab device: how the guest reads the clock and waits, at one exit a wait.
//!
//! The guest puts a [`WaitBlock`] anywhere in its memory, names it once in [`reg::WAIT_BLOCK`], and
//! writes to [`reg::WAIT`] whenever it has nothing left to do. The device reads deadline and vector
//! from the block, lets time pass, and writes `now` and `wake` back before the access returns. In the
//! lab clock that is virtual time: the controller is stepped from event to event. In the wall clock
//! the access returns when the interrupt was raised or the deadline has passed for real.
//!
//! "Raised" means that the machine delivered an MSI with that interrupt-vector number since the last
//! wait for it: a masked or lost interrupt wakes nobody. The guest then takes the interrupt itself.

/// Register offsets in BAR 0 (4 KiB of memory space).
pub mod reg {
    /// Read, 64 bits: [`super::MAGIC`].
    pub const MAGIC: u64 = 0x00;
    /// Read, 64 bits: nanoseconds since power-on.
    pub const NOW: u64 = 0x08;
    /// Write, 64 bits: guest-physical address of the wait block, 8-byte aligned.
    pub const WAIT_BLOCK: u64 = 0x10;
    /// Write, 32 bits, any value: wait.
    pub const WAIT: u64 = 0x18;
    /// Write, 32 or 64 bits: guest-physical address of the call page ([`crate::call_page`]), which then holds
    /// the wait block too.
    pub const CALL_PAGE: u64 = 0x20;
    /// Read, 64 bits: 1 if time passes by itself (the wall clock), 0 if only a wait moves it.
    pub const IS_RUNNING: u64 = 0x28;
}

/// `SWAPLAB` and the version of this interface, as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"SWAPLAB\x03");

/// Bytes of BAR 0.
pub const BAR_BYTES: u64 = 0x1000;

/// Bytes of the wait block.
pub const WAIT_BLOCK_BYTES: usize = 24;

/// [`WaitBlock::wake`]: the deadline passed.
pub const WAKE_DEADLINE: u32 = 0;
/// [`WaitBlock::wake`]: the vector was raised.
pub const WAKE_INTERRUPT: u32 = 1;

/// The wait block, in this order, little-endian: `deadline_ns: u64, vector: u32, wake: u32, now_ns: u64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitBlock {
    /// Guest to device: wake at this time at the latest (ns since power-on; `u64::MAX` = never).
    pub deadline_ns: u64,
    /// Guest to device: the interrupt-vector number (as in the MSI data, 32-255) to wait for.
    pub vector: u32,
    /// Device to guest: why it returned.
    pub wake: u32,
    /// Device to guest: the time now.
    pub now_ns: u64,
}

impl WaitBlock {
    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; WAIT_BLOCK_BYTES] {
        let mut bytes = [0; WAIT_BLOCK_BYTES];
        bytes[0..8].copy_from_slice(&self.deadline_ns.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.vector.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.wake.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.now_ns.to_le_bytes());
        bytes
    }

    /// Reads the bytes in guest memory.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; WAIT_BLOCK_BYTES]) -> Self {
        let u32_at =
            |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        let u64_at = |i: usize| u64::from(u32_at(i + 4)) << 32 | u64::from(u32_at(i));
        Self { deadline_ns: u64_at(0), vector: u32_at(8), wake: u32_at(12), now_ns: u64_at(16) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_block_survives_the_round_trip() {
        let block = WaitBlock { deadline_ns: u64::MAX - 1, vector: 0x31, wake: 1, now_ns: 7 << 40 };
        assert_eq!(WaitBlock::from_bytes(&block.to_bytes()), block);
    }
}
