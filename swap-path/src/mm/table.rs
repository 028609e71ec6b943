//! The frames of an address space and the folios that they make up (Linux `struct page`, `struct folio`).
//!
//! A folio is one frame, or `1 << order` of them chained together: they need not be neighbours in
//! memory, since a command takes them page by page (PRP). The first frame speaks for the folio.
//!
//! Invariant: nothing here allocates but [`FrameTable::with_capacity`] and [`FrameTable::reserve`].

use alloc::vec::Vec;

use super::lru::{Links, Lru};
use crate::SwapEntry;
use crate::fixed::Fixed;
use crate::frame_id::FrameId;

/// Which I/O a folio is part of. Who needs one that is not idle waits until it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FolioIo {
    /// None.
    #[default]
    Idle,
    /// Reclaim has taken it off the page table and is about to write it.
    Isolated,
    /// Being written; its frames are with the swap path.
    Writing,
    /// Being read; its frames are with the swap path.
    Reading,
}

/// What is known of a folio in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Folio {
    /// `1 << order` pages.
    pub(super) order: u8,
    /// The first page that it is mapped at, or was last. Aligned to the order.
    pub(super) page: usize,
    /// Its pages' entries of the page table point to it.
    pub(super) is_mapped: bool,
    /// Its first slot: it is in the swap cache. Holds the same data as long as the folio is clean.
    pub(super) entry: Option<SwapEntry>,
    /// Known to differ from its slots, or to have none. The hardware's dirty bit comes on top.
    pub(super) is_dirty: bool,
    /// A write of it failed: the next one is made for it alone, so that one bad block does not hold
    /// its neighbours back.
    pub(super) has_write_failed: bool,
    /// What is being done to it.
    pub(super) io: FolioIo,
}

impl Folio {
    /// A folio that a page table points to.
    pub(super) const fn mapped(order: u8, page: usize) -> Self {
        Self {
            order,
            page,
            is_mapped: true,
            entry: None,
            is_dirty: false,
            has_write_failed: false,
            io: FolioIo::Idle,
        }
    }

    /// A folio that is in the swap cache and nowhere else.
    pub(super) const fn cached(order: u8, page: usize, entry: SwapEntry, io: FolioIo) -> Self {
        Self { is_mapped: false, entry: Some(entry), io, ..Self::mapped(order, page) }
    }

    pub(super) const fn pages(&self) -> usize {
        1 << self.order
    }
}

/// What a frame is part of.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The folio's next frame; of a free frame, the next free one.
    next: Option<FrameId>,
    /// The first frame of the folio.
    head: FrameId,
    /// The last frame of the folio, in its first frame.
    tail: FrameId,
}

impl Place {
    /// A folio of one frame.
    const fn alone(id: FrameId) -> Self {
        Self { next: None, head: id, tail: id }
    }
}

/// All frames by number. What is asked of each frame of a folio lies apart from what is asked of its first one only:
/// a huge folio is walked several times on its way out.
#[derive(Debug)]
pub(super) struct FrameTable<P> {
    /// `None`: with the swap path, or no frame has this number at the moment.
    bufs: Fixed<Option<P>>,
    places: Fixed<Place>,
    folios: Fixed<(Folio, Links)>,
    free: Option<FrameId>,
    free_len: usize,
    /// Numbers without a frame.
    vacant: Option<FrameId>,
    /// Frames that exist.
    total: usize,
    pub(super) lru: Lru,
}

