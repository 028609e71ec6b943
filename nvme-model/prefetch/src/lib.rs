//! Asks the processor's caches for memory that somebody will read soon, and does not wait for it.
//!
//! What it does not do: it reads nothing and changes nothing, so nothing but time tells whether it was called. On
//! processors other than x86-64 it does nothing at all.

#![no_std]
// UNSAFETY: the instruction takes an address, and its only form in the standard library is a function on a
// raw pointer.
#![expect(unsafe_code)]

/// What the caches fetch at once.
const LINE_BYTES: usize = 64;

/// So many lines at the beginning of a run; after these, the processor sees by itself where the reader goes.
/// Measured with blocks of 4096 bytes: 2 to 8 are equal within the noise, 1 and all 64 are slower.
const HEAD_LINES: usize = 8;

/// Asks for the first line of a value.
#[inline]
pub fn value<T>(value: &T) {
    line(core::ptr::from_ref(value).cast());
}

/// Asks for the beginning, which is 512 bytes, and for the last line of bytes that lie `first..=last` behind the
/// beginning of `near`. They need not be part of it, nor be memory. The last line is asked for because of its
/// page, which may be another one.
#[inline]
pub fn run<T>(near: &T, first: usize, last: usize) {
    let near = core::ptr::from_ref(near).cast::<u8>();
    for number in 0..HEAD_LINES {
        line(near.wrapping_add(first).wrapping_add(number * LINE_BYTES));
    }
    line(near.wrapping_add(last));
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line(at: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    // SAFETY: the instruction is a hint. It neither reads nor writes as far as the program can tell, and an
    // address that is not mapped is ignored; every x86-64 has it (SSE).
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn line(_at: *const u8) {}

#[cfg(test)]
mod tests {
    /// There is nothing else to see: no fault, whatever the place, and no change.
    #[test]
    fn nothing_is_changed_and_no_place_is_wrong() {
        let page = [7_u8; 4096];
        super::value(&page);
        for first in [0, 1, 4095, 1 << 40, usize::MAX] {
            for last in [0, 63, 4095, 4096, 1 << 40, usize::MAX] {
                super::run(&page, first, last);
            }
        }
        assert_eq!(page, [7; 4096]);
    }
}
