//! The steps of the programs.

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal,)*) => {
        /// A step of a program. The numbers are part of the trace format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Step { $($(#[$doc])* $name = $number,)* }

        impl Step {
            pub(super) const fn from_u8(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Every step.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What the step does, in a few words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

#[rustfmt::skip]
steps! {
    /// The driver finds and enables the controller.
    Probe = 1 "probe the controller",
    /// Make the filesystem.
    Mkfs = 2 "mkfs",
    /// Mount it.
    Mount = 3 "mount",
    /// Make the swap file: allocate, write every block, write the header.
    MakeSwapFile = 4 "make the swap file",
    /// Activate it.
    SwapOn = 5 "swapon",
    /// Write the first generation over the whole address space.
    Fill = 6 "write generation 1",
    /// Shut the filesystem down.
    Shutdown = 7 "shut the filesystem down",
    /// Read every page again.
    VerifyOld = 8 "verify generation 1",
    /// Write the second generation over the whole address space.
    Refill = 9 "write generation 2",
    /// Read every page again.
    VerifyNew = 10 "verify the last generation",
    /// Unmount while swap is on.
    UnmountBusy = 11 "unmount while swap is on",
    /// Turn swap off by the file's path.
    SwapOffByPath = 12 "swapoff by path",
    /// Turn swap off by the area's number.
    SwapOffByArea = 13 "swapoff by area",
    /// Read every page again, from memory.
    VerifyInMemory = 14 "verify in memory",
    /// Unmount.
    Unmount = 15 "unmount",
    /// After the power cycle: mount, which recovers the journal.
    Recover = 16 "mount again",
    /// Check the filesystem.
    Fsck = 17 "fsck",
    /// After the power cycle: look the swap file up.
    FindSwapFile = 18 "find the swap file",
    /// Take the memory of the workload.
    AddressSpace = 19 "make the address space",
    /// Read the marker block: fault rules begin here.
    Mark = 20 "read the marker block",
    /// Evict every page.
    PageOut = 21 "evict every page",
    /// A user reads the swap file.
    UserRead = 22 "read the swap file as a user",
    /// A user writes a file by direct I/O.
    UserWrite = 23 "write a file by direct I/O",
    /// A user reads it back.
    UserVerify = 24 "verify that file",
    /// A write that must not wait, on a hole.
    NowaitHole = 25 "write a hole without waiting",
    /// A write that must not wait, on unwritten blocks.
    NowaitUnwritten = 26 "write unwritten blocks without waiting",
    /// Take all free blocks.
    EatSpace = 27 "take all free blocks",
    /// Forget that reads failed.
    DropFailedReads = 28 "forget failed reads",
    /// Reclaim while the swap file's I/O lock is held.
    ReclaimUnderLock = 29 "reclaim under the inode's I/O lock",
    /// Write to the active swap file.
    WriteActive = 30 "write to the active swap file",
    /// Allocate in the active swap file.
    FallocateActive = 31 "fallocate in the active swap file",
    /// Remove the active swap file.
    UnlinkActive = 32 "unlink the active swap file",
    /// Turn the active swap file on again.
    SwapOnAgain = 33 "swapon of the active swap file",
    /// Read the file that shares the swap file's blocks.
    ReadClone = 35 "read the clone of the swap file",
    /// Several tasks want more memory than there is.
    Pressure = 36 "run tasks under memory pressure",
    /// Take memory while the swap file's I/O lock is held.
    LockAndAllocate = 37 "take memory under the inode's I/O lock",
    /// Tasks update memory while its swap area is turned off; counts the pages that were right.
    SwapoffBeside = 38 "turn swap off while tasks use the memory",
    /// Make a file, unmount, mount.
    Remount = 34 "make a file and mount again",
    /// The client finds the file server's device.
    ProbeServer = 90 "find the file server",
    /// Copy the first half of the address space over the second.
    Fork = 60 "fork",
    /// Write zeros over every page.
    Zeros = 61 "write zeros",
    /// Touch pages at random.
    TouchRandom = 62 "touch pages at random",
    /// Touch a window that moves.
    TouchShifting = 63 "touch a moving window",
    /// Touch a few pages often and many seldom.
    TouchZipf = 64 "touch pages by a power law",
    /// Touch pages at random, nearly always to write.
    TouchWrites = 65 "write pages at random",
    /// Use and give up many small areas.
    TouchAreas = 66 "use many small areas",
    /// Touch pages while a file beside the swap file is written, cut and grown.
    TouchBesideFile = 67 "touch pages beside file I/O",
    /// The same by way of the page cache.
    TouchBesideBuffered = 68 "touch pages beside buffered file I/O",
    /// Move the blocks of the active swap file.
    Relocate = 69 "move the active swap file",
    /// Take the filesystem out of the namespace, busy or not.
    UnmountLazy = 70 "unmount lazily",
}
