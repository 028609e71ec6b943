//! A swap file as swap I/O sees it, whatever is behind it: blocks of a local device, or a server.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{ActivateError, Context, Direction, IoFailure};

/// Where the pages of an active swap area go (what Linux has `->swap_activate`, `->swap_rw` and
/// `->swap_deactivate` for). `swap` over a filesystem of our own and `net` over a remote one both are one.
pub trait SwapFile<P> {
    /// Is the file fit for swap? The last question of swapon, when the header was found good; the file is the
    /// area's from then on. A file whose blocks were looked at before need not answer.
    ///
    /// # Errors
    /// [`ActivateError`] with the errno and text of Linux.
    fn activate(&mut self) -> Result<(), ActivateError> {
        Ok(())
    }

    /// Reads or writes `pages` from byte `pos` on. Every page is back in `pages`, in order, whatever the outcome.
    /// Nothing is allocated.
    ///
    /// # Errors
    /// [`IoFailure`]: the whole transfer counts as failed.
    fn rw(
        &mut self,
        direction: Direction,
        pos: u64,
        pages: &mut Vec<P>,
        context: Context,
    ) -> Result<(), IoFailure>;

    /// Lets go of the file. Cannot fail, whatever state the filesystem is in.
    fn deactivate(&mut self);
}

impl<P> SwapFile<P> for Box<dyn SwapFile<P>> {
    fn activate(&mut self) -> Result<(), ActivateError> {
        (**self).activate()
    }

    fn rw(
        &mut self,
        direction: Direction,
        pos: u64,
        pages: &mut Vec<P>,
        context: Context,
    ) -> Result<(), IoFailure> {
        (**self).rw(direction, pos, pages, context)
    }

    fn deactivate(&mut self) {
        (**self).deactivate();
    }
}
