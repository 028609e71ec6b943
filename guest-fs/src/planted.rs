//! Bugs that are planted on purpose: whoever tests this filesystem must find every one of them.
//!
//! Without the feature `planted` nobody can name one, and the compiler takes every question for one away.

/// A bug, of a kind that real filesystems have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planted {
    /// The commit record is written without a flush before it.
    NoFlushBeforeCommit,
    /// The commit record is left in the volatile cache.
    CommitWithoutFua,
    /// The commit record goes out before what it commits.
    CommitBeforeImages,
    /// The journal is durable, the data that it points to are not (a broken ordered mode).
    CommitBeforeData,
    /// Recovery takes a batch without looking at its checksum.
    TornBatchReplayed,
    /// Freed metadata blocks are not revoked.
    RevokeForgotten,
    /// Recovery does not look at revoked blocks.
    RevokeIgnored,
    /// Bitmaps go to their places with a checkpoint and never through the journal.
    BitmapNotLogged,
    /// The tail moves on before what it leaves behind is durable in its place.
    CheckpointWithoutFlush,
    /// A batch is written over one that is not yet in its place.
    LogOverwritesTail,
    /// fsync flushes the device and leaves the log where it is.
    FsyncWithoutForce,
    /// A change of the size alone does not make an inode dirty, so fsync does not force it.
    SizeNotDirty,
    /// fsync says that all is well although the flush failed.
    FlushErrorIgnored,
    /// A batch that could not be written counts as written.
    LogErrorIgnored,
    /// A mount leaves what a crash left unfinished.
    OrphansForgotten,
    /// Blocks for a copy on write are not noted as staging.
    StagingNotNoted,
    /// A freed block is used again before its release is durable.
    EarlyReuse,
    /// A clone does not count as an owner of its blocks.
    OwnerForgotten,
    /// A write to shared blocks goes to the shared blocks.
    CopyOnWriteForgotten,
    /// Unwritten blocks are marked as written before their data are on the media.
    ConvertBeforeData,
    /// Rename makes the new name, then takes the old one away.
    RenameInTwoSteps,
    /// What a truncation leaves of the last block is not zeroed.
    TailNotZeroed,
    /// A new name is not counted in its inode.
    LinkNotCounted,
    /// Changes that give space back may not use the last blocks.
    ReserveForgotten,
    /// Writeback keeps the claim on space of what has its blocks now.
    ClaimsKept,
    /// Writeback converts unwritten blocks when it sends their data, not when they are on the media.
    ConvertBeforePages,
    /// Writeback brings data to the media and leaves the size where it was.
    SizeLostAtWriteback,
    /// An error of writeback is told to nobody.
    WritebackErrorUntold,
    /// A direct write leaves old pages of its range in the cache.
    PagesKeptAtDirectWrite,
    /// A direct read does not look for dirty pages.
    PagesIgnoredAtDirectRead,
    /// A truncation that fails has dropped dirty pages.
    PagesDroppedEarly,
    /// What is zeroed beyond the size goes over a direct write that is under way.
    ZerosOverDirectWrite,
    /// An unmount without changes of metadata leaves data in the volatile cache.
    UnmountWithoutFlush,
}

#[cfg(feature = "planted")]
impl Planted {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::NoFlushBeforeCommit,
        Self::CommitWithoutFua,
        Self::CommitBeforeImages,
        Self::CommitBeforeData,
        Self::TornBatchReplayed,
        Self::RevokeForgotten,
        Self::RevokeIgnored,
        Self::BitmapNotLogged,
        Self::CheckpointWithoutFlush,
        Self::LogOverwritesTail,
        Self::FsyncWithoutForce,
        Self::SizeNotDirty,
        Self::FlushErrorIgnored,
        Self::LogErrorIgnored,
        Self::OrphansForgotten,
        Self::StagingNotNoted,
        Self::EarlyReuse,
        Self::OwnerForgotten,
        Self::CopyOnWriteForgotten,
        Self::ConvertBeforeData,
        Self::RenameInTwoSteps,
        Self::TailNotZeroed,
        Self::LinkNotCounted,
        Self::ReserveForgotten,
        Self::ClaimsKept,
        Self::ConvertBeforePages,
        Self::SizeLostAtWriteback,
        Self::WritebackErrorUntold,
        Self::PagesKeptAtDirectWrite,
        Self::PagesIgnoredAtDirectRead,
        Self::PagesDroppedEarly,
        Self::ZerosOverDirectWrite,
        Self::UnmountWithoutFlush,
    ];
}

/// What is planted in a mounted filesystem.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plant {
    #[cfg(feature = "planted")]
    pub(crate) bug: Option<Planted>,
}

impl Plant {
    /// Is this bug planted? Never, without the feature.
    #[cfg(feature = "planted")]
    pub(crate) fn has(self, bug: Planted) -> bool {
        self.bug == Some(bug)
    }

    /// Is this bug planted? Never, without the feature.
    #[cfg(not(feature = "planted"))]
    #[expect(clippy::unused_self, reason = "the same words with the feature and without it")]
    pub(crate) const fn has(self, _bug: Planted) -> bool {
        false
    }
}
