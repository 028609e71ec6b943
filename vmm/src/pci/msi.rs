//! What a message-signalled interrupt is, and who carries it to the CPU.

/// A message-signalled line of this machine (one vector of one function).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) u32);

/// Address and data that a function writes to raise an interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MsiMessage {
    /// Where: the local APIC's window, `0xfee0_0000` and up.
    pub(crate) address: u64,
    /// What: the vector in the low byte.
    pub(crate) data: u32,
}

impl MsiMessage {
    /// The CPU's interrupt-vector number.
    pub(crate) fn vector(self) -> u8 {
        self.data.to_le_bytes()[0]
    }
}

/// Carries messages to the CPU.
pub(crate) trait MsiSink: Send + Sync + std::fmt::Debug {
    /// Delivers `message`, which `line` raised.
    fn send(&self, line: Line, message: MsiMessage);
}
