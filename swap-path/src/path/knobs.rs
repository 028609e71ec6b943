//! Ablations of the `swap` path: each takes one of its promises away, so that an oracle must object.

/// What the `swap` path does against its design. All off is the design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwapKnobs {
    /// The mapping comes from the direct-I/O callback: it takes the inode lock, and allocates where
    /// there is a hole. A filesystem that forgot to tell the two apart.
    pub is_mapped_by_dio: bool,
    /// Each write ends with the direct-I/O completion, which converts unwritten blocks and updates the
    /// size: a transaction each.
    pub has_end_io: bool,
    /// Each I/O is done under the inode's I/O lock.
    pub is_locked: bool,
}
