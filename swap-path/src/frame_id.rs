//! The number of a frame: how page tables, swap cache and lists name it.

/// Names a frame of one address space (Linux: a page frame number). The first frame of a folio names the
/// folio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameId(pub(crate) u32);

impl FrameId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}
