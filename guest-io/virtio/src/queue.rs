//! Which descriptors are in use, and for what: the driver's own account, which the device does not see.

use alloc::vec;
use alloc::vec::Vec;

use hal::{DmaBuf, Iova};
use p9_wire::virtio::desc;

use crate::rings::{ENTRIES, Rings};

/// A run of memory that the device may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Where it is.
    pub iova: Iova,
    /// Bytes.
    pub size_bytes: u32,
}

/// A chain in flight. Used again once it was reaped, or after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u16);

/// A chain that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Which.
    pub token: Token,
    /// Bytes that the device says it wrote; no more than there was room for.
    pub written_bytes: u32,
}

/// What the device put into the used ring cannot be. Only a reset helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the device's used ring makes no sense")
    }
}

impl core::error::Error for Broken {}

/// What the driver knows of a chain, under its head.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    /// Descriptors; 0: not in flight.
    length: u16,
    writable_bytes: u32,
}

/// The account.
#[derive(Debug)]
pub(crate) struct Account {
    /// Descriptors that are not in use, the next to be taken last.
    free: Vec<u16>,
    chains: Vec<Chain>,
    /// The next descriptor of each in a chain.
    next: Vec<u16>,
    /// Chains made available, and reaped; both wrap.
    pub(crate) published: u16,
    reaped: u16,
    in_flight: u16,
}

impl Account {
    pub(crate) fn new() -> Self {
        let entries = usize::from(ENTRIES);
        let mut account = Self {
            free: Vec::with_capacity(entries),
            chains: vec![Chain::default(); entries],
            next: vec![0; entries],
            published: 0,
            reaped: 0,
            in_flight: 0,
        };
        account.clear();
        account
    }

    /// Nothing is in flight.
    pub(crate) fn clear(&mut self) {
        self.free.clear();
        self.free.extend((0..ENTRIES).rev());
        self.chains.fill(Chain::default());
        (self.published, self.reaped, self.in_flight) = (0, 0, 0);
    }

    /// Writes a chain into the table and makes it available; `None` if there are too few descriptors.
    pub(crate) fn publish<D: DmaBuf>(
        &mut self,
        rings: &Rings<D>,
        readable: &[Buffer],
        writable: &[Buffer],
    ) -> Option<Token> {
        let length = readable.len() + writable.len();
        if length == 0 || length > self.free.len() {
            return None;
        }
        let buffers =
            readable.iter().map(|b| (b, 0)).chain(writable.iter().map(|b| (b, desc::WRITE)));
        let mut after = None;
        // From the last to the first, so that each knows the one behind it.
        for (buffer, flags) in buffers.rev() {
            let index = self.free.pop()?;
            let flags = flags | if after.is_some() { desc::NEXT } else { 0 };
            rings.describe(index, buffer, flags, after.unwrap_or(0));
            self.next[usize::from(index)] = after.unwrap_or(0);
            after = Some(index);
        }
        let head = after?;
        let writable_bytes = writable.iter().map(|b| b.size_bytes).fold(0, u32::saturating_add);
        // At most as many as the table has, which is 256.
        self.chains[usize::from(head)] = Chain { length: length as u16, writable_bytes };
        rings.publish(self.published, head);
        self.published = self.published.wrapping_add(1);
        self.in_flight += 1;
        Some(Token(head))
    }

    /// The next chain that the device has used.
    pub(crate) fn reap<D: DmaBuf>(&mut self, rings: &Rings<D>) -> Result<Option<Used>, Broken> {
        let ahead = rings.used_index().wrapping_sub(self.reaped);
        if ahead == 0 {
            return Ok(None);
        }
        if ahead > self.in_flight {
            return Err(Broken);
        }
        let (head, written_bytes) = rings.used_element(self.reaped);
        let head = u16::try_from(head).ok().filter(|head| *head < ENTRIES).ok_or(Broken)?;
        let chain = core::mem::take(&mut self.chains[usize::from(head)]);
        if chain.length == 0 || written_bytes > chain.writable_bytes {
            return Err(Broken);
        }
        let mut index = head;
        for _ in 0..chain.length {
            self.free.push(index);
            index = self.next[usize::from(index)];
        }
        self.reaped = self.reaped.wrapping_add(1);
        self.in_flight -= 1;
        Ok(Some(Used { token: Token(head), written_bytes }))
    }
}
