//! The script: what the program does, word by word.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::{SpecError, named};

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A word of a script.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Op {
            $($(#[$doc])* $name,)*
            /// `trip-before:N:OP` or `trip-in-flight:N:OP`: arms the tripwire.
            Trip(Trip),
        }

        impl Op {
            /// Every word without arguments.
            pub const PLAIN: &'static [Self] = &[$(Self::$name,)*];

            /// The word.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Trip(trip) => trip.phase.name(),
                }
            }

            /// The word without arguments that is written like that.
            fn plain(word: &str) -> Option<Self> {
                match word {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The word is about the filesystem on the drive: its locks, its transactions, its freeze, its blocks. It has
            /// no meaning where the swap file is a server's.
            #[must_use]
            pub const fn needs_the_drives_filesystem(self) -> bool {
                matches!(
                    self,
                    Self::Victim
                        | Self::ReclaimUnderLock
                        | Self::TouchBesideFile
                        | Self::TouchBesideBuffered
                        | Self::Relocate
                        | Self::UnmountLazy
                        | Self::ReadClone
                        | Self::UserIo
                        | Self::Nowait
                        | Self::EatSpace
                        | Self::PressureMetadata
                        | Self::PressureFrozen
                        | Self::LockAndAllocate
                        | Self::WorkUntilDown
                        | Self::OpenVictim
                        | Self::Trip(_)
                )
            }

            /// The word shuts the filesystem down, or sets a trap that does.
            #[must_use]
            pub const fn brings_down(self) -> bool {
                matches!(
                    self,
                    Self::Shutdown
                        | Self::ShutdownLogFlush
                        | Self::ShutdownDefault
                        | Self::WorkUntilDown
                        | Self::OpenVictim
                        | Self::Trip(_)
                )
            }
        }
    };
}

#[rustfmt::skip]
ops! {
    /// Makes a filesystem and mounts it.
    Fs = "fs",
    /// Makes a file whose inode is not in memory: creates it, unmounts, mounts again.
    Victim = "victim",
    /// Makes the swap file.
    File = "file",
    /// Takes the workload's memory.
    Memory = "memory",
    /// Turns swap on.
    On = "on",
    /// Writes generation 1 over all pages.
    Fill = "fill",
    /// Reads all pages, which hold generation 1.
    VerifyOld = "verify-old",
    /// Writes generation 2 over all pages.
    Refill = "refill",
    /// Reads all pages again.
    VerifyNew = "verify-new",
    /// Reads all pages again, after swapoff.
    VerifyInMemory = "verify-in-memory",
    /// Evicts every page.
    PageOut = "page-out",
    /// A process of half the address space is copied over the other half.
    Fork = "fork",
    /// Writes zeros over all pages.
    Zeros = "zeros",
    /// Touches pages at random, four times as many as there are; half the accesses write.
    TouchRandom = "touch-random",
    /// The same in a window of a quarter of the pages that moves.
    TouchShifting = "touch-shifting",
    /// The same, but the first page of each power of two as often as all the others of it (Zipf).
    TouchZipf = "touch-zipf",
    /// The same, but nine of ten accesses write.
    TouchWrites = "touch-writes",
    /// Uses areas of eight pages each, and gives every fourth one up.
    TouchAreas = "touch-areas",
    /// Touches pages at random while a file is written, read, grown, cut and brought to media.
    TouchBesideFile = "touch-beside-file",
    /// The same by way of the page cache: delayed allocation, writeback, fsync.
    TouchBesideBuffered = "touch-beside-buffered",
    /// Moves all blocks of the active swap file to other places, as a filesystem may for reasons of its own.
    Relocate = "relocate",
    /// Takes the filesystem out of the namespace although swap is on (`umount -l`): no path leads to it any more.
    UnmountLazy = "unmount-lazy",
    /// Reclaims while somebody holds the swap file's I/O lock.
    ReclaimUnderLock = "reclaim-under-lock",
    /// Takes memory for several tasks and turns swap on behind it.
    PressureOn = "pressure-on",
    /// Lets several tasks want more memory than there is.
    Pressure = "pressure",
    /// The same while somebody reads the swap file.
    PressureReader = "pressure-reader",
    /// The same while somebody makes files and brings them to media: transactions, buffers, log space.
    PressureMetadata = "pressure-metadata",
    /// The same with everything evicted once, by a program.
    PressurePageOut = "pressure-page-out",
    /// The same on a frozen filesystem, which the program thaws afterwards.
    PressureFrozen = "pressure-frozen",
    /// Turns swap off while tasks update what was evicted.
    PressureSwapoff = "pressure-swapoff",
    /// Somebody takes memory while he holds the swap file's I/O lock.
    LockAndAllocate = "lock-and-allocate",
    /// Gives that memory up and lets go of the swap file.
    PressureOff = "pressure-off",
    /// Forgets that reads failed.
    DropFailedReads = "drop-failed-reads",
    /// Reads the last block of the drive: fault rules count from here.
    Mark = "mark",
    /// Reads that block until the drive gives it, without a bound (as XFS writes metadata again for ever, unless it
    /// is told otherwise): what never comes to an end if the drive never does.
    MarkUntilRead = "mark-until-read",
    /// Shuts the filesystem down at once.
    Shutdown = "shutdown",
    /// Shuts the filesystem down after a log force.
    ShutdownLogFlush = "shutdown-log-flush",
    /// Shuts the filesystem down after a sync.
    ShutdownDefault = "shutdown-default",
    /// Creates files and brings them to media until the filesystem shuts itself down.
    WorkUntilDown = "work-until-down",
    /// Opens the victim: its inode is read.
    OpenVictim = "open-victim",
    /// Unmounts, which must be refused while swap is on.
    UnmountBusy = "unmount-busy",
    /// Turns swap off by the file's path, and by the area if that fails.
    Off = "off",
    /// Turns swap off by the area.
    OffArea = "off-area",
    /// Unmounts, unless that is done already.
    Unmount = "unmount",
    /// Reads the swap file as a user and counts the pages that are not all zeros.
    UserRead = "user-read",
    /// Reads the clone of the swap file and counts the pages that are not all zeros, as they were.
    ReadClone = "read-clone",
    /// Writes a file of a user's by direct I/O and reads it back.
    UserIo = "user-io",
    /// Direct I/O that must not wait, on a hole and on unwritten blocks.
    Nowait = "nowait",
    /// Takes all free blocks of the filesystem.
    EatSpace = "eat-space",
    /// Tries to write, allocate in, remove and turn on again the active swap file.
    ModifyActive = "modify-active",
    /// The machine is switched off; what follows is its second life.
    PowerCycle = "power-cycle",
    /// Mounts what is there.
    Recover = "recover",
    /// Opens the swap file.
    Find = "find",
    /// Checks the filesystem, which is not mounted.
    Fsck = "fsck",
}

