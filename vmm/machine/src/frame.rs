//! The console's byte stream: plain text, with binary frames in between.
//!
//! Text is UTF-8 and never contains [`START`]. A frame is `START, kind, length: u16 LE, payload`. A
//! guest that is asked for no records sends text only, so any terminal can show it.

/// The byte that begins a frame (ASCII SOH).
pub const START: u8 = 0x01;

/// Bytes before a frame's payload.
pub const HEADER_BYTES: usize = 4;

/// The longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 32 * 128;

/// Frame kind: whole trace records of 32 bytes each, one after the other.
pub const KIND_RECORDS: u8 = 1;

/// The header of a frame.
#[must_use]
pub fn header(kind: u8, payload_bytes: u16) -> [u8; HEADER_BYTES] {
    let [low, high] = payload_bytes.to_le_bytes();
    [START, kind, low, high]
}
