//! The filesystem as its user sees it: names, whole pages, and a file for swap.

use alloc::boxed::Box;
use alloc::rc::Rc;

use hal::{DmaBuf, Platform};
use iomap::{Context, Direction, Errno, SwapFile};
use p9_wire::{Attributes, Reply, Request};

use crate::Client;
use crate::swapfile::RemoteSwapFile;
use crate::transfer::{Job, pages_of};

/// A file that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(usize);

/// A remote filesystem, for pages of kind `D`.
pub trait RemoteFs<D> {
    /// Connects, and asks how large it is: blocks of 4 KiB.
    ///
    /// # Errors
    /// `ETIMEDOUT` if nobody answers, `EIO` if the server's filesystem is down.
    fn mount(&self) -> Result<u64, Errno>;

    /// Lets go of it.
    ///
    /// # Errors
    /// `EBUSY` while a file is used for swap.
    fn unmount(&self) -> Result<(), Errno>;

    /// Makes a file and opens it.
    ///
    /// # Errors
    /// What the server says.
    fn create(&self, name: &str) -> Result<FileId, Errno>;

    /// Opens a file. A name that was opened before is known: nobody is asked.
    ///
    /// # Errors
    /// What the server says.
    fn open(&self, name: &str) -> Result<FileId, Errno>;

    /// Bytes of a file.
    ///
    /// # Errors
    /// What the server says.
    fn size_bytes(&self, file: FileId) -> Result<u64, Errno>;

    /// Writes or reads up to 32 whole pages at byte `pos`.
    ///
    /// # Errors
    /// What the server says; `ETXTBSY` for a write to an active swap file, `EINVAL` for too many pages.
    fn transfer(
        &self,
        direction: Direction,
        file: FileId,
        pos: u64,
        pages: &[D],
    ) -> Result<(), Errno>;

    /// Brings a file to the server's media.
    ///
    /// # Errors
    /// What the server says.
    fn sync(&self, file: FileId) -> Result<(), Errno>;

    /// Gives the server's administrator an order, by the file that the server has for that. `page` holds it.
    ///
    /// # Errors
    /// What the server says.
    fn order(&self, page: &D, bytes: usize) -> Result<(), Errno>;

    /// The file for swap.
    ///
    /// # Errors
    /// `EBUSY` if it is in use as that already.
    fn swap_file(&self, file: FileId) -> Result<Box<dyn SwapFile<D>>, Errno>;

    /// Lets go of a file that was used for swap, without whoever used it. Cannot fail.
    fn release_swap_file(&self, file: FileId);
}

impl<P: Platform + 'static, D: DmaBuf + 'static> RemoteFs<D> for Rc<Client<P>> {
    fn mount(&self) -> Result<u64, Errno> {
        let request = Request::Statfs { fid: crate::connect::ROOT_FID };
        let reply = self
            .retried(request.kind(), self.budget(), |deadline| self.exchange(&request, deadline))?;
        self.state.borrow_mut().is_mounted = true;
        match reply {
            Reply::Statfs(statfs) => Ok(statfs.blocks),
            _ => Err(Errno::EIO),
        }
    }

    fn unmount(&self) -> Result<(), Errno> {
        let mut state = self.state.borrow_mut();
        if state.files.iter().any(|file| file.is_swap) {
            return Err(Errno::EBUSY);
        }
        state.files.clear();
        state.is_mounted = false;
        state.is_connected = false;
        // The reset ends the session; a device that does not come to rest is cut off.
        if self.transport.stop().is_err() {
            state.is_dead = true;
            self.transport.abandon();
        }
        state.session += 1;
        state.slots.forget();
        Ok(())
    }

    fn create(&self, name: &str) -> Result<FileId, Errno> {
        self.open_file(name, true).map(FileId)
    }

    fn open(&self, name: &str) -> Result<FileId, Errno> {
        self.open_file(name, false).map(FileId)
    }

    fn size_bytes(&self, file: FileId) -> Result<u64, Errno> {
        self.attributes(file.0).map(|attributes| attributes.size_bytes)
    }

    fn transfer(
        &self,
        direction: Direction,
        file: FileId,
        pos: u64,
        pages: &[D],
    ) -> Result<(), Errno> {
        let is_swap = self.state.borrow().files.get(file.0).is_some_and(|file| file.is_swap);
        if is_swap && direction == Direction::Write {
            return Err(Errno::ETXTBSY);
        }
        let context = Context::User;
        let moved = pages_of(pages, |pages| {
            Client::transfer(self, &Job { direction, file: file.0, pos, pages, context })
        });
        moved.unwrap_or(Err((Errno::EINVAL, pos))).map_err(|(errno, _)| errno)
    }

    fn sync(&self, file: FileId) -> Result<(), Errno> {
        self.sync_file(file.0)
    }

    fn order(&self, page: &D, bytes: usize) -> Result<(), Errno> {
        let file = self.open_file("ctl", false)?;
        self.write_some(file, page, bytes)
    }

    fn swap_file(&self, file: FileId) -> Result<Box<dyn SwapFile<D>>, Errno> {
        let is_swap = self.state.borrow().files.get(file.0).is_some_and(|file| file.is_swap);
        if is_swap {
            return Err(Errno::EBUSY);
        }
        Ok(Box::new(RemoteSwapFile::new(Rc::clone(self), file.0)))
    }

    fn release_swap_file(&self, file: FileId) {
        self.release(file.0);
    }
}

impl<P: Platform> Client<P> {
    /// One request about an open file, again in another connection if need be.
    pub(crate) fn about(
        &self,
        file: usize,
        request: impl Fn(u32) -> Request<'static>,
    ) -> Result<Reply, Errno> {
        self.retried(request(0).kind(), self.budget(), |deadline| {
            match self.open_again(file, deadline)? {
                Ok(fid) => self.exchange(&request(fid), deadline),
                Err(errno) => Ok(Err(errno)),
            }
        })
    }

    pub(crate) fn attributes(&self, file: usize) -> Result<Attributes, Errno> {
        // Size and blocks (P9_GETATTR_BASIC).
        match self.about(file, |fid| Request::Getattr { fid, mask: 0x7ff })? {
            Reply::Getattr(attributes) => Ok(attributes),
            _ => Err(Errno::EIO),
        }
    }

    pub(crate) fn sync_file(&self, file: usize) -> Result<(), Errno> {
        self.about(file, |fid| Request::Fsync { fid, datasync: 0 }).map(|_| ())
    }

    /// Writes the first bytes of a page to the beginning of a file.
    fn write_some<D: DmaBuf>(&self, file: usize, page: &D, bytes: usize) -> Result<(), Errno> {
        let pages = [virtio::Buffer { iova: page.iova(), size_bytes: bytes as u32 }];
        let (direction, context) = (Direction::Write, Context::User);
        let job = Job { direction, file, pos: 0, pages: &pages, context };
        Client::transfer(self, &job).map_err(|(errno, _)| errno)
    }
}

/// For whoever holds a filesystem and does not know its machine.
impl<D> core::fmt::Debug for dyn RemoteFs<D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RemoteFs")
    }
}
