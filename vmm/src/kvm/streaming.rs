//! Copies past the processor's caches.
//!
//! A store to a line that is in no cache fetches the line first, only to overwrite it. Streaming stores (MOVNTDQ) gather whole
//! lines and send them to memory: for a block that nobody reads soon, half of the way. They are not in order with other stores,
//! so there is an end to it: [`settle`].
//!
//! What it does not do: it is slower than a plain copy where the destination is in a cache, since the line is thrown out of it. On
//! processors other than x86-64 it is a plain copy.
// Spec: AMD64 APM volume 2, 7.3.1 "Special Coherency Considerations" and 7.4.1 "Write-Combining"

// UNSAFETY: reads guest memory by address; the stores and the fence have no safe form in the standard library.
#![expect(unsafe_code)]

/// What is stored at a time.
const LINE_BYTES: usize = 64;

/// Copies to `dst`. This thread finds it there; others only once it has called [`settle`].
///
/// # Safety
/// `dst.len()` bytes from `src` on can be read and are not a part of `dst`. No other thread gets to see `dst` before this one has
/// called [`settle`].
pub(super) unsafe fn copy(src: *const u8, dst: &mut [u8]) {
    let before = dst.as_ptr().align_offset(LINE_BYTES).min(dst.len());
    let (head, rest) = dst.split_at_mut(before);
    let (lines, tail) = rest.as_chunks_mut::<LINE_BYTES>();
    let behind = before + lines.len() * LINE_BYTES;
    // SAFETY: the three parts of `dst` are copied from the same parts of `src`, which the caller vouches for; each line
    // begins on a multiple of its size.
    unsafe {
        src.copy_to_nonoverlapping(head.as_mut_ptr(), head.len());
        for (line, at) in lines.iter_mut().zip((before..).step_by(LINE_BYTES)) {
            stream(src.add(at), line);
        }
        src.add(behind).copy_to_nonoverlapping(tail.as_mut_ptr(), tail.len());
    }
}

/// Copies one line.
///
/// # Safety
/// As [`copy`]; and `line` begins on a multiple of its size.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn stream(src: *const u8, line: &mut [u8; LINE_BYTES]) {
    use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};

    let (src, line) = (src.cast::<__m128i>(), line.as_mut_ptr().cast::<__m128i>());
    // SAFETY: four times 16 bytes on either side, from where the caller says; loads need no alignment, and stores have
    // the line's. Every x86-64 has both (SSE2). All is loaded before it is stored, so that the line fills at once.
    unsafe {
        let parts = [0, 1, 2, 3].map(|part| _mm_loadu_si128(src.add(part)));
        for (number, part) in parts.into_iter().enumerate() {
            _mm_stream_si128(line.add(number), part);
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn stream(src: *const u8, line: &mut [u8; LINE_BYTES]) {
    // SAFETY: as the caller says.
    unsafe { src.copy_to_nonoverlapping(line.as_mut_ptr(), line.len()) }
}

/// From here on every thread finds what this one has copied.
#[inline]
pub(super) fn settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction waits, and nothing else; every x86-64 has it (SSE).
    unsafe {
        core::arch::x86_64::_mm_sfence();
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
