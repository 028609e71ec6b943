//! Direct I/O by tickets: many under way at once.
//!
//! The filesystem keeps what is under way, so that a truncation can wait for it (Linux `inode_dio_wait`). The
//! inode's I/O lock is held while an I/O is submitted, not until it is done.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use block::BlockDevice;
use hal::Instant;
use hal::trace::Layer;
use iomap::{Dio, Direction, Errno, FailureKind, IoFailure, IocbFlags, Kiocb, Transfer};
use slab::Slab;
use tasks::{Resource, ResourceKind};

use super::check_range;
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::map::OwnDio;
use crate::planted::Planted;
use crate::state::Core;

/// Names a direct I/O until it is waited for. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DioTicket {
    place: usize,
    number: u64,
}

/// How a direct I/O came back.
type Outcome<P> = (Transfer<P>, Result<u64, IoFailure>);

#[derive(Debug)]
struct UnderWay<P> {
    dio: Dio<Ino, P>,
    /// Of a read: pages beyond the size, which the device is not asked for.
    beyond: Vec<P>,
    /// Of a read: bytes inside the size.
    inside: u64,
}

#[derive(Debug)]
enum Entry<P> {
    UnderWay(UnderWay<P>),
    /// Somebody is finishing it, its owner or [`Core::wait_dio`]: whoever else wants it waits for that.
    Finishing(Ino),
    Done(Outcome<P>),
}

/// Direct I/O that nobody has taken back yet.
#[derive(Debug)]
pub(crate) struct DioTable<P> {
    /// Each with its number: a place is used again, a number is not.
    entries: RefCell<Slab<(u64, Entry<P>)>>,
    next: Cell<u64>,
}

impl<P> Default for DioTable<P> {
    fn default() -> Self {
        Self { entries: RefCell::default(), next: Cell::default() }
    }
}

impl<P> DioTable<P> {
    fn insert(&self, entry: Entry<P>) -> DioTicket {
        let number = self.next.get();
        self.next.set(number.saturating_add(1));
        DioTicket { place: self.entries.borrow_mut().insert((number, entry)), number }
    }

    /// Does `look` with the entry, if the ticket still has one.
    fn with<T>(&self, ticket: DioTicket, look: impl FnOnce(&mut Entry<P>) -> T) -> Option<T> {
        let mut entries = self.entries.borrow_mut();
        let (number, entry) = entries.get_mut(ticket.place)?;
        (*number == ticket.number).then(|| look(entry))
    }