impl<P> FrameTable<P> {
    /// A table with room for `capacity` frames.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            bufs: Fixed::with_capacity(capacity),
            places: Fixed::with_capacity(capacity),
            folios: Fixed::with_capacity(capacity),
            free: None,
            free_len: 0,
            vacant: None,
            total: 0,
            lru: Lru::default(),
        }
    }

    /// Makes room for `more` frames beyond those that exist.
    pub(super) fn reserve(&mut self, more: usize) {
        self.bufs.reserve(self.total + more);
        self.places.reserve(self.total + more);
        self.folios.reserve(self.total + more);
    }

    /// A new frame, free.
    pub(super) fn add(&mut self, buf: P) {
        let id = if let Some(id) = self.vacant {
            self.vacant = self.places[id.index()].next;
            id
        } else {
            let id = FrameId(self.places.len() as u32);
            self.bufs.push(None);
            self.places.push(Place::alone(id));
            self.folios.push(Default::default());
            id
        };
        self.bufs[id.index()] = Some(buf);
        self.places[id.index()] = Place::alone(id);
        self.folios[id.index()].0 = Folio::default();
        self.total += 1;
        self.put(id);
    }

    /// Gives a free frame away for good.
    pub(super) fn remove_free(&mut self) -> Option<P> {
        let id = self.take_free()?;
        self.places[id.index()].next = self.vacant;
        self.vacant = Some(id);
        self.total -= 1;
        self.bufs[id.index()].take()
    }

    pub(super) const fn total(&self) -> usize {
        self.total
    }

    pub(super) const fn free_len(&self) -> usize {
        self.free_len
    }

    /// Frames that hold something.
    pub(super) const fn used(&self) -> usize {
        self.total - self.free_len
    }

    /// A folio of free frames with any content; on no list.
    pub(super) fn take(&mut self, folio: Folio) -> Option<FrameId> {
        if self.free_len < folio.pages() {
            return None;
        }
        let head = self.take_free()?;
        let mut tail = head;
        for _ in 1..folio.pages() {
            let id = self.take_free()?;
            self.places[tail.index()].next = Some(id);
            self.places[id.index()].head = head;
            tail = id;
        }
        let place = &mut self.places[head.index()];
        (place.head, place.tail) = (head, tail);
        self.folios[head.index()].0 = folio;
        Some(head)
    }

    /// The folio's frames are free again. It is on no list.
    pub(super) fn put(&mut self, head: FrameId) {
        let tail = self.places[head.index()].tail;
        self.free_len += self.folio(head).pages();
        self.places[tail.index()].next = self.free.replace(head);
    }

    fn take_free(&mut self) -> Option<FrameId> {
        let id = self.free?;
        self.free = self.places[id.index()].next.take();
        self.free_len -= 1;
        Some(id)
    }

    pub(super) fn folio(&self, head: FrameId) -> &Folio {
        &self.folios[head.index()].0
    }

    pub(super) fn folio_mut(&mut self, head: FrameId) -> &mut Folio {
        &mut self.folios[head.index()].0
    }

    /// The folio's frames, in order.
    pub(super) fn frames_of(&self, head: FrameId) -> impl Iterator<Item = FrameId> + '_ {
        core::iter::successors(Some(head), |id| self.places[id.index()].next)
    }

    /// The frame that follows in the folio.
    pub(super) fn next_of(&self, id: FrameId) -> Option<FrameId> {
        self.places[id.index()].next
    }

    /// The frame's memory.
    pub(super) fn buf(&self, id: FrameId) -> &P {
        self.bufs[id.index()].as_ref().expect("the frame is here, not with the swap path")
    }

    /// Free frames, for checks.
    pub(super) fn iter_free(&self) -> impl Iterator<Item = FrameId> + '_ {
        core::iter::successors(self.free, |id| self.places[id.index()].next)
    }

    /// The folio's memory goes to the swap path.
    pub(super) fn lend(&mut self, head: FrameId, pages: &mut Vec<P>) {
        let mut rest = Some(head);
        while let Some(id) = rest {
            pages.push(self.bufs[id.index()].take().expect("a frame is lent once"));
            rest = self.next_of(id);
        }
    }

    /// It comes back, in the same order.
    pub(super) fn take_back(&mut self, head: FrameId, pages: &mut impl Iterator<Item = P>) {
        let mut rest = Some(head);
        while let Some(id) = rest {
            self.bufs[id.index()] = pages.next();
            rest = self.next_of(id);
        }
    }

    /// True if the frame's memory is not lent.
    pub(super) fn is_here(&self, id: FrameId) -> bool {
        self.bufs[id.index()].is_some()
    }

    /// One frame's memory goes to the swap path, whoever it belongs to.
    pub(super) fn lend_one(&mut self, id: FrameId) -> Option<P> {
        self.bufs[id.index()].take()
    }

    /// It comes back.
    pub(super) fn take_back_one(&mut self, id: FrameId, buf: Option<P>) {
        self.bufs[id.index()] = buf;
    }

    /// Makes the first frame of a chain a folio of its own; returns the rest of the chain.
    pub(super) fn cut(&mut self, id: FrameId, folio: Folio) -> Option<FrameId> {
        self.folios[id.index()].0 = folio;
        core::mem::replace(&mut self.places[id.index()], Place::alone(id)).next
    }

    /// The folio that the frame is part of.
    pub(super) fn head_of(&self, id: FrameId) -> FrameId {
        self.places[id.index()].head
    }

    pub(super) fn links(&self, head: FrameId) -> &Links {
        &self.folios[head.index()].1
    }

    pub(super) fn links_mut(&mut self, head: FrameId) -> &mut Links {
        &mut self.folios[head.index()].1
    }
}
