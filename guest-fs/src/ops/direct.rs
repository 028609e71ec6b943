//! Direct I/O by tickets: many under way at once.
//!
//! The filesystem keeps what is under way, so that a truncation can wait for it (Linux `inode_dio_wait`). The
//! inode's I/O lock is held while an I/O is submitted, not until it is done.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;

use block::BlockDevice;
use hal::trace::Layer;
use iomap::{Dio, Direction, Errno, FailureKind, IoFailure, IocbFlags, Kiocb, Transfer};

use super::check_range;
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::map::OwnDio;
use crate::state::Core;

/// Names a direct I/O until it is waited for. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DioTicket(u64);

/// How a direct I/O came back.
type Outcome<P> = (Transfer<P>, Result<u64, IoFailure>);

#[derive(Debug)]
enum Entry<P> {
    UnderWay {
        dio: Dio<Ino, P>,
        /// Of a read: pages beyond the size, which the device is not asked for.
        beyond: Vec<P>,
        /// Of a read: bytes inside the size.
        inside: u64,
    },
    Done(Outcome<P>),
}

/// Direct I/O that nobody has taken back yet.
#[derive(Debug)]
pub(crate) struct DioTable<P> {
    entries: RefCell<BTreeMap<u64, Entry<P>>>,
    next: core::cell::Cell<u64>,
}

impl<P> Default for DioTable<P> {
    fn default() -> Self {
        Self { entries: RefCell::default(), next: core::cell::Cell::default() }
    }
}

impl<D: BlockDevice> FileSystem<D> {
    /// Starts a direct read or write and returns at once: all bios are on their way. Dirty pages of the range are
    /// written first, and of a write its pages are given up.
    ///
    /// # Errors
    /// What can be said before anything is sent, with the pages: `ETXTBSY`, `EAGAIN` with NOWAIT, `EIO` after a
    /// shutdown. Whatever goes wrong later, a refused mapping too, [`FileSystem::dio_wait`] tells.
    pub fn dio_submit(
        &self,
        ino: Ino,
        transfer: Transfer<D::Page>,
        iocb: Kiocb,
    ) -> Result<DioTicket, (Transfer<D::Page>, IoFailure)> {
        let pos = transfer.pos;
        let prepared = self.core.prepare_dio(ino, &transfer, iocb);
        let (inside, _lock) = match prepared {
            Ok(prepared) => prepared,
            Err(errno) => return Err((transfer, refused(errno, pos))),
        };
        let Transfer { direction, pos, mut pages } = transfer;
        let keep = usize::try_from(inside.div_ceil(BLOCK_BYTES)).unwrap_or(usize::MAX);
        let beyond = pages.split_off(keep.min(pages.len()));
        let entry = if pages.is_empty() && direction == Direction::Read {
            Entry::Done((Transfer { direction, pos, pages: beyond }, Ok(0)))
        } else {
            let transfer = Transfer { direction, pos, pages };
            let dio = Dio::submit(&self.dio, &*self.core.device, ino, transfer, iocb);
            Entry::UnderWay { dio, beyond, inside }
        };
        let table = &self.core.dios;
        let number = table.next.get();
        table.next.set(number.saturating_add(1));
        table.entries.borrow_mut().insert(number, entry);
        Ok(DioTicket(number))
    }

    /// Takes a direct I/O back if it is done. `None`: it is still under way.
    ///
    /// # Errors
    /// As [`FileSystem::dio_wait`], inside.
    pub fn dio_poll(&self, ticket: DioTicket) -> Option<Outcome<D::Page>> {
        let is_done = match self.core.dios.entries.borrow_mut().get_mut(&ticket.0) {
            Some(Entry::UnderWay { dio, .. }) => dio.poll(&*self.core.device),
            Some(Entry::Done(_)) | None => true,
        };
        is_done.then(|| self.dio_wait(ticket))
    }

