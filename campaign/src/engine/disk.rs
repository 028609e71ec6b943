//! The drive of a unit: the controller every engine plugs in; and the server of a unit whose swap file is one's.

use file_server::{FileServer, ServerConfig};
use nvme_model::{Config, ConfigError, Controller, RamMedia};

use swap_path::PathKind;

use crate::Unit;

/// Blocks of 4 KiB of a scenario's drive (32 MiB).
pub const DISK_BLOCKS: u64 = 8192;

/// Where the swap file of a scenario begins on it: the first block that the filesystem gives to a file.
/// Fault rules say `slot=N` and mean the block so many behind it.
pub const SWAP_FILE_BLOCK: u64 = 264;

/// Bytes of a logical block: the same as a page.
const BLOCK_BYTES: u32 = 4096;

/// A new controller with an empty drive and the unit's faults armed.
///
/// # Errors
/// [`ConfigError`] if the model refuses the configuration.
pub fn controller(unit: &Unit) -> Result<Controller, ConfigError> {
    Controller::new(
        Config { cache_policy: unit.cache_policy, ..Config::default() },
        Box::new(RamMedia::new(DISK_BLOCKS, BLOCK_BYTES)),
        unit.faults.clone(),
    )
}

/// A new file server with nothing to export yet and the unit's server faults armed; `None` for a unit that has no
/// use for one.
#[must_use]
pub fn server(unit: &Unit) -> Option<FileServer> {
    let is_net = unit.spec.path == PathKind::Net;
    is_net.then(|| FileServer::new(ServerConfig::default(), unit.server_faults.clone()))
}
