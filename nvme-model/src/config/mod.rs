//! What a controller is like: its limits, its identity, its speed.

mod cache_policy;
mod file;

use serde::Deserialize;

use crate::crash::Atomicity;

pub use cache_policy::CachePolicy;
pub use file::ConfigFileError;

/// How long things take, in virtual nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// An admin command.
    pub admin_ns: u64,
    /// A read, before its blocks.
    pub read_ns: u64,
    /// A write, before its blocks.
    pub write_ns: u64,
    /// Each block that is read or written.
    pub block_ns: u64,
    /// A flush; also what is committed with FUA, on top of the command.
    pub flush_ns: u64,
    /// Write Zeroes, Write Uncorrectable or Dataset Management.
    pub deallocate_ns: u64,
    /// Format NVM.
    pub format_ns: u64,
    /// From CC.EN = 1 to CSTS.RDY = 1.
    pub ready_ns: u64,
    /// From CC.SHN to CSTS.SHST = complete.
    pub shutdown_ns: u64,
    /// A short device self-test.
    pub self_test_short_ns: u64,
    /// An extended device self-test.
    pub self_test_extended_ns: u64,
    /// A sanitize by block erase.
    pub sanitize_erase_ns: u64,
    /// A sanitize by crypto erase.
    pub sanitize_crypto_ns: u64,
    /// One pass of a sanitize by overwrite.
    pub sanitize_pass_ns: u64,
    /// For how long an activation of firmware without a reset pauses everything; 0: not at all.
    pub firmware_activation_ns: u64,
}

impl Timing {
    /// Whether every command takes some time.
    pub(crate) fn is_never_zero(&self) -> bool {
        let Self { admin_ns, read_ns, write_ns, flush_ns, deallocate_ns, .. } = *self;
        [admin_ns, read_ns, write_ns, flush_ns, deallocate_ns].iter().all(|ns| *ns > 0)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            admin_ns: 5_000,
            read_ns: 80_000,
            write_ns: 20_000,
            block_ns: 1_000,
            flush_ns: 200_000,
            deallocate_ns: 50_000,
            format_ns: 100_000_000,
            ready_ns: 50_000,
            shutdown_ns: 200_000,
            self_test_short_ns: 60_000_000_000,
            self_test_extended_ns: 600_000_000_000,
            sanitize_erase_ns: 5_000_000_000,
            sanitize_crypto_ns: 1_000_000_000,
            sanitize_pass_ns: 20_000_000_000,
            firmware_activation_ns: 200_000_000,
        }
    }
}

/// What a controller is like. Constant while it lives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Serial number, ASCII, at most 20 characters.
    pub serial: String,
    /// Model number, ASCII, at most 40 characters.
    pub model: String,
    /// Firmware revision, ASCII, at most 8 characters.
    pub firmware: String,
    /// PCI vendor, also reported in Identify.
    pub vendor: u16,
    /// The most entries of an I/O queue: 2 to 65536.
    pub queue_entries_max: u32,
    /// I/O queue pairs: 1 to 1024.
    pub io_queues_max: u16,
    /// Interrupt vectors: 1 to 2048.
    pub vectors: u16,
    /// Doorbells are `4 << dstrd` bytes apart: 0 to 8.
    pub dstrd: u8,
    /// The largest transfer is `4096 << mdts` bytes: 1 to 10.
    pub mdts: u8,
    /// Error log entries: 1 to 256.
    pub error_log_entries: u16,
    /// Outstanding asynchronous event requests: 1 to 256.
    pub async_events_max: u16,
    /// Commands that the media works on at the same time: 1 to 1024.
    pub channels: u16,
    /// There is a volatile write cache.
    pub has_volatile_cache: bool,
    /// Blocks that the cache holds before it gives up its oldest write; at least 1.
    pub cache_blocks_max: u32,
    /// Blocks that a power failure never tears (AWUPF + 1): 1 to 65536.
    pub atomic_blocks: u32,
    /// Blocks between atomic boundaries (NABSPF + 1), at least `atomic_blocks`; 0 if there are none. A
    /// write that crosses one may be torn.
    pub atomic_boundary_blocks: u32,
    /// The block at which the first boundary is (NABO).
    pub atomic_boundary_offset: u16,
    /// What a power cut leaves of the cache, and of writes in flight.
    pub cache_policy: CachePolicy,
    /// Composite temperature in kelvins.
    pub temperature_kelvin: u16,
    /// The largest namespace identifier, and the most namespaces: 1 to 65536.
    pub namespaces_max: u32,
    /// Bytes that the host can make namespaces of besides those that there are. Namespaces made by the
    /// host live in memory.
    pub unallocated_bytes: u64,
    /// How long things take.
    pub timing: Timing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serial: "SWAPLAB0001".into(),
            model: "swaplab NVMe controller model".into(),
            firmware: "1".into(),
            vendor: 0x5357,
            queue_entries_max: 1024,
            io_queues_max: 16,
            vectors: 17,
            dstrd: 0,
            mdts: 7,
            error_log_entries: 64,
            async_events_max: 4,
            channels: 8,
            has_volatile_cache: true,
            cache_blocks_max: 16_384,
            atomic_blocks: 1,
            atomic_boundary_blocks: 0,
            atomic_boundary_offset: 0,
            cache_policy: CachePolicy::LoseAll,
            temperature_kelvin: 313,
            namespaces_max: 32,
            unallocated_bytes: 0,
            timing: Timing::default(),
        }
    }
}

