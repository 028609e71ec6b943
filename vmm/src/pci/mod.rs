//! PCI: configuration space, BARs, MSI-X, and the two ways to reach configuration space.
//!
//! What it does not do: no bridges behind the root bus, no I/O BARs, no INTx, no MSI, no hot-plug.

mod msi;

pub(crate) use msi::{Line, MsiMessage, MsiSink};
