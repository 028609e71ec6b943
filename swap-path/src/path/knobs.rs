//! Ablations of paths: each takes one promise away, so that an oracle must object, or one habit of Linux.

/// What a path does against its design. All off is the design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwapKnobs {
    /// The mapping of the `swap` path comes from the direct-I/O callback: it takes the inode lock, and allocates where
    /// there is a hole. A filesystem that forgot to tell the two apart.
    pub is_mapped_by_dio: bool,
    /// Each write by the `swap` path ends with the direct-I/O completion, which converts unwritten blocks and updates the
    /// size: a transaction each.
    pub has_end_io: bool,
    /// Each I/O by the `swap` path is done under the inode's I/O lock.
    pub is_locked: bool,
    /// The `extents` path takes folios as a whole, as Linux does for a partition. It splits them for a
    /// file.
    pub takes_folios: bool,
}
