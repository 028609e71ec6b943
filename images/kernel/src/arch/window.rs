//! The workload's window: its page tables, and the loads and stores that may fault in it.
//!
//! The window is one gigabyte from 1 TiB on, in 4 KiB pages. Its leaf tables are built before they are
//! hooked in, because hosts that shadow page tables make writes to a live upper table expensive.
//! Accessed and dirty bits are the processor's own.
//!
//! Or the program walks the tables itself ([`super::walk`]): then they are not hooked in, nothing can fault, and no
//! translation has to be forgotten. For hosts where an exception costs tens of microseconds.
// UNSAFETY: writes page tables and runs copies that may fault.
#![expect(unsafe_code, reason = "page tables and faulting copies")]

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use hal::PAGE_BYTES;
use kernel_core::fault::PageFaultCode;

use super::call::invlpg;
use super::single::Single;

/// Where the window begins.
const BASE: u64 = 1 << 40;
/// Entries of one table.
const TABLE_ENTRIES: u64 = 512;
/// The most pages.
pub(crate) const PAGES_MAX: u64 = TABLE_ENTRIES * TABLE_ENTRIES;

pub(super) const PRESENT_WRITABLE_USER: u64 = 0x7;
pub(super) const ACCESSED: u64 = 1 << 5;
pub(super) const DIRTY: u64 = 1 << 6;
const FRAME_MASK: u64 = 0x000f_ffff_ffff_f000;

/// Who translates the addresses of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Translation {
    /// The processor, with faults.
    Processor,
    /// The program.
    Walk,
}

/// A page-table entry that was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(pub(super) u64);

impl Entry {
    /// The frame's physical address.
    pub(crate) fn frame(self) -> u64 {
        self.0 & FRAME_MASK
    }

    /// The accessed bit.
    pub(crate) fn is_accessed(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// The dirty bit.
    pub(crate) fn is_dirty(self) -> bool {
        self.0 & DIRTY != 0
    }
}

/// Leaf-table bytes that a window of `pages` needs: whole tables.
pub(crate) fn table_bytes(pages: u64) -> usize {
    pages.div_ceil(TABLE_ENTRIES) as usize * PAGE_BYTES
}

/// Instructions that may fault in the window.
const ACCESSES: usize = 2;

/// One of them, and where it goes on when the page cannot be had.
#[repr(C)]
struct Access {
    instruction: u64,
    fixup: u64,
}

unsafe extern "C" {
    static mut user_pd: [u64; TABLE_ENTRIES as usize];
    fn user_copy(destination: *mut u8, source: *const u8, bytes: usize) -> usize;
    fn opaque_copy(destination: *mut u8, source: *const u8, bytes: usize);
    fn probe_load(address: *const u8) -> u64;
    static access_table: [Access; ACCESSES];
}

/// The leaf tables, hooked in unless the program walks them. There is one window.
#[derive(Debug)]
pub(crate) struct Window {
    tables: u64,
    pages: u64,
    translation: Translation,
}

impl Window {
    /// Takes zeroed leaf tables: the contiguous frames `tables`, which stay lent for ever.
    ///
    /// # Panics
    /// If they are not exactly what `pages` need.
    pub(crate) fn new(tables: Range<u64>, pages: u64, translation: Translation) -> Self {
        assert!(pages > 0 && pages <= PAGES_MAX, "a window of {pages} pages");
        assert_eq!(tables.end - tables.start, table_bytes(pages) as u64, "leaf tables");
        assert!(tables.start.is_multiple_of(PAGE_BYTES as u64), "leaf tables");
        let hooked = match translation {
            Translation::Processor => tables.clone(),
            Translation::Walk => 0..0,
        };
        for (index, table) in hooked.step_by(PAGE_BYTES).enumerate() {
            let entry = table | PRESENT_WRITABLE_USER | ACCESSED;
            let directory = (&raw mut user_pd).cast::<u64>();
            // SAFETY: `index` is below 512, since `pages` is at most 512 tables' worth.
            let place = unsafe { directory.add(index) };
            // SAFETY: the window has not been walked, so the processor holds nothing of the old entry.
            unsafe { place.write_volatile(entry) };
        }
        Self { tables: tables.start, pages, translation }
    }

    /// Pages in the window.
    pub(crate) fn size_pages(&self) -> u64 {
        self.pages
    }

    /// Maps a page that is not mapped. The processor keeps no translation of absent pages.
    pub(crate) fn map(&self, page: u64, frame: u64) {
        assert_eq!(frame & !FRAME_MASK, 0, "frame {frame:#x}");
        let old = self.entry(page).swap(frame | PRESENT_WRITABLE_USER, Ordering::SeqCst);
        assert_eq!(old, 0, "page {page} is mapped twice");
    }

    /// Unmaps a page and flushes its translation.
    pub(crate) fn unmap(&self, page: u64) -> Option<Entry> {
        let old = self.entry(page).swap(0, Ordering::SeqCst);
        if old != 0 && self.translation == Translation::Processor {
            invlpg(BASE + page * PAGE_BYTES as u64);
        }
        (old != 0).then_some(Entry(old))
    }

