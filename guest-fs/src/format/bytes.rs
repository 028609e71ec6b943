//! Little-endian numbers at byte offsets, without a way to panic.
//!
//! What lies outside of the bytes reads as zero and is not written: callers check ranges first, and a
//! hostile image that slips through gets a wrong answer instead of a crash.

macro_rules! get {
    ($get:ident, $type:ty) => {
        pub(crate) fn $get(bytes: &[u8], at: usize) -> $type {
            let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
            field.map_or(0, |field| <$type>::from_le_bytes(*field))
        }
    };
}

macro_rules! put {
    ($put:ident, $type:ty) => {
        pub(crate) fn $put(bytes: &mut [u8], at: usize, value: $type) {
            let field = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
            if let Some(field) = field {
                *field = value.to_le_bytes();
            }
        }
    };
}

get!(get_u16, u16);
get!(get_u32, u32);
get!(get_u64, u64);
put!(put_u16, u16);
put!(put_u64, u64);

/// Copies `src` to `at`, as far as there is room.
pub(crate) fn put_bytes(bytes: &mut [u8], at: usize, src: &[u8]) {
    let room = bytes.get_mut(at..).unwrap_or_default();
    for (slot, byte) in room.iter_mut().zip(src) {
        *slot = *byte;
    }
}

/// The `length` bytes at `at`; empty if they are not all there.
pub(crate) fn slice(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    bytes.get(at..at.saturating_add(length)).unwrap_or_default()
}
