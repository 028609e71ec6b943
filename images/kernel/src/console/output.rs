//! Where text and records go, if there is more than the debug port.

use alloc::boxed::Box;
use core::fmt;

use hal::trace::Record;

use crate::hal::calls::CallOutput;
use crate::hal::transmit::Transmit;

/// The way out.
pub(crate) enum Output {
    /// A virtio console: what is published takes its own time.
    Virtio(Box<Transmit>),
    /// The call page: every exit takes everything.
    Calls(CallOutput),
}

impl Output {
    /// Sends one trace record.
    pub(crate) fn record(&mut self, record: &Record) {
        match self {
            Self::Virtio(transmit) => transmit.record(record),
            Self::Calls(calls) => calls.record(record),
        }
    }

    /// Shows everything written to the machine.
    pub(crate) fn publish(&mut self) {
        if let Self::Virtio(transmit) = self {
            transmit.publish();
        }
    }

    /// Waits until the machine has taken everything that it would not take by itself.
    pub(crate) fn drain(&mut self) {
        if let Self::Virtio(transmit) = self {
            transmit.drain();
        }
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self {
            Self::Virtio(transmit) => transmit.write_str(text),
            Self::Calls(calls) => calls.write_str(text),
        }
    }
}
