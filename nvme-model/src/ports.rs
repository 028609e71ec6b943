//! What the controller needs of the machine it is plugged into.

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

    /// Copies `src` to guest memory from `address` on.
    ///
    /// # Errors
    /// [`BadAddress`] if any byte is not memory; a prefix may have been written.
    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress>;
}

/// The interrupt wires of the function (MSI-X vectors, in the function's own numbering).
pub trait IrqSink {
    /// Raises `vector`. Masking and pending bits are the sink's business.
    fn signal(&mut self, vector: u16);
}
