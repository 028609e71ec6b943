//! Copies past the processor's caches.
//!
//! A store to a line that is in no cache fetches the line first, only to overwrite it. Streaming stores (MOVNTDQ) gather whole
//! lines and send them to memory: for a block that nobody reads soon, half of the way. They are not in order with other stores
//! (Intel SDM volume 1, 10.4.6.2 "Caching of Temporal vs. Non-Temporal Data"), so there is an end to it: [`settle`].
//!
//! What it does not do: it is slower than a plain copy where the destination is in a cache, since the line is thrown out of it. On
//! processors other than x86-64 it is a plain copy.

// UNSAFETY: reads guest memory by address; the stores and the fence have no safe form in the standard library.
#![expect(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__m128i, _mm_sfence, _mm_stream_si128};

/// Copies to `dst`. This thread finds it there; others only once it has called [`settle`].
///
/// # Safety
/// `dst.len()` bytes from `src` on can be read and are not a part of `dst`. No other thread gets to see `dst` before this one has
/// called [`settle`].
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn copy(src: *const u8, dst: &mut [u8]) {
    // SAFETY: a line is bytes, and any bytes are one.
    let (head, lines, tail) = unsafe { dst.align_to_mut::<Line>() };
    // SAFETY: the head of `dst` and that of `src`, which the caller vouches for.
    unsafe { src.copy_to_nonoverlapping(head.as_mut_ptr(), head.len()) };
    let mut next = src.wrapping_add(head.len());
    for line in lines {
        // All is loaded before it is stored, so that the line fills at once.
        // SAFETY: the next bytes of `src`, as many as are left of `dst` or fewer.
        line.stream(unsafe { next.cast::<[__m128i; 4]>().read_unaligned() });
        next = next.wrapping_add(size_of::<Line>());
    }
    // SAFETY: the last bytes of both.
    unsafe { next.copy_to_nonoverlapping(tail.as_mut_ptr(), tail.len()) };
}

/// # Safety
/// As on x86-64.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn copy(src: *const u8, dst: &mut [u8]) {
    // SAFETY: as the caller says.
    unsafe { src.copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) }
}

/// What memory moves at once.
#[cfg(target_arch = "x86_64")]
#[repr(align(64))]
struct Line([u8; 64]);

#[cfg(target_arch = "x86_64")]
impl Line {
    #[inline]
    fn stream(&mut self, parts: [__m128i; 4]) {
        let place = self.0.as_mut_ptr().cast::<__m128i>();
        for (number, part) in parts.into_iter().enumerate() {
            // SAFETY: a quarter of this line, aligned as a line is; every x86-64 has the instruction (SSE2). What it takes
            // to make it visible is the duty of who calls `copy`.
            unsafe { _mm_stream_si128(place.wrapping_add(number), part) };
        }
    }
}

/// From here on every thread finds what this one has copied.
#[inline]
pub(super) fn settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction waits, and nothing else; every x86-64 has it (SSE).
    unsafe {
        _mm_sfence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_arrives_wherever_it_begins_and_none_beside() {
        let src: Vec<u8> = (0..9000).map(|at| (at % 251 + 1) as u8).collect();
        for (from, to, length) in [
            (0, 0, 0),
            (3, 1, 1),
            (1, 63, 2),
            (0, 0, 64),
            (5, 1, 63),
            (7, 60, 68),
            (0, 0, 4096),
            (9, 16, 4096),
            (3, 33, 8191),
        ] {
            let mut dst = vec![0; 9000];
            // SAFETY: both ranges are inside of their vectors, and no other thread knows these.
            unsafe { copy(src[from..].as_ptr(), &mut dst[to..to + length]) };
            settle();
            assert_eq!(
                dst[to..to + length],
                src[from..from + length],
                "{length} from {from} to {to}"
            );
            let beside = dst[..to].iter().chain(&dst[to + length..]);
            assert!(beside.copied().all(|byte| byte == 0), "{length} from {from} to {to}");
        }
    }

    #[test]
    fn another_thread_finds_what_was_settled() {
        let src = [7; 4096];
        for _ in 0..100 {
            let mut dst = vec![0; 4096];
            // SAFETY: as above; the thread begins behind `settle`.
            unsafe { copy(src.as_ptr(), &mut dst) };
            settle();
            let seen = std::thread::spawn(move || dst);
            assert_eq!(seen.join().expect("no panic"), src);
        }
    }
}
