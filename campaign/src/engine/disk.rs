//! The drive of a unit: the controller every engine plugs in.

use nvme_model::{Config, ConfigError, Controller, RamMedia};

use crate::Unit;

/// Blocks of 4 KiB of a scenario's drive (32 MiB).
pub const DISK_BLOCKS: u64 = 8192;

/// Bytes of a logical block: the same as a page.
const BLOCK_BYTES: u32 = 4096;

/// A new controller with an empty drive and the unit's faults armed.
///
/// # Errors
/// [`ConfigError`] if the model refuses the configuration.
pub fn controller(unit: &Unit) -> Result<Controller, ConfigError> {
    Controller::new(
        Config::default(),
        Box::new(RamMedia::new(DISK_BLOCKS, BLOCK_BYTES)),
        unit.faults.clone(),
    )
}