/// What somebody else does at a certain moment of swap I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trip {
    /// At which point of the I/O.
    pub phase: TripPhase,
    /// Of the how manieth read or write of the drive from now on, counted from 1.
    pub nth: u32,
    /// Which of the words that bring a filesystem down.
    pub down: Down,
}

/// A point of an I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TripPhase {
    /// Before the request reaches the driver.
    Before,
    /// When the driver has it, and before anybody waits for it.
    InFlight,
}

impl TripPhase {
    const ALL: &'static [Self] = &[Self::Before, Self::InFlight];

    const fn name(self) -> &'static str {
        match self {
            Self::Before => "trip-before",
            Self::InFlight => "trip-in-flight",
        }
    }
}

/// A way to bring a filesystem down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Down {
    /// See [`Op::Shutdown`].
    NoLogFlush,
    /// See [`Op::ShutdownLogFlush`].
    LogFlush,
    /// See [`Op::ShutdownDefault`].
    Default,
    /// See [`Op::WorkUntilDown`].
    Work,
    /// See [`Op::OpenVictim`].
    OpenVictim,
}

impl Down {
    const ALL: &'static [Self] =
        &[Self::NoLogFlush, Self::LogFlush, Self::Default, Self::Work, Self::OpenVictim];

    const fn op(self) -> Op {
        match self {
            Self::NoLogFlush => Op::Shutdown,
            Self::LogFlush => Op::ShutdownLogFlush,
            Self::Default => Op::ShutdownDefault,
            Self::Work => Op::WorkUntilDown,
            Self::OpenVictim => Op::OpenVictim,
        }
    }

    const fn name(self) -> &'static str {
        self.op().name()
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Trip(trip) => write!(f, ":{}:{}", trip.nth, trip.down.name()),
            _ => Ok(()),
        }
    }
}

impl FromStr for Op {
    type Err = SpecError;

    fn from_str(word: &str) -> Result<Self, SpecError> {
        if let Some(op) = Self::plain(word) {
            return Ok(op);
        }
        let Some((phase, rest)) = word.split_once(':') else {
            return named(Self::PLAIN, Self::name, "script", word);
        };
        let (nth, down) = rest.split_once(':').unwrap_or((rest, ""));
        Ok(Self::Trip(Trip {
            phase: named(TripPhase::ALL, TripPhase::name, "script", phase)?,
            nth: nth.parse().map_err(|_| SpecError::new(alloc::format!("{word}: no number")))?,
            down: named(Down::ALL, Down::name, phase, down)?,
        }))
    }
}

/// The words of a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Script(Vec<Op>);

impl Script {
    /// The mail's scenario, which a guest plays that is told nothing else.
    pub const SHUTDOWN: &'static str = "fs,file,memory,on,fill,shutdown,verify-old,refill,verify-new,\
        unmount-busy,off,verify-in-memory,unmount,power-cycle,recover,find,unmount,fsck";

    /// A program that does nothing.
    pub(super) const EMPTY: Self = Self(Vec::new());

    /// All words.
    #[must_use]
    pub fn words(&self) -> &[Op] {
        &self.0
    }

    /// The words of the first life, and those of the second.
    #[must_use]
    pub fn lives(&self) -> (&[Op], &[Op]) {
        let words = &self.0[..];
        match words.iter().position(|op| *op == Op::PowerCycle) {
            Some(at) => (&words[..at], &words[at + 1..]),
            None => (words, &[]),
        }
    }

    /// True if the script has that word.
    #[must_use]
    pub fn has(&self, op: Op) -> bool {
        self.0.contains(&op)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, op) in self.0.iter().enumerate() {
            write!(f, "{}{op}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Script {
    type Err = SpecError;

    /// Words with commas or blanks between them.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        let is_gap = |c: char| c == ',' || c.is_ascii_whitespace();
        let words = text.split(is_gap).filter(|word| !word.is_empty());
        words
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|error: SpecError| SpecError::new(error.to_string()))
    }
}
