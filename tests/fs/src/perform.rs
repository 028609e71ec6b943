//! Does operations on the filesystem.

use block::{BLOCK_BYTES, BlockDevice};
use guest_fs::{Ino, OpenFlags, RenameFlags};
use hal::DmaBuf;
use hal::testing::PoolDma;
use iomap::{Direction, Errno, Kiocb, Transfer};

use crate::model::File;
use crate::op::{Op, PAGE_SECTORS, SECTOR, Span};
use crate::player::Player;

impl Player {
    /// Does an operation, with `fill` as what is written. Content that is not the model's is `EUCLEAN`.
    pub(crate) fn perform(&self, op: &Op, fill: u8) -> Result<(), Errno> {
        let fs = &self.fs;
        match op {
            Op::Create(path) => fs.create(path).map(drop),
            Op::Mkdir(path) => fs.mkdir(path).map(drop),
            Op::Symlink(target, path) => fs.symlink(target, path).map(drop),
            Op::Link(from, to) => fs.link(from, to),
            Op::Unlink(path) => fs.unlink(path),
            Op::Rmdir(path) => fs.rmdir(path),
            Op::Rename(from, to) => fs.rename(from, to, RenameFlags::empty()),
            Op::RenameNew(from, to) => fs.rename(from, to, RenameFlags::NOREPLACE),
            Op::Fdatasync(path) => fs.fdatasync(fs.open_nofollow(path)?),
            Op::Fsync(path) => fs.fsync(fs.open_nofollow(path)?),
            Op::Sync => fs.sync(),
            Op::Freeze => self.freeze(),
            Op::Shutdown(kind) => fs.shutdown(*kind),
            Op::Hold(path, is_append) => self.hold(path, *is_append),
            Op::LetGo => self.let_go(),
            Op::HeldWrite(..) | Op::HeldRead(..) => self.perform_on_held(op, fill),
            _ => self.perform_on(fs.open(op.subject())?, op, fill),
        }
    }

    /// The operations of a file that has a name.
    fn perform_on(&self, ino: Ino, op: &Op, fill: u8) -> Result<(), Errno> {
        let fs = &self.fs;
        let data = |count: u64| vec![fill; (count * SECTOR) as usize];
        match op {
            Op::Truncate(_, size) => fs.truncate(ino, size * SECTOR),
            Op::Allocate(_, mode, first, count) => {
                fs.fallocate_mode(ino, *mode, first * SECTOR, count * SECTOR)
            }
            Op::Write(_, first, pages) => {
                let mut transfer = self.transfer(*first, *pages, fill)?;
                let written = fs.dio_write(ino, &mut transfer)?;
                all(written, pages * PAGE_SECTORS)
            }
            Op::Burst(_, first, pages) => self.burst(ino, *first, *pages, fill),
            Op::Append(_, pages) => {
                fs.dio_append(ino, &mut self.transfer(0, *pages, fill)?).map(drop)
            }
            Op::Buffered(_, first, count) => {
                fs.write(ino, first * SECTOR, &data(*count)).and_then(|bytes| all(bytes, *count))
            }
            Op::BufferedAppend(_, count) => {
                fs.append(ino, &data(*count)).and_then(|bytes| all(bytes, *count))
            }
            Op::Read(path, first, count) => {
                let (_, file) = self.history.now().file(path)?;
                let read = |pos, data: &mut [u8]| fs.read(ino, pos, data);
                read_and_compare(read, file, *first, *count)
            }
            Op::DirectRead(path, first, pages) => {
                let (_, file) = self.history.now().file(path)?;
                let read = |pos, data: &mut [u8]| self.read_directly(ino, pos, data);
                read_and_compare(read, file, first * PAGE_SECTORS, pages * PAGE_SECTORS)
            }
            Op::Clone(from, _) => {
                let from = fs.open(from)?;
                // A file is its own clone.
                if from == ino { Ok(()) } else { fs.clone_file(from, ino) }
            }
            Op::CloneRange(span) => {
                let (from, from_pos, pos, length) = self.span(span)?;
                fs.clone_range(from, from_pos, ino, pos, length)
            }
            Op::Dedupe(span) => {
                let (from, from_pos, pos, length) = self.span(span)?;
                fs.dedupe_range(from, from_pos, ino, pos, length).map(drop)
            }
            Op::Relocate(_) => fs.relocate(ino).map(drop),
            Op::Defragment(_) => fs.defragment(ino).map(drop),
            op => unreachable!("{op} is of no file"),
        }
    }

    /// The source of a range, and in bytes where it begins, where it goes, and how long it is.
    fn span(&self, span: &Span) -> Result<(Ino, u64, u64, u64), Errno> {
        let from = self.fs.open(&span.from)?;
        let sectors = span.sectors(self.fs.stat(from)?.size_bytes / SECTOR);
        let page = BLOCK_BYTES as u64;
        Ok((from, span.first * page, span.at * page, sectors * SECTOR))
    }

