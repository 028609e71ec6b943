//! Places for requests in flight: each has its tag and the memory for its two messages.

use alloc::vec::Vec;

use hal::{DmaBuf, OutOfMemory, Platform};
use p9_wire::{MESSAGE_BYTES_MAX, NO_TAG};
use virtio::{Buffer, Token, Used};

/// Requests in flight at once. Four of the largest fit into the queue.
pub(crate) const SLOTS: usize = 4;

/// Where the reply is in a slot's page; the request is at its beginning.
const REPLY_AT: usize = 2048;

/// One place.
#[derive(Debug)]
pub(crate) struct Slot<D> {
    page: D,
    pub(crate) tag: u16,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// Taken, with nothing in flight.
    Taken,
    InFlight(Token),
    Done {
        written_bytes: u32,
    },
}

/// All places.
#[derive(Debug)]
pub(crate) struct Slots<D> {
    slots: Vec<Slot<D>>,
    last_tag: u16,
}

impl<D: DmaBuf> Slots<D> {
    pub(crate) fn new<P: Platform<Dma = D>>(platform: &P) -> Result<Self, OutOfMemory> {
        let slot = |_| Ok(Slot { page: platform.dma_alloc(1)?, tag: NO_TAG, state: State::Free });
        Ok(Self { slots: (0..SLOTS).map(slot).collect::<Result<_, _>>()?, last_tag: 0 })
    }

    /// A free place if there are `free_min` of them, with a tag that no other has.
    pub(crate) fn take(&mut self, free_min: usize) -> Option<usize> {
        let is_free = |slot: &Slot<D>| slot.state == State::Free;
        if self.slots.iter().filter(|slot| is_free(slot)).count() < free_min {
            return None;
        }
        let index = self.slots.iter().position(is_free)?;
        // Every request gets another one, so that a late reply is recognised.
        self.last_tag = match self.last_tag.wrapping_add(1) {
            NO_TAG => 0,
            tag => tag,
        };
        let slot = &mut self.slots[index];
        (slot.state, slot.tag) = (State::Taken, self.last_tag);
        Some(index)
    }

    pub(crate) fn give_back(&mut self, index: usize) {
        self.slots[index].state = State::Free;
    }

    pub(crate) fn tag(&self, index: usize) -> u16 {
        self.slots[index].tag
    }

    pub(crate) fn set_tag(&mut self, index: usize, tag: u16) {
        self.slots[index].tag = tag;
    }

    /// Puts a request's bytes into a place; where they are.
    pub(crate) fn put_request(&self, index: usize, bytes: &[u8]) -> Buffer {
        let page = &self.slots[index].page;
        page.write(0, bytes);
        Buffer { iova: page.iova(), size_bytes: bytes.len() as u32 }
    }

    /// Room for so many bytes of a reply.
    pub(crate) fn reply_room(&self, index: usize, size_bytes: usize) -> Buffer {
        let iova = self.slots[index].page.iova();
        let iova = hal::Iova(iova.0 + REPLY_AT as u64);
        Buffer { iova, size_bytes: size_bytes.min(MESSAGE_BYTES_MAX) as u32 }
    }

    pub(crate) fn set_in_flight(&mut self, index: usize, token: Token) {
        self.slots[index].state = State::InFlight(token);
    }

    /// A chain has come back.
    pub(crate) fn finish(&mut self, used: Used) {
        let is_it = |slot: &&mut Slot<D>| slot.state == State::InFlight(used.token);
        if let Some(slot) = self.slots.iter_mut().find(is_it) {
            slot.state = State::Done { written_bytes: used.written_bytes };
        }
    }

    /// The reply's first bytes into `room`, and how many the device wrote in all; `None` if it is not there.
    pub(crate) fn reply(&self, index: usize, room: &mut [u8; MESSAGE_BYTES_MAX]) -> Option<usize> {
        let State::Done { written_bytes } = self.slots[index].state else { return None };
        self.slots[index].page.read(REPLY_AT, room);
        usize::try_from(written_bytes).ok()
    }

    /// The device was reset: nothing is in flight any more, and nobody will be answered.
    pub(crate) fn forget(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.state != State::Free) {
            slot.state = State::Taken;
        }
    }
}
