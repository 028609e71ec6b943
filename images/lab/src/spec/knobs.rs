//! Ablation knobs: design decisions that a control takes back, one at a time.

use core::fmt;

use guest_fs::FsKnobs;
use swap_path::{MmKnobs, SwapKnobs};

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
    /// The workqueue of direct-I/O completions is made at the mount, not by the first write.
    WorkqueueAtMount = "workqueue-at-mount",
    /// Each seventh submission of swap I/O finds no memory.
    SubmitEnomem = "submit-enomem",
}

/// Which knobs are turned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Knobs(u32);

impl Knobs {
    /// These and `knob`.
    #[must_use]
    pub const fn with(self, knob: Knob) -> Self {
        Self(self.0 | 1 << knob as u8)
    }

    /// True if `knob` is turned.
    #[must_use]
    pub const fn has(self, knob: Knob) -> bool {
        self.0 & 1 << knob as u8 != 0
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
        }
    }

    /// Those of the address space.
    pub(crate) const fn mm(self) -> MmKnobs {
        MmKnobs {
            is_write_error_dropped: self.has(Knob::DropErrors),
            is_read_error_cached: self.has(Knob::CacheReadErrors),
            is_read_cluster_lost_whole: self.has(Knob::LoseReadClusters),
        }
    }
}

impl fmt::Display for Knobs {
    /// The names, with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turned = Knob::ALL.iter().filter(|knob| self.has(**knob));
        for (index, knob) in turned.enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { "," }, knob.name())?;
        }
        Ok(())
    }
}
