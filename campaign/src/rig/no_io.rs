//! A swap path that does nothing: what is left is the memory side.

use hal::DmaBuf;
use iomap::{Context, Direction, IoFailure};
use swap_path::{PathKind, SwapIo};

/// Every I/O is done at once. What is read is whatever the frames held.
#[derive(Debug)]
pub(super) struct NoIo;

impl<P: DmaBuf> SwapIo<P> for NoIo {
    fn kind(&self) -> PathKind {
        PathKind::Swap
    }

    fn rw(
        &mut self,
        _direction: Direction,
        _slot: u32,
        _pages: &mut Vec<P>,
        _context: Context,
    ) -> Result<(), IoFailure> {
        Ok(())
    }

    fn deactivate(&mut self) {}
}
