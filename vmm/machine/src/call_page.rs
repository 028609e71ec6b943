//! The call page: what the guest and the lab device say to each other without an exit.
//!
//! Where an exit is dear, a guest names one page of its memory in [`super::lab_device::reg::CALL_PAGE`], or rings the bell
//! (below) of the one that is set aside for that ([`super::layout::CALL_PAGE`]). From then on, in the lab clock:
//!
//! - its first bytes are the wait block ([`super::lab_device::WaitBlock`]);
//! - register writes may be *posted*: put into the page with the position in the output that they come
//!   at. The device carries them out in order, before it handles the exit that comes next. While
//!   [`MAY_POST`] is set, nothing that a posted write does could be seen in memory before the next wait
//!   anyway, so a guest may post any write; otherwise it writes directly;
//! - output (text and frames) goes through a ring in memory, which is emptied at every exit;
//! - the first registers of the NVMe function can be read from the page, as of the last exit;
//! - with [`ANNOUNCE_ONLY`] interrupts are told by [`super::lab_device::WaitBlock::wake`] alone; none is
//!   delivered to the processor.
//!
//! The guest sees the same as with one exit an access: time stands still between two exits that wait.
//!
//! # The bell
//!
//! An access that has to be answered at once needs no exit either, as long as a thread of the host looks at [`BELL`].
//! The guest posts the write, if it is one, and rings; the thread carries out what is posted, exactly as at an exit, while the
//! guest does nothing but look at the bell. A register whose copy is not in the page is asked for in the same way
//! ([`ASKED_ADDRESS`]). One word says whose turn it is:
//!
//! ```text
//!             guest rings          thread takes it
//! ATTENDED ---------------> RUNG ---------------> ANSWERING
//!   |  ^                     |                        |
//!   |  +---------------------|------------------------+  answered
//!   | thread goes to sleep   | nobody came: the guest takes its call back
//!   v                        v
//! DESERTED <-----------------+        and makes the access by an exit
//! ```
//!
//! Every arrow is a compare-and-swap or belongs to the only one whose turn it is, so no call is answered twice. A
//! guest that has looked for long at a call that was taken leaves the processor once, by reading a register: the
//! machine lets it back in when the answer is there, or never if the call has ended the run.

use super::lab_device::WAIT_BLOCK_BYTES;

/// Bytes of the page; its address is a multiple of that.
pub const PAGE_BYTES: usize = 4096;

// Two processors hand the page to and fro by lines of 64 bytes, and each line costs both some hundred nanoseconds. So what changes
// with each call lies in the first, what is looked at all the time in another, where nothing else changes, and what changes
// seldom behind.

/// Device to guest, `u32`: [`MAY_POST`], [`HAS_REGISTERS`].
pub const STATE: usize = 24;
/// Guest to device, `u32`: posted writes in the page. The device sets it to zero.
pub const POSTED_COUNT: usize = 28;
/// Device to guest, `u64`: bytes ever taken out of the output ring.
pub const TAKEN: usize = 32;
/// Guest to device, `u64`: bytes ever put into it.
pub const WRITTEN: usize = 40;
/// Both ways, `u64`: the register that the guest asks for, or 0. The device answers when it has carried out what is
/// posted, and sets it to 0.
pub const ASKED_ADDRESS: usize = 48;
/// Device to guest, `u32`: what the register held that was asked for.
pub const ASKED_VALUE: usize = 56;
/// Both ways, `u32`: [`DESERTED`], [`ATTENDED`], [`RUNG`] or [`ANSWERING`].
pub const BELL: usize = 64;
/// Device to guest, `u64`: [`super::lab_device::MAGIC`] once the page was accepted.
pub const ACCEPTED: usize = 96;
/// Guest to device, `u32`, read when the page is named: [`ANNOUNCE_ONLY`].
pub const OPTIONS: usize = 104;
/// Guest to device, `u64`, read when the page is named: address of the output ring.
pub const OUTPUT_ADDRESS: usize = 112;
/// Guest to device, `u64`, read when the page is named: bytes of the output ring.
pub const OUTPUT_BYTES: usize = 120;
/// Device to guest, `u64`: where the registers are that are copied to [`REGISTERS`].
pub const REGISTERS_ADDRESS: usize = 128;
/// Device to guest: copies of registers, if [`HAS_REGISTERS`].
pub const REGISTERS: usize = 136;
/// How many bytes of registers: up to the controller's ready time-outs, all that a driver reads.
pub const REGISTERS_BYTES: usize = 112;
/// Guest to device: the posted writes, one after the other.
pub const POSTED: usize = 256;
/// The most posted writes.
pub const POSTED_MAX: usize = 128;

/// [`OPTIONS`]: interrupts are announced, not delivered.
pub const ANNOUNCE_ONLY: u32 = 1;
/// [`STATE`]: register writes may be posted.
pub const MAY_POST: u32 = 1;
/// [`STATE`]: the copies of the registers are good.
pub const HAS_REGISTERS: u32 = 2;

/// [`BELL`]: nobody looks at it; an access is an exit. What a page begins with.
pub const DESERTED: u32 = 0;
/// [`BELL`]: somebody looks at it.
pub const ATTENDED: u32 = 1;
/// [`BELL`]: the guest has a call.
pub const RUNG: u32 = 2;
/// [`BELL`]: the call is being answered.
pub const ANSWERING: u32 = 3;

/// Bytes of a posted write.
pub const POSTED_BYTES: usize = 24;

const _: () = assert!(POSTED + POSTED_MAX * POSTED_BYTES <= PAGE_BYTES);
const _: () = assert!(WAIT_BLOCK_BYTES <= STATE && ASKED_VALUE + 4 <= BELL);
const _: () = assert!(REGISTERS + REGISTERS_BYTES <= POSTED);

/// A posted write, little-endian: `address: u64, at: u64, value: u32`, four bytes of nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PostedWrite {
    /// Where: a physical address.
    pub address: u64,
    /// Bytes of output that come before it, counted as in [`WRITTEN`].
    pub at: u64,
    /// What.
    pub value: u32,
}

impl PostedWrite {
    /// The bytes in the page.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; POSTED_BYTES] {
        let mut bytes = [0; POSTED_BYTES];
        bytes[0..8].copy_from_slice(&self.address.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.value.to_le_bytes());
        bytes
    }

    /// Reads the bytes in the page.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; POSTED_BYTES]) -> Self {
        let word =
            |at: usize| bytes[at..at + 8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        Self { address: word(0), at: word(8), value: word(16) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posted_write_survives_the_round_trip() {
        let write = PostedWrite { address: 0xc000_1008, at: 7 << 40, value: 0xdead_beef };
        assert_eq!(PostedWrite::from_bytes(&write.to_bytes()), write);
    }
}
