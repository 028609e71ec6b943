//! Ablation knobs: design decisions that a control takes back, one at a time.

use alloc::vec::Vec;
use core::fmt;

use guest_fs::FsKnobs;
use swap_path::{Bug, Bugs, MmKnobs, SwapKnobs};

use super::SpecError;

macro_rules! knobs {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A design decision that can be taken back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Knob { $($(#[$doc])* $name,)* }

        impl Knob {
            /// Every knob.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

#[rustfmt::skip]
knobs! {
    /// The swap mapping gives `EIO` after a shutdown, as the direct-I/O mapping does.
    SwapMapHonoursShutdown = "swap-map-honours-shutdown",
    /// The swap mapping does not look whether blocks belong to another file too.
    SwapMapIgnoresSharing = "swap-map-ignores-sharing",
    /// The `swap` path asks the direct-I/O mapping: it locks the inode and allocates.
    SwapMappedByDio = "swap-mapped-by-dio",
    /// The `swap` path ends each write as direct I/O does: it converts and grows.
    SwapEndIo = "swap-end-io",
    /// The `swap` path takes the inode's I/O lock.
    SwapLocked = "swap-locked",
    /// A swap-out that failed counts as done.
    DropErrors = "drop-errors",
    /// A page whose read failed is not asked for again.
    CacheReadErrors = "cache-read-errors",
    /// A cluster read that failed loses all of its pages.
    LoseReadClusters = "lose-read-clusters",
    /// The `extents` path takes folios whole, as Linux does for a partition.
    ExtentsTakeFolios = "extents-take-folios",
    /// The workqueue of direct-I/O completions is made at the mount, not by the first write.
    WorkqueueAtMount = "workqueue-at-mount",
    /// Each slot has a checksum in memory: a page that comes back otherwise than it went is a read error.
    SlotChecksums = "slot-checksums",
    /// Each seventh submission of swap I/O finds no memory.
    SubmitEnomem = "submit-enomem",
}

/// Which knobs are turned, and which bugs are planted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Knobs {
    turned: u32,
    bugs: Bugs,
}

impl Knobs {
    /// These and `knob`.
    #[must_use]
    pub const fn with(self, knob: Knob) -> Self {
        Self { turned: self.turned | 1 << knob as u8, ..self }
    }

    /// These and the knob or bug of that name.
    ///
    /// # Errors
    /// [`SpecError`] that lists the names there are.
    pub fn with_named(self, name: &str) -> Result<Self, SpecError> {
        let knob = Knob::ALL.iter().find(|knob| knob.name() == name);
        let bug = Bug::ALL.iter().find(|bug| bug.name() == name);
        match (knob, bug) {
            (Some(knob), _) => Ok(self.with(*knob)),
            (None, Some(bug)) => Ok(Self { bugs: self.bugs.with(*bug), ..self }),
            (None, None) => {
                let knobs = Knob::ALL.iter().map(|knob| knob.name());
                let names: Vec<_> = knobs.chain(Bug::ALL.iter().map(|bug| bug.name())).collect();
                let text = alloc::format!("unknown knob {name}: known are {}", names.join(", "));
                Err(SpecError::new(text))
            }
        }
    }

    /// True if `knob` is turned.
    #[must_use]
    pub const fn has(self, knob: Knob) -> bool {
        self.turned & 1 << knob as u8 != 0
    }

    /// The bugs that are planted.
    #[must_use]
    pub const fn bugs(self) -> Bugs {
        self.bugs
    }

    /// Those of the filesystem.
    pub(crate) fn fs(self) -> FsKnobs {
        FsKnobs {
            swap_map_honours_shutdown: self.has(Knob::SwapMapHonoursShutdown),
            swap_map_ignores_sharing: self.has(Knob::SwapMapIgnoresSharing),
        }
    }

    /// Those of the `swap` path.
    pub(crate) const fn swap(self) -> SwapKnobs {
        SwapKnobs {
            is_mapped_by_dio: self.has(Knob::SwapMappedByDio),
            has_end_io: self.has(Knob::SwapEndIo),
            is_locked: self.has(Knob::SwapLocked),
            takes_folios: self.has(Knob::ExtentsTakeFolios),
        }
    }

    /// Those of the address space.
    pub(crate) const fn mm(self) -> MmKnobs {
        MmKnobs {
            is_write_error_dropped: self.has(Knob::DropErrors),
            is_read_error_cached: self.has(Knob::CacheReadErrors),
            is_read_cluster_lost_whole: self.has(Knob::LoseReadClusters),
            has_slot_checksums: self.has(Knob::SlotChecksums),
        }
    }
}

impl fmt::Display for Knobs {
    /// The names, with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turned = Knob::ALL.iter().filter(|knob| self.has(**knob)).map(|knob| knob.name());
        let planted = Bug::ALL.iter().filter(|bug| self.bugs.has(**bug)).map(|bug| bug.name());
        for (index, name) in turned.chain(planted).enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
