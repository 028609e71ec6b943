//! PCI: configuration space, BARs, MSI-X, and the two ways to reach configuration space.
//!
//! What it does not do: no bridges behind the root bus, no I/O BARs, no INTx, no MSI, no hot-plug.

pub(crate) mod config_space;
mod express;
mod function;
pub(crate) mod host_bridge;
mod msi;
pub(crate) mod msix;
mod placement;

pub(crate) use config_space::{Bar, ConfigSpace, Identity};
pub(crate) use express::Express;
pub(crate) use function::Function;
pub(crate) use host_bridge::{ConfigAddress, HostBridge};
pub(crate) use msi::{Line, MsiMessage, MsiSink};
pub(crate) use msix::Msix;
pub(crate) use placement::Placement;
