//! A remote file as a swap file (Linux `nfs_swap_activate`, `nfs_swap_rw`, `nfs_swap_deactivate`).

use alloc::rc::Rc;
use alloc::vec::Vec;

use hal::trace::Layer;
use hal::{DmaBuf, PAGE_BYTES, Platform};
use iomap::{
    ActivateError, ActivateReason, Context, Direction, Errno, FailureKind, IoFailure, Request,
    SplitSwapFile, SwapFile,
};
use p9_wire::{LockRequest, Request as Message, lock_kind};

use crate::Client;
use crate::events::Event;
use crate::flight::{Flights, Places};
use crate::transfer::{Job, PAGES_MAX, pages_of};

/// Units of a file's block count.
const SECTOR_BYTES: u64 = 512;

/// An open file that swap uses.
pub(crate) struct RemoteSwapFile<P: Platform> {
    client: Rc<Client<P>>,
    /// Its place in the client's table.
    file: usize,
}

impl<P: Platform> RemoteSwapFile<P> {
    pub(crate) fn new(client: Rc<Client<P>>, file: usize) -> Self {
        Self { client, file }
    }

    /// Synced, without holes, and nobody else's.
    fn check_and_claim(&self) -> Result<u64, ActivateError> {
        let failed = |reason| move |errno| ActivateError { errno, reason, pos: 0 };
        self.client.sync_file(self.file).map_err(failed(ActivateReason::Sync))?;
        let attributes = self.client.attributes(self.file).map_err(failed(ActivateReason::Size))?;
        let size = attributes.size_bytes;
        // What NFS asks: fewer blocks than the size needs is a hole somewhere.
        if attributes.blocks.saturating_mul(SECTOR_BYTES) < size {
            return Err(failed(ActivateReason::Holes)(Errno::EINVAL));
        }
        if size < PAGE_BYTES as u64 {
            return Err(failed(ActivateReason::NoUsablePage)(Errno::EINVAL));
        }
        self.client.lock_file(self.file, lock_kind::WRITE).map_err(failed(ActivateReason::Map))?;
        Ok(size / PAGE_BYTES as u64)
    }

    /// Moves pages; the first of them are under way already, as `flights`.
    fn move_pages<D: DmaBuf>(
        &self,
        direction: Direction,
        pos: u64,
        pages: &[D],
        context: Context,
        mut flights: Flights,
    ) -> Result<(), IoFailure> {
        let failed = |errno, pos, kind| IoFailure {
            errno,
            pos,
            learned_by: Layer::Remote,
            kind,
            device: None,
        };
        for (index, chunk) in (0_u64..).zip(pages.chunks(PAGES_MAX)) {
            let pos = pos + index * (PAGES_MAX * PAGE_BYTES) as u64;
            let flights = core::mem::take(&mut flights);
            let moved = pages_of(chunk, |pages| {
                let job = Job { direction, file: self.file, pos, pages, context };
                self.client.transfer_launched(&job, flights)
            });
            match moved {
                None => return Err(failed(Errno::EINVAL, pos, FailureKind::Misaligned)),
                Some(result) => {
                    result.map_err(|(errno, pos)| failed(errno, pos, FailureKind::Completion))?;
                }
            }
        }
        Ok(())
    }
}

impl<P: Platform> Client<P> {
    /// Lets go of a swap file, whatever the server says.
    pub(crate) fn release(&self, file: usize) {
        self.set_swap(file, false);
        self.tracer.emit(Event::Released { file: self.path(file) });
        // A server that does not answer keeps the lock until the session is over.
        let _ = self.lock_file(file, lock_kind::UNLOCK);
    }

    fn lock_file(&self, file: usize, kind: u8) -> Result<(), Errno> {
        let message =
            LockRequest { fid: 0, kind, flags: 0, start: 0, length: 0, proc_id: 0, client_id: "" };
        self.retried(Message::Lock(message).kind(), self.budget(), |deadline| {
            match self.open_again(file, deadline)? {
                Ok(fid) => self.lock(fid, kind, deadline),
                Err(errno) => Ok(Err(errno)),
            }
        })
    }

    fn path(&self, file: usize) -> u64 {
        self.state.borrow().files.get(file).map_or(0, |file| file.path)
    }

    fn set_swap(&self, file: usize, is_swap: bool) {
        if let Some(file) = self.state.borrow_mut().files.get_mut(file) {
            file.is_swap = is_swap;
        }
    }
}

impl<P: Platform, D: DmaBuf> SwapFile<D> for RemoteSwapFile<P> {
    fn activate(&mut self) -> Result<(), ActivateError> {
        let file = self.client.path(self.file);
        match self.check_and_claim() {
            Ok(pages) => {
                self.client.set_swap(self.file, true);
                self.client.tracer.emit(Event::Claimed { file, pages });
                Ok(())
            }
            Err(error) => {
                self.client.tracer.emit(Event::Refused { file, errno: error.errno });
                Err(error)
            }
        }
    }

    /// One request of up to 128 KiB, if the server takes as much; the whole transfer fails if a part does
    /// (Linux `sio_write_complete`, `sio_read_complete`).
    fn rw(
        &mut self,
        direction: Direction,
        pos: u64,
        pages: &mut Vec<D>,
        context: Context,
    ) -> Result<(), IoFailure> {
        self.move_pages(direction, pos, pages, context, 0)
    }

    fn split(&self) -> Option<&dyn SplitSwapFile<D>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.client.release(self.file);
    }
}

impl<P: Platform, D: DmaBuf> SplitSwapFile<D> for RemoteSwapFile<P> {
    fn submit(&self, request: &mut Request<D>, context: Context) {
        let (direction, pos, file) = (request.direction, request.pos, self.file);
        let first = &request.pages[..request.pages.len().min(PAGES_MAX)];
        let flights = pages_of(first, |pages| {
            self.client.launch(&Job { direction, file, pos, pages, context }, 0, Places::Spare)
        });
        request.leave_note(flights.unwrap_or(0));
    }

    fn complete(&self, request: &mut Request<D>, context: Context) -> Result<(), IoFailure> {
        let flights = request.take_note();
        self.move_pages(request.direction, request.pos, &request.pages, context, flights)
    }
}
