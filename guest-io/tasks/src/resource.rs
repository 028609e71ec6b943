//! What a task can wait for.

use core::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal,)*) => {
        /// What kind of thing is waited for. The numbers are part of the trace format: never reuse one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ResourceKind { $($(#[$doc])* $name = $number,)* }

        impl ResourceKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// In a few words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

#[rustfmt::skip]
kinds! {
    /// An interrupt of the device; the number is its vector.
    Device = 1 "the drive",
    /// Nothing but time.
    Time = 2 "time",
    /// Free pages.
    Memory = 3 "free memory",
    /// The lock of an inode's map (XFS: ILOCK).
    MapLock = 4 "the map lock of inode",
    /// The lock around a whole I/O of an inode (Linux `i_rwsem`, XFS: IOLOCK).
    IoLock = 5 "the I/O lock of inode",
    /// The journal being written.
    LogLock = 6 "the log lock",
    /// Room in the log for a transaction.
    LogSpace = 7 "log space",
    /// A metadata block that another transaction holds.
    MetaBlock = 8 "metadata block",
    /// A request of the swap I/O pool (Linux `sio_pool`).
    SwapIo = 9 "a request of the swap I/O pool",
    /// The mutex around the making of a workqueue (Linux `wq_pool_mutex`).
    WorkqueueLock = 10 "the workqueue mutex",
    /// A thread that the thread maker is to make (Linux `kthread_create_on_node`).
    NewThread = 11 "a new thread",
    /// The write of a page to swap (Linux `folio_wait_writeback`).
    Writeback = 12 "the writeback of page",
    /// The thaw of a frozen filesystem.
    Thaw = 13 "the thaw",
    /// Something to do. Waiting for it harms nobody.
    Work = 14 "work",
    /// Pages of the cache that another task brings to the drive (Linux `folio_wait_writeback`).
    CachePages = 15 "the pages of inode",
    /// A direct I/O that another task is finishing (Linux `inode_dio_wait`).
    DirectIo = 16 "the direct I/O of inode",
    /// An interrupt of the file server's device; the number is its vector.
    Server = 17 "the server",
    /// The session with the server, which somebody else begins (Linux `XPRT_LOCKED` of a transport).
    Session = 18 "the session with the server",
    /// A place for a request to the server (Linux `rpc_rqst` slots, `xprt->backlog`).
    ServerSlot = 19 "a place for a request to the server",
}

impl ResourceKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == number)
    }

    /// What ends the wait comes from outside: an interrupt, at a time that only the machine knows.
    #[must_use]
    pub const fn is_device(self) -> bool {
        matches!(self, Self::Device | Self::Server)
    }

    /// Who waits for it does not want to get on: there is nothing to do.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        matches!(self, Self::Work)
    }
}

/// One thing that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Which of that kind: an inode, a page, a vector; 0 where there is one.
    pub id: u64,
}

impl Resource {
    /// The thing of `kind` with that number.
    #[must_use]
    pub const fn new(kind: ResourceKind, id: u64) -> Self {
        Self { kind, id }
    }

    /// The only thing of `kind`.
    #[must_use]
    pub const fn only(kind: ResourceKind) -> Self {
        Self::new(kind, 0)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())?;
        match self.kind {
            ResourceKind::MapLock
            | ResourceKind::IoLock
            | ResourceKind::MetaBlock
            | ResourceKind::CachePages
            | ResourceKind::DirectIo
            | ResourceKind::Writeback => write!(f, " {}", self.id),
            _ => Ok(()),
        }
    }
}
