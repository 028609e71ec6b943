//! Swap I/O on a [`SwapFile`]: the one way in for files of a local filesystem (`swap`) and of a remote one
//! (`net`). Which it is, is the file's own affair.

use alloc::vec::Vec;

use hal::DmaBuf;
use iomap::{Context, Direction, IoFailure, SwapFile};

use super::{PathKind, SwapIo, slot_pos};

/// An active swap file, by the name of its path.
pub(crate) struct FilePath<F> {
    kind: PathKind,
    file: F,
}

impl<F> FilePath<F> {
    pub(crate) fn new(kind: PathKind, file: F) -> Self {
        Self { kind, file }
    }
}

impl<P: DmaBuf, F: SwapFile<P>> SwapIo<P> for FilePath<F> {
    fn kind(&self) -> PathKind {
        self.kind
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<P>,
        context: Context,
    ) -> Result<(), IoFailure> {
        self.file.rw(direction, slot_pos(slot), pages, context)
    }

    fn deactivate(&mut self) {
        self.file.deactivate();
    }
}