    /// Waits for a direct I/O. Gives its pages back in order, and the bytes: all of a write, of a read those inside
    /// the file size when it began.
    ///
    /// # Errors
    /// [`IoFailure`] of the first byte, inside; `EINVAL` and no pages for a ticket that was taken back before.
    pub fn dio_wait(&self, ticket: DioTicket) -> Outcome<D::Page> {
        self.core.finish_dio(ticket.0);
        match self.core.dios.entries.borrow_mut().remove(&ticket.0) {
            Some(Entry::Done(outcome)) => outcome,
            Some(Entry::UnderWay { .. }) | None => {
                let pages = Vec::new();
                let transfer = Transfer { direction: Direction::Read, pos: 0, pages };
                (transfer, Err(refused(Errno::EINVAL, 0)))
            }
        }
    }
}

impl<D: BlockDevice> Core<D> {
    /// Takes the I/O lock and makes the page cache agree. Gives the bytes that the device is asked for.
    fn prepare_dio(
        &self,
        ino: Ino,
        transfer: &Transfer<D::Page>,
        iocb: Kiocb,
    ) -> Result<(u64, crate::lock::IoGuard<'_, D>), Errno> {
        let is_write = transfer.direction == Direction::Write;
        let look = || if is_write { self.changeable(ino) } else { self.known_file(ino) };
        look()?;
        if is_write {
            self.wait_thawed(iocb.context)?;
        }
        let bytes = (transfer.pages.len() as u64).saturating_mul(BLOCK_BYTES);
        let end = check_range(transfer.pos, bytes)?;
        let is_nowait = iocb.flags.contains(IocbFlags::NOWAIT);
        let lock = self.io_guard(ino.0, iocb.context, is_nowait)?;
        let size = look()?.size;
        self.flush_for_dio(ino.0, transfer.pos..end, is_write, is_nowait)?;
        if !is_write {
            return Ok((bytes.min(size.saturating_sub(transfer.pos)), lock));
        }
        if end > size {
            // The write will move the size on the device beyond what is only in pages.
            if is_nowait && self.pages.next_data(ino, 0..u64::MAX).is_some() {
                return Err(Errno::EAGAIN);
            }
            self.flush_beyond_size(ino.0, transfer.pos)?;
            if is_nowait && transfer.pos > size && !size.is_multiple_of(BLOCK_BYTES) {
                return Err(Errno::EAGAIN);
            }
            self.zero_beyond_size(ino.0, size, transfer.pos)?;
        }
        Ok((bytes, lock))
    }

    /// Makes an I/O that is under way one that is done.
    fn finish_dio(&self, number: u64) {
        let taken = {
            let mut entries = self.dios.entries.borrow_mut();
            match entries.get(&number) {
                Some(Entry::UnderWay { .. }) => entries.remove(&number),
                Some(Entry::Done(_)) | None => None,
            }
        };
        let Some(Entry::UnderWay { dio, beyond, inside }) = taken else { return };
        let ino = dio.inode();
        let ops = OwnDio { core: self, moves_size: true };
        let (mut transfer, result) = dio.wait(&ops, &*self.device);
        if transfer.direction == Direction::Write {
            // A buffered read may have brought old content meanwhile (Linux `kiocb_invalidate_post_direct_write`).
            let first = transfer.pos / BLOCK_BYTES;
            let end = first.saturating_add(transfer.pages.len() as u64);
            self.pages.forget_clean(ino, first..end);
        }
        transfer.pages.extend(beyond);
        let result = result.map(|bytes| bytes.min(inside));
        self.dios.entries.borrow_mut().insert(number, Entry::Done((transfer, result)));
    }

    /// Waits for all direct I/O of a file (Linux `inode_dio_wait`). Who started it still takes it back.
    pub(crate) fn wait_dio(&self, ino: Ino) {
        let mut numbers = Vec::new();
        for (number, entry) in self.dios.entries.borrow().iter() {
            if matches!(entry, Entry::UnderWay { dio, .. } if dio.inode() == ino) {
                numbers.push(*number);
            }
        }
        for number in numbers {
            self.finish_dio(number);
        }
    }
}

fn refused(errno: Errno, pos: u64) -> IoFailure {
    let (learned_by, kind) = (Layer::Filesystem, FailureKind::Refused);
    IoFailure { errno, pos, learned_by, kind, device: None }
}
