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

/// So many lines at the beginning of a run: enough for the processor to see where the reader goes. Measured with blocks
/// of 4096 bytes: 3 to 5 are equal within the noise, 1 and 8 are slower by a fiftieth, all 64 at once by a tenth.
const HEAD_LINES: usize = 4;

/// Asks for the first line of a value.
#[inline]
pub fn value<T>(value: &T) {
    line(core::ptr::from_ref(value).addr());
}

/// Asks for the line that is so many bytes behind the beginning of `near`, as [`run`] does.
#[inline]
pub fn behind<T>(near: &T, offset: usize) {
    line(core::ptr::from_ref(near).addr().wrapping_add(offset));
}

/// Asks for the beginning, which is 256 bytes, of bytes that lie `first..=last` behind the beginning of `near`. They need
/// not be part of it, nor be memory. Returns the others.
#[inline]
pub fn run<T>(near: &T, first: usize, last: usize) -> Rest {
    let near = core::ptr::from_ref(near).addr();
    let last = near.wrapping_add(last);
    let mut head = Rest { next: near.wrapping_add(first), lines: HEAD_LINES };
    head.ask(HEAD_LINES);
    Rest { next: head.next, lines: last.saturating_sub(head.next) / LINE_BYTES }
}

/// Lines of a run that nobody has asked for yet.
///
/// It is a place and no reference: if what was there is gone, somebody else's memory is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// The address of the next line.
    next: usize,
    lines: usize,
}

impl Rest {
    /// Asks for the next so many lines, as far as there are any.
    #[inline]
    pub fn ask(&mut self, lines: usize) {
        let lines = lines.min(self.lines);
        for _ in 0..lines {
            line(self.next);
            self.next = self.next.wrapping_add(LINE_BYTES);
        }
        self.lines = self.lines.saturating_sub(lines);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line(at: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    // SAFETY: the instruction is a hint. It neither reads nor writes as far as the program can tell, and an
    // address that is not mapped is ignored; every x86-64 has it (SSE).
    unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::without_provenance(at)) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn line(_at: usize) {}

#[cfg(test)]
mod tests {
    /// There is nothing else to see: no fault, whatever the place, and no change.
    #[test]
    fn nothing_is_changed_and_no_place_is_wrong() {
        let page = [7_u8; 4096];
        super::value(&page);
        [0, 4095, 1 << 40, usize::MAX].into_iter().for_each(|offset| super::behind(&page, offset));
        for first in [0, 1, 4095, 1 << 40, usize::MAX] {
            for last in [0, 63, 4095, 4096, 1 << 40, usize::MAX] {
                let mut rest = super::run(&page, first, last);
                (0..9).for_each(|_| rest.ask(10));
            }
        }
        assert_eq!(page, [7; 4096]);
    }

    #[test]
    fn a_run_ends_where_it_said_however_often_somebody_asks() {
        let page = [7_u8; 4096];
        let whole = super::run(&page, 0, 4095);
        let mut rest = whole;
        for _ in 0..whole.lines.div_ceil(10) {
            assert_ne!(rest.lines, 0);
            rest.ask(10);
        }
        let end = rest;
        rest.ask(10);
        assert_eq!(rest, end);
        assert!(end.next <= core::ptr::from_ref(&page).addr() + 4096);
        assert_eq!(super::run(&page, 0, 255).lines, 0, "the beginning was asked for at once");
    }
}