    fn remove(&self, ticket: DioTicket) -> Option<Entry<P>> {
        self.with(ticket, |_| ())?;
        self.entries.borrow_mut().try_remove(ticket.place).map(|(_, entry)| entry)
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
            Entry::UnderWay(UnderWay { dio, beyond, inside })
        };
        Ok(self.core.dios.insert(entry))
    }

    /// Takes a direct I/O back if it is done. `None`: it is still under way.
    ///
    /// # Errors
    /// As [`FileSystem::dio_wait`], inside.
    pub fn dio_poll(&self, ticket: DioTicket) -> Option<Outcome<D::Page>> {
        let is_done = self.core.dios.with(ticket, |entry| match entry {
            Entry::UnderWay(under_way) => under_way.dio.poll(&*self.core.device),
            Entry::Finishing(_) => false,
            Entry::Done(_) => true,
        });
        is_done.unwrap_or(true).then(|| self.dio_wait(ticket))
    }

    /// Waits for a direct I/O. Gives its pages back in order, and the bytes: all of a write, of a read those inside
    /// the file size when it began.
    ///
    /// # Errors
    /// [`IoFailure`] of the first byte, inside; `EINVAL` and no pages for a ticket that was taken back before.
    pub fn dio_wait(&self, ticket: DioTicket) -> Outcome<D::Page> {
        let errno = match self.core.finish_ticket(ticket) {
            Ok(()) => Errno::EINVAL,
            Err(errno) => errno,
        };
        match self.core.dios.remove(ticket) {
            Some(Entry::Done(outcome)) => outcome,
            _ => {
                let pages = Vec::new();
                let transfer = Transfer { direction: Direction::Read, pos: 0, pages };
                (transfer, Err(refused(errno, 0)))
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
            self.zero_before(ino, transfer.pos)?;
        }
        Ok((bytes, lock))
    }

    /// A write at `pos` makes the rest of the last block content: zeros. Writes of that block that are under way
    /// move the size, or the zeros would go over what they write (XFS `xfs_file_write_checks`).
    ///
    /// # Errors
    /// As `zero_beyond_size`.
    pub(super) fn zero_before(&self, ino: Ino, pos: u64) -> Result<(), Errno> {
        let size = self.known(ino)?.size;
        let has_tail = pos > size && !size.is_multiple_of(BLOCK_BYTES);
        if has_tail && !self.plant.has(Planted::ZerosOverDirectWrite) {
            self.wait_dio(ino)?;
        }
        self.zero_beyond_size(ino.0, self.known(ino)?.size, pos)
    }

    /// Waits for an I/O that is under way.
    fn finish_dio(&self, under_way: UnderWay<D::Page>) -> Outcome<D::Page> {
        let UnderWay { dio, beyond, inside } = under_way;
        let ino = dio.inode();
        let ops = OwnDio { core: self, moves_size: true };
        let (mut transfer, result) = dio.wait(&ops, &*self.device);
        let are_kept = self.plant.has(Planted::PagesKeptAtDirectWrite);
        if transfer.direction == Direction::Write && !are_kept {
            // A buffered read may have brought old content meanwhile (Linux `kiocb_invalidate_post_direct_write`).
            let first = transfer.pos / BLOCK_BYTES;
            let end = first.saturating_add(transfer.pages.len() as u64);
            self.pages.forget_clean(ino, first..end);
        }
        transfer.pages.extend(beyond);
        (transfer, result.map(|bytes| bytes.min(inside)))
    }

    /// Waits for all direct I/O of a file (Linux `inode_dio_wait`), also for what another task is finishing. Who started
    /// it still takes it back.
    ///
    /// # Errors
    /// `EDEADLK` for one that nobody else could finish.
    pub(crate) fn wait_dio(&self, ino: Ino) -> Result<(), Errno> {
        let mut tickets = Vec::new();
        for (place, (number, entry)) in self.dios.entries.borrow().iter() {
            let is_meant = match entry {
                Entry::UnderWay(under_way) => under_way.dio.inode() == ino,
                Entry::Finishing(of) => *of == ino,
                Entry::Done(_) => false,
            };
            if is_meant {
                tickets.push(DioTicket { place, number: *number });
            }
        }
        // In the order in which they were sent.
        tickets.sort_unstable_by_key(|ticket| ticket.number);
        tickets.into_iter().try_for_each(|ticket| self.finish_ticket(ticket))
    }

    /// Finishes a direct I/O, if nobody has; waits for the task that is just doing so.
    ///
    /// # Errors
    /// `EDEADLK` if nobody else runs who could finish it.
    fn finish_ticket(&self, ticket: DioTicket) -> Result<(), Errno> {
        let ino_of = |entry: &mut Entry<D::Page>| match entry {
            Entry::UnderWay(under_way) => Some(under_way.dio.inode()),
            Entry::Finishing(ino) => Some(*ino),
            Entry::Done(_) => None,
        };
        while let Some(ino) = self.dios.with(ticket, ino_of).flatten() {
            let begin = |entry: &mut _| core::mem::replace(entry, Entry::Finishing(ino));
            let resource = Resource::new(ResourceKind::DirectIo, ino.0);
            if let Some(Entry::UnderWay(under_way)) = self.dios.with(ticket, begin) {
                let outcome = self.finish_dio(under_way);
                self.dios.with(ticket, |entry| *entry = Entry::Done(outcome));
                self.tasks().wake_all(resource);
            } else {
                self.tasks().wait(resource, Instant::NEVER).map_err(|_alone| Errno::EDEADLK)?;
            }
        }
        Ok(())
    }
}

fn refused(errno: Errno, pos: u64) -> IoFailure {
    let (learned_by, kind) = (Layer::Filesystem, FailureKind::Refused);
    IoFailure { errno, pos, learned_by, kind, device: None }
}
