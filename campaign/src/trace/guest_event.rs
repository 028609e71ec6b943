//! A record of the guest in the vocabulary of its layer: read once, however many want to know.

use std::fmt;

use hal::trace::{Layer, Record};

/// What a layer of the guest says.
#[derive(Clone, Debug)]
pub(crate) enum GuestEvent {
    /// The program or its workload.
    Lab(lab::events::Event),
    /// The swap path.
    Swap(swap_path::events::Event),
    /// The mapping loops.
    Iomap(iomap::events::Event),
    /// The filesystem.
    Filesystem(guest_fs::events::Event),
    /// The driver.
    Driver(nvme_driver::events::Event),
    /// The client of a file server.
    Remote(remote::events::Event),
    /// The tasks.
    Task(tasks::events::Event),
}

impl GuestEvent {
    /// Reads a record; `None` if its layer has no such event, or none at all.
    pub(crate) fn decode(record: &Record) -> Option<Self> {
        match record.layer {
            Layer::Program | Layer::Workload => lab::events::Event::decode(record).map(Self::Lab),
            Layer::Swap => swap_path::events::Event::decode(record).map(Self::Swap),
            Layer::Iomap => iomap::events::Event::decode(record).map(Self::Iomap),
            Layer::Filesystem => guest_fs::events::Event::decode(record).map(Self::Filesystem),
            Layer::Driver => nvme_driver::events::Event::decode(record).map(Self::Driver),
            Layer::Remote => remote::events::Event::decode(record).map(Self::Remote),
            Layer::Task => tasks::events::Event::decode(record).map(Self::Task),
            Layer::Block | Layer::Platform => None,
        }
    }
}

impl fmt::Display for GuestEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lab(event) => event.fmt(f),
            Self::Swap(event) => event.fmt(f),
            Self::Iomap(event) => event.fmt(f),
            Self::Filesystem(event) => event.fmt(f),
            Self::Driver(event) => event.fmt(f),
            Self::Remote(event) => event.fmt(f),
            Self::Task(event) => event.fmt(f),
        }
    }
}
