//! A swap file as swap I/O sees it, whatever is behind it: blocks of a local device, or a server.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{ActivateError, Context, Direction, IoFailure, Request};

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

    /// The same I/O in two halves; `None` if the file knows it only as a whole.
    fn split(&self) -> Option<&dyn SplitSwapFile<P>> {
        None
    }

    /// Lets go of the file. Cannot fail, whatever state the filesystem is in.
    fn deactivate(&mut self);
}

/// A swap file whose I/O is submitted by one and completed by another (Linux: `->swap_rw` that returns `-EIOCBQUEUED`,
/// and `ki_complete`).
///
/// Any number of requests may be between their halves, and either half may wait as a task: no borrow lasts.
pub trait SplitSwapFile<P> {
    /// Sends what can be sent now and does not wait for the other side. What fails is told at the completion.
    /// Nothing is allocated.
    fn submit(&self, request: &mut Request<P>, context: Context);

    /// Waits until all of the request is through. Every page is in it then, in order, and nobody else reaches one.
    ///
    /// # Errors
    /// As [`SwapFile::rw`].
    fn complete(&self, request: &mut Request<P>, context: Context) -> Result<(), IoFailure>;
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

    fn split(&self) -> Option<&dyn SplitSwapFile<P>> {
        (**self).split()
    }

    fn deactivate(&mut self) {
        (**self).deactivate();
    }
}