    fn transfer(&self, first: u64, count: u64, fill: u8) -> Result<Transfer<PoolDma>, Errno> {
        let page = |_| {
            let page = self.disk.alloc_page().map_err(|_| Errno::ENOMEM)?;
            page.write(0, &[fill; BLOCK_BYTES]);
            Ok(page)
        };
        let pages = (0..count).map(page).collect::<Result<_, Errno>>()?;
        let pos = first * BLOCK_BYTES as u64;
        Ok(Transfer { direction: Direction::Write, pos, pages })
    }

    fn read_directly(&self, ino: Ino, pos: u64, data: &mut [u8]) -> Result<u64, Errno> {
        let pages = data.len().div_ceil(BLOCK_BYTES) as u64;
        let mut transfer = self.transfer(pos / BLOCK_BYTES as u64, pages, 0xee)?;
        transfer.direction = Direction::Read;
        let bytes = self.fs.dio_read(ino, &mut transfer)?;
        for (page, bytes) in transfer.pages.iter().zip(data.chunks_mut(BLOCK_BYTES)) {
            page.read(0, bytes);
        }
        Ok(bytes)
    }

    /// Direct writes of a page each, all under way at once; the last one is waited for first.
    fn burst(&self, ino: Ino, first: u64, pages: u64, fill: u8) -> Result<(), Errno> {
        let mut tickets = Vec::new();
        let mut outcome = Ok(());
        for page in first..first + pages {
            let submitted = self.transfer(page, 1, fill).and_then(|transfer| {
                let submitted = self.fs.dio_submit(ino, transfer, Kiocb::DIRECT);
                submitted.map_err(|(_, failure)| failure.errno)
            });
            match submitted {
                Ok(ticket) => tickets.push(ticket),
                Err(errno) => outcome = outcome.and(Err(errno)),
            }
        }
        for ticket in tickets.into_iter().rev() {
            let (_, result) = self.fs.dio_wait(ticket);
            outcome = outcome.and(result.map(drop).map_err(|failure| failure.errno));
        }
        outcome
    }

    /// While it is frozen nothing can be made: without other tasks nobody could thaw it.
    fn freeze(&self) -> Result<(), Errno> {
        self.fs.freeze()?;
        let refused = self.fs.mkdir("frozen");
        self.fs.thaw()?;
        match refused {
            Err(Errno::EDEADLK) => Ok(()),
            Err(errno) => Err(errno),
            Ok(_) => Err(Errno::EUCLEAN),
        }
    }

    fn hold(&self, path: &str, is_append: bool) -> Result<(), Errno> {
        let ino = self.fs.open(path)?;
        let flags = if is_append { OpenFlags::APPEND } else { OpenFlags::empty() };
        let new = self.fs.open_file(ino, flags)?;
        match self.held.replace(Some(new)) {
            Some(old) => self.fs.close_file(old),
            None => Ok(()),
        }
    }

    /// Closes what is open; without anything `EINVAL`.
    pub(crate) fn let_go(&self) -> Result<(), Errno> {
        let held = self.held.take().ok_or(Errno::EINVAL)?;
        self.fs.close_file(held)
    }

    fn perform_on_held(&self, op: &Op, fill: u8) -> Result<(), Errno> {
        let held = self.held.borrow();
        let handle = held.as_ref().ok_or(Errno::EINVAL)?;
        match op {
            Op::HeldWrite(first, count) => {
                let data = vec![fill; (count * SECTOR) as usize];
                let written = self.fs.write_file(handle, first * SECTOR, &data)?;
                all(written, *count)
            }
            Op::HeldRead(first, count) => {
                let model = self.history.now();
                let held = model.held.ok_or(Errno::EINVAL)?;
                let read = |pos, data: &mut [u8]| self.fs.read_file(handle, pos, data);
                read_and_compare(read, model.file_of(held.id), *first, *count)
            }
            op => unreachable!("{op} is of no open file"),
        }
    }
}

/// A write that came to an end too early met something: what, the next one would have been told.
fn all(bytes: u64, sectors: u64) -> Result<(), Errno> {
    if bytes == sectors * SECTOR { Ok(()) } else { Err(Errno::ENOSPC) }
}

/// Reads through the page cache and compares.
fn read_and_compare(
    read: impl Fn(u64, &mut [u8]) -> Result<u64, Errno>,
    file: &File,
    first: u64,
    count: u64,
) -> Result<(), Errno> {
    let mut data = vec![0xee; (count * SECTOR) as usize];
    let bytes = read(first * SECTOR, &mut data)?;
    let inside = file.size.saturating_sub(first).min(count);
    let is_right = |(sector, bytes): (u64, &[u8])| bytes.iter().all(|b| *b == file.sector(sector));
    let done = bytes / SECTOR;
    if !(first..).zip(data.chunks(SECTOR as usize).take(done as usize)).all(is_right) {
        return Err(Errno::EUCLEAN);
    }
    match done {
        _ if bytes == inside * SECTOR => Ok(()),
        // What stopped it, the next read would be told.
        1.. if done < inside => Err(Errno::EIO),
        _ => Err(Errno::EUCLEAN),
    }
}
