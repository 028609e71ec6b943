//! What the controller needs of the machine it is plugged into.

use core::fmt;

use crate::Event;

/// The guest-physical range is not (wholly) memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAddress {
    /// The first address of the refused access.
    pub address: u64,
}

/// Direct memory access to the guest.
pub trait GuestMemory {
    /// Copies guest memory from `address` on into `dst`.
    ///
    /// # Errors
    /// [`BadAddress`] if any byte is not memory; `dst` is then undefined.
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress>;

    /// Whether [`GuestMemory::read_past_caches`] is another way than [`GuestMemory::read`].
    fn passes_caches(&self) -> bool {
        false
    }

    /// Copies guest memory to a place that nobody looks at soon, so it need not go through the processor's
    /// caches. Other threads find it there once [`GuestMemory::settle`] was called, which is up to whoever lends the
    /// memory.
    ///
    /// # Errors
    /// As [`GuestMemory::read`].
    fn read_past_caches(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.read(address, dst)
    }

    /// Waits for what went past the caches. The controller does not call this.
    fn settle(&self) {}

    /// Copies `src` to guest memory from `address` on.
    ///
    /// # Errors
    /// [`BadAddress`] if any byte is not memory; a prefix may have been written.
    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress>;

    /// Copies 16 bytes such that whoever sees the last four of them sees the others, too.
    ///
    /// # Errors
    /// As [`GuestMemory::write`].
    fn publish(&self, address: u64, src: &[u8; 16]) -> Result<(), BadAddress> {
        let last = address.checked_add(12).ok_or(BadAddress { address })?;
        let (payload, tag) = src.split_at(12);
        self.write(address, payload)?;
        self.write(last, tag)
    }
}

/// The interrupt wires of the function (MSI-X vectors, in the function's own numbering).
pub trait IrqSink {
    /// Raises `vector`. Masking and pending bits are the sink's business.
    fn signal(&mut self, vector: u16);
}

/// Where the controller's own events go: a trace, a log, a test.
pub trait Observer {
    /// Takes one event. `now_ns` never decreases between two power cuts.
    fn event(&mut self, now_ns: u64, event: &Event);
}

/// An observer that looks away.
impl Observer for () {
    fn event(&mut self, _now_ns: u64, _event: &Event) {}
}

/// Keeps everything it sees.
impl Observer for Vec<(u64, Event)> {
    fn event(&mut self, now_ns: u64, event: &Event) {
        self.push((now_ns, *event));
    }
}

/// The machine, for the length of one call.
pub struct Ports<'a> {
    /// The guest's memory.
    pub memory: &'a dyn GuestMemory,
    /// The function's interrupts.
    pub irq: &'a mut dyn IrqSink,
    /// Where events go.
    pub observer: &'a mut dyn Observer,
}

impl fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}