    /// Loads from `offset` of the window; returns the bytes that could not be had.
    pub(crate) fn load(&self, offset: u64, dst: &mut [u8], handler: &mut Handler<'_>) -> usize {
        let source = self.address(offset, dst.len());
        if self.translation == Translation::Walk {
            return self.walk_load(offset, dst, handler);
        }
        let _access = ActiveAccess::begin(handler);
        // SAFETY: the window holds no Rust object, `dst` is writable for its length, and a fault is
        // resolved or ends at the fix-up.
        unsafe { user_copy(dst.as_mut_ptr(), source, dst.len()) }
    }

    /// Stores at `offset` of the window; returns the bytes that could not be stored.
    pub(crate) fn store(&self, offset: u64, src: &[u8], handler: &mut Handler<'_>) -> usize {
        let destination = self.address(offset, src.len());
        if self.translation == Translation::Walk {
            return self.walk_store(offset, src, handler);
        }
        let _access = ActiveAccess::begin(handler);
        // SAFETY: as in `load`.
        unsafe { user_copy(destination, src.as_ptr(), src.len()) }
    }

    /// Loads one byte with a pattern in every register and returns how many of them a fault changed.
    ///
    /// # Panics
    /// If the program walks the tables: no fault could change a register.
    pub(crate) fn probe(&self, offset: u64, handler: &mut Handler<'_>) -> u64 {
        assert_eq!(self.translation, Translation::Processor, "a probe is about real faults");
        let source = self.address(offset, 1);
        let _access = ActiveAccess::begin(handler);
        // SAFETY: as in `load`; the probe keeps the registers that the ABI wants kept.
        unsafe { probe_load(source) }
    }

    fn address(&self, offset: u64, length: usize) -> *mut u8 {
        let end = offset.checked_add(length as u64);
        let size_bytes = self.pages * PAGE_BYTES as u64;
        assert!(end.is_some_and(|end| end <= size_bytes), "access at {offset:#x}+{length:#x}");
        core::ptr::with_exposed_provenance_mut((BASE + offset) as usize)
    }

    pub(super) fn entry(&self, page: u64) -> &AtomicU64 {
        assert!(page < self.pages, "page {page} of {}", self.pages);
        let address = self.tables as usize + page as usize * size_of::<u64>();
        // SAFETY: the tables are lent to us for ever, identity-mapped and aligned; the processor sets
        // bits in them atomically.
        unsafe { AtomicU64::from_ptr(core::ptr::with_exposed_provenance_mut(address)) }
    }
}

/// Copies bytes behind the compiler's back: for memory that a device may change meanwhile.
///
/// # Safety
/// Both ranges are mapped for their length outside of the window, the destination is writable, and
/// they do not overlap.
pub(crate) unsafe fn copy_bytes(destination: *mut u8, source: *const u8, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { opaque_copy(destination, source, bytes) }
}

/// Resolves a fault at a window page: `true` runs the access again.
pub(crate) type Handler<'a> = dyn FnMut(u64, hal::Access) -> bool + 'a;

type ErasedHandler = *mut Handler<'static>;

/// The access that the running task has under way. It has one fault stack, so it has one access at a time.
#[derive(Default)]
pub(super) enum Active {
    #[default]
    None,
    /// A fault goes to this handler.
    Access(ErasedHandler),
    /// The handler runs: a fault now is nobody's, and a second access is a bug.
    Fault,
}

static ACTIVE: Single<Active> = Single::new(Active::None);

/// Names the handler while it lives.
struct ActiveAccess;

impl ActiveAccess {
    fn begin(handler: &mut Handler<'_>) -> Self {
        // SAFETY: only the lifetime is erased; the slot is emptied before the borrow ends, since
        // `load` and `store` hold this guard while they hold the handler.
        let erased = unsafe { core::mem::transmute::<&mut Handler<'_>, ErasedHandler>(handler) };
        let earlier = replace_active(Active::Access(erased));
        assert!(matches!(earlier, Active::None), "an access of the workload inside another");
        Self
    }
}

impl Drop for ActiveAccess {
    fn drop(&mut self) {
        replace_active(Active::None);
    }
}

/// Sets what the running task does; another task's is put aside meanwhile.
pub(super) fn replace_active(state: Active) -> Active {
    ACTIVE.with(|active| core::mem::replace(active, state))
}

/// Decides a page fault: where to resume, or `None` if it is nobody's.
pub(super) fn resolve(address: u64, code: PageFaultCode, rip: u64) -> Option<u64> {
    let is_in_window = (BASE..BASE + PAGES_MAX * PAGE_BYTES as u64).contains(&address);
    if !code.is_demand() || !is_in_window {
        return None;
    }
    let fixup = fixup_of(rip)?;
    let Active::Access(handler) = replace_active(Active::Fault) else {
        return None;
    };
    // SAFETY: put there by the access that was interrupted, whose borrow is still held.
    let is_resolved = unsafe { (*handler)((address - BASE) / PAGE_BYTES as u64, code.access()) };
    replace_active(Active::Access(handler));
    Some(if is_resolved { rip } else { fixup })
}

/// Where an instruction that may fault goes on; `None` if it may not.
fn fixup_of(rip: u64) -> Option<u64> {
    // SAFETY: a constant table of trap.s of that length.
    let table = unsafe { &access_table };
    table.iter().find(|access| access.instruction == rip).map(|access| access.fixup)
}
