//! Swap areas: a swap file that is turned on, with its slots and its path.

mod activate;
mod checksums;
mod clusters;
mod header;
mod inspect;
mod mkswap;
mod remote;
mod slots;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use hal::DmaBuf;
use hal::trace::Layer;
use iomap::{Context, Direction, Errno, FailureKind, IoFailure, SwapExtent, SwapExtents};

pub(crate) use checksums::Checksums;

pub use activate::{SwaponError, SwaponOptions, swapon, swapon_with};
pub use header::{HeaderError, LABEL_BYTES_MAX, SwapHeader};
pub use inspect::Activation;
pub use mkswap::{MkswapError, mkswap};
pub use remote::swapon_file;
pub(crate) use slots::SlotMap;

use crate::bugs::Bugs;
use crate::path::{IO_PAGES_MAX, PathKind, SwapIo, slot_pos};

/// Names an active swap area. Never reused by one [`crate::Mm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaId(pub u32);

impl fmt::Display for AreaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a page is in swap (Linux `swp_entry_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapEntry {
    /// The area.
    pub area: AreaId,
    /// The slot in it: the page number in the swap file, from 1 on.
    pub slot: u32,
}

impl SwapEntry {
    /// One number for trace records.
    #[must_use]
    pub const fn to_raw(self) -> u64 {
        (self.area.0 as u64) << 32 | self.slot as u64
    }

    /// The entry of such a number.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self { area: AreaId((raw >> 32) as u32), slot: (raw & 0xffff_ffff) as u32 }
    }
}

impl fmt::Display for SwapEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area, self.slot)
    }
}

/// A swap file that is turned on (Linux `struct swap_info_struct`).
///
/// The file stays claimed until [`crate::Mm::swapoff`]: dropping an area lets go of memory, not of
/// the file, as a machine that is switched off.
pub struct SwapArea<P: DmaBuf> {
    pub(crate) id: AreaId,
    pub(crate) slots: SlotMap,
    /// Areas of a higher one are filled first.
    pub(crate) priority: i16,
    /// Among areas of one priority the lowest is next.
    pub(crate) turn: u64,
    /// Slots handed out in this turn.
    pub(crate) handed_out: usize,
    /// It is being turned off: no page goes there any more.
    pub(crate) is_off: bool,
    checksums: Checksums,
    header: SwapHeader,
    extents: SwapExtents,
    io: Box<dyn SwapIo<P>>,
}

impl<P: DmaBuf> SwapArea<P> {
    /// An area with a path that is not among [`PathKind`]'s own: for a file without a block device, or
    /// for a path that a test breaks on purpose. `usable_pages` counts the header's page too; `io`
    /// holds the claim on the file. [`swapon`] is the usual way.
    #[must_use]
    pub fn from_parts(
        header: SwapHeader,
        usable_pages: u32,
        extents: SwapExtents,
        io: Box<dyn SwapIo<P>>,
    ) -> Self {
        Self::with_slots(header, SlotMap::new(usable_pages, &[], Bugs::default()), extents, io)
    }

    pub(crate) fn with_slots(
        header: SwapHeader,
        slots: SlotMap,
        extents: SwapExtents,
        io: Box<dyn SwapIo<P>>,
    ) -> Self {
        Self {
            id: AreaId(0),
            slots,
            priority: 0,
            turn: 0,
            handed_out: 0,
            is_off: false,
            checksums: Checksums::default(),
            header,
            extents,
            io,
        }
    }

    /// The area's name in its address space; 0 as long as no address space uses it.
    #[must_use]
    pub const fn id(&self) -> AreaId {
        self.id
    }

    /// Which way its I/O takes.
    #[must_use]
    pub fn path(&self) -> PathKind {
        self.io.kind()
    }

    /// Slots for pages: all but the header's.
    #[must_use]
    pub fn size_pages(&self) -> u32 {
        self.slots.size()
    }

    /// Memory that grows with the area, in bytes: its slots, and the path's copy of the block map, if it
    /// has one. Not counted: the list of [`SwapArea::extents`], which every area keeps for oracles.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.io.map_bytes()
    }

    /// Its priority.
    #[must_use]
    pub const fn priority(&self) -> i16 {
        self.priority
    }

    /// Slots that hold, or are reserved for, a page.
    #[must_use]
    pub fn used_pages(&self) -> u32 {
        self.slots.used()
    }

    /// What the file's header says.
    #[must_use]
    pub const fn header(&self) -> &SwapHeader {
        &self.header
    }

    /// Where the file was when it was turned on, whatever path is used: what an oracle needs to say
    /// which blocks swap may write.
    #[must_use]
    pub fn extents(&self) -> &[SwapExtent] {
        &self.extents
    }

    /// From now on a page that comes back otherwise than it went is a read error. Allocates.
    pub(crate) fn keep_checksums(&mut self) {
        self.checksums = Checksums::new(self.slots.end() as usize);
    }

    /// One swap I/O on slots that are in use.
    pub(crate) fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<P>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let count = pages.len();
        assert!((1..=IO_PAGES_MAX).contains(&count), "a swap I/O of {count} pages");
        let result = self.io.rw(direction, slot, pages, context);
        assert_eq!(pages.len(), count, "a swap path gives every page back");
        result?;
        match direction {
            Direction::Write => self.checksums.note(slot, pages),
            Direction::Read => {
                if let Some(slot) = self.checksums.first_wrong(slot, pages) {
                    return Err(not_what_was_written(slot));
                }
            }
        }
        Ok(())
    }

    /// Slots, what they were written with, and the path, for a memory of another kind.
    pub(crate) fn into_parts(self) -> (SlotMap, Checksums, Box<dyn SwapIo<P>>) {
        (self.slots, self.checksums, self.io)
    }

    /// True if folios may be given slots as a whole.
    pub(crate) fn takes_folios(&self) -> bool {
        self.io.takes_folios()
    }

    /// Lets go of the file.
    pub(crate) fn deactivate(mut self) {
        self.io.deactivate();
    }
}

/// The path was content, the page is another one.
pub(crate) const fn not_what_was_written(slot: u32) -> IoFailure {
    let (errno, pos) = (Errno::EUCLEAN, slot_pos(slot));
    IoFailure { errno, pos, learned_by: Layer::Swap, kind: FailureKind::Checksum, device: None }
}

impl<P: DmaBuf> fmt::Debug for SwapArea<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwapArea")
            .field("id", &self.id)
            .field("path", &self.path())
            .field("size_pages", &self.size_pages())
            .field("used_pages", &self.used_pages())
            .finish_non_exhaustive()
    }
}
