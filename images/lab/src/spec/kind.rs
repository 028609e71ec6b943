//! What the swap file is like when it is turned on.

/// The state of the swap file's blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Every block is written: nothing is left to convert.
    #[default]
    Written,
    /// Allocated and never written (fallocate).
    Unwritten,
    /// No blocks behind the header, except for the last one, which makes the size.
    Hole,
    /// Half as long as its header says.
    Extending,
    /// Every block is written, but the last change of its metadata is not in the log on media.
    Dirty,
    /// Every block is written and belongs to another file too (reflink).
    Shared,
    /// Written through the page cache and not yet brought to media: its blocks are not even chosen.
    Delalloc,
}

impl FileKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Written,
        Self::Unwritten,
        Self::Hole,
        Self::Extending,
        Self::Dirty,
        Self::Shared,
        Self::Delalloc,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Unwritten => "unwritten",
            Self::Hole => "hole",
            Self::Extending => "extending",
            Self::Dirty => "dirty",
            Self::Shared => "shared",
            Self::Delalloc => "delalloc",
        }
    }
}