/// A configuration that no controller can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number is out of its range.
    #[error("controller configuration: {field} is {value}, must be {min} to {max}")]
    OutOfRange {
        /// The field of [`Config`].
        field: &'static str,
        /// What it was.
        value: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A text is too long or not printable ASCII.
    #[error("controller configuration: {field} must be at most {max} printable ASCII characters")]
    BadText {
        /// The field of [`Config`].
        field: &'static str,
        /// The most characters.
        max: usize,
    },
    /// Two namespaces have the same identifier.
    #[error("namespace {nsid} is there twice, give each its own identifier")]
    SameNamespace {
        /// The identifier.
        nsid: u32,
    },
    /// The media has no blocks, too many, or blocks of an unknown size.
    #[error(
        "media has {blocks} blocks of {block_bytes} bytes, need at least 1 block of 512 or 4096"
    )]
    BadMedia {
        /// Its size.
        blocks: u64,
        /// Its block size.
        block_bytes: u32,
    },
}

impl Config {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ConfigError`] names the first field that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let ranges = [
            ("queue_entries_max", u64::from(self.queue_entries_max), 2, 1 << 16),
            ("io_queues_max", self.io_queues_max.into(), 1, 1024),
            ("vectors", self.vectors.into(), 1, 2048),
            ("dstrd", self.dstrd.into(), 0, 8),
            ("mdts", self.mdts.into(), 1, 10),
            ("error_log_entries", self.error_log_entries.into(), 1, 256),
            ("async_events_max", self.async_events_max.into(), 1, 256),
            ("channels", self.channels.into(), 1, 1024),
            ("cache_blocks_max", self.cache_blocks_max.into(), 1, u32::MAX.into()),
            ("atomic_blocks", self.atomic_blocks.into(), 1, 1 << 16),
            ("namespaces_max", self.namespaces_max.into(), 1, 1 << 16),
        ];
        for (field, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                return Err(ConfigError::OutOfRange { field, value, min, max });
            }
        }
        let (boundary, unit) = (self.atomic_boundary_blocks, self.atomic_blocks);
        if boundary != 0 && !(unit.max(2)..=1 << 16).contains(&boundary) {
            let (field, value) = ("atomic_boundary_blocks", boundary.into());
            let min = unit.max(2).into();
            return Err(ConfigError::OutOfRange { field, value, min, max: 1 << 16 });
        }
        let (offset, max) = (self.atomic_boundary_offset, boundary.saturating_sub(1));
        if u32::from(offset) > max {
            let (field, value) = ("atomic_boundary_offset", offset.into());
            return Err(ConfigError::OutOfRange { field, value, min: 0, max: max.into() });
        }
        let texts = [
            ("serial", &self.serial, 20),
            ("model", &self.model, 40),
            ("firmware", &self.firmware, 8),
        ];
        for (field, text, max) in texts {
            if text.len() > max || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                return Err(ConfigError::BadText { field, max });
            }
        }
        Ok(())
    }

    /// Bytes of BAR 0: registers and doorbells, rounded up to a power of two of at least 16 KiB.
    #[must_use]
    pub fn bar_bytes(&self) -> u64 {
        let queues = u64::from(self.io_queues_max).saturating_add(1);
        let doorbells = queues.saturating_mul(8).wrapping_shl(u32::from(self.dstrd));
        doorbells.saturating_add(0x1000).next_power_of_two().max(0x4000)
    }

    /// What a power failure never tears.
    pub(crate) fn atomicity(&self) -> Atomicity {
        Atomicity {
            unit_blocks: self.atomic_blocks,
            boundary_blocks: self.atomic_boundary_blocks,
            boundary_offset: self.atomic_boundary_offset.into(),
        }
    }

    /// The largest transfer in bytes.
    #[must_use]
    pub(crate) fn transfer_bytes_max(&self) -> u64 {
        4096_u64.wrapping_shl(u32::from(self.mdts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_fits_16_kib() {
        assert_eq!(Config::default().validate(), Ok(()));
        assert_eq!(Config::default().bar_bytes(), 0x4000);
    }

    #[test]
    fn a_bad_field_is_named_with_its_range() {
        let config = Config { io_queues_max: 0, ..Config::default() };
        let error = config.validate().expect_err("zero queues");
        assert_eq!(
            error.to_string(),
            "controller configuration: io_queues_max is 0, must be 1 to 1024"
        );
        let config = Config { serial: "\u{e9}".into(), ..Config::default() };
        assert!(matches!(config.validate(), Err(ConfigError::BadText { field: "serial", .. })));
    }

    #[test]
    fn atomic_boundaries_fit_the_atomic_unit() {
        let with = |atomic_blocks, atomic_boundary_blocks, atomic_boundary_offset| Config {
            atomic_blocks,
            atomic_boundary_blocks,
            atomic_boundary_offset,
            ..Config::default()
        };
        assert_eq!(with(4, 8, 7).validate(), Ok(()));
        for bad in [with(4, 3, 0), with(1, 1, 0), with(4, 8, 8), with(1, 0, 1)] {
            assert!(matches!(bad.validate(), Err(ConfigError::OutOfRange { .. })), "{bad:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        toml::from_str::<Config>("io_queue_max = 3").expect_err("no such field");
        assert_eq!(toml::from_str::<Config>("io_queues_max = 3").map(|c| c.io_queues_max), Ok(3));
    }
}
