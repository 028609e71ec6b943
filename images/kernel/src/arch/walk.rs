//! Accesses of the workload for which the program walks the page tables, as the processor does otherwise.
//!
//! Page by page, in ascending order: an entry that is absent is a fault, which the handler resolves or not; one that
//! is present becomes accessed, and dirty by a store; the bytes are in its frame, which the identity map reaches. What
//! it does not do: the fault is a call, so no register is saved and no stack changed.
// UNSAFETY: reaches frames that Rust knows nothing of.
#![expect(unsafe_code, reason = "frames of the workload")]

use core::ops::Range;
use core::sync::atomic::Ordering;

use hal::{Access, PAGE_BYTES};

use super::window::{ACCESSED, DIRTY, Entry, Handler, PRESENT_WRITABLE_USER, Window, copy_bytes};

impl Window {
    /// [`Window::load`] by walking.
    pub(super) fn walk_load(&self, at: u64, dst: &mut [u8], handler: &mut Handler<'_>) -> usize {
        self.walk(at, dst.len(), Access::Read, handler, |frame, piece| {
            let piece = &mut dst[piece];
            // SAFETY: `walk` names bytes of one frame of the identity map; `dst` is a Rust object, no frame.
            unsafe { copy_bytes(piece.as_mut_ptr(), frame, piece.len()) }
        })
    }

    /// [`Window::store`] by walking.
    pub(super) fn walk_store(&self, at: u64, src: &[u8], handler: &mut Handler<'_>) -> usize {
        self.walk(at, src.len(), Access::Write, handler, |frame, piece| {
            let piece = &src[piece];
            // SAFETY: as in `walk_load`.
            unsafe { copy_bytes(frame, piece.as_ptr(), piece.len()) }
        })
    }

    /// Calls `copy` with the place in a frame and the range of the access for every page of it; returns the bytes
    /// that could not be had.
    fn walk(
        &self,
        at: u64,
        length: usize,
        access: Access,
        handler: &mut Handler<'_>,
        mut copy: impl FnMut(*mut u8, Range<usize>),
    ) -> usize {
        let mut done = 0;
        while done < length {
            let offset = at + done as u64;
            let (page, inside) = (offset / PAGE_BYTES as u64, offset as usize % PAGE_BYTES);
            let Some(entry) = self.touch(page, access, handler) else { break };
            let end = length.min(done + PAGE_BYTES - inside);
            let frame = entry.frame() as usize + inside;
            copy(core::ptr::with_exposed_provenance_mut(frame), done..end);
            done = end;
        }
        length - done
    }

    /// The page's entry, marked as the access marks it; `None` if the handler cannot get the page.
    fn touch(&self, page: u64, access: Access, handler: &mut Handler<'_>) -> Option<Entry> {
        let marks = match access {
            Access::Read => ACCESSED,
            Access::Write => ACCESSED | DIRTY,
        };
        while self.entry(page).load(Ordering::SeqCst) & PRESENT_WRITABLE_USER == 0 {
            if !handler(page, access) {
                return None;
            }
        }
        Some(Entry(self.entry(page).fetch_or(marks, Ordering::SeqCst)))
    }
}
