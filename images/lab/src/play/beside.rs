//! A file of a user's beside the swap file: it grows, is read back, reserves space, is brought to media and cut.

use alloc::rc::Rc;
use alloc::vec;

use block::BlockDevice;
use guest_fs::{FileSystem, Ino};
use hal::{DmaBuf, PAGE_BYTES};
use iomap::{Direction, Errno, Transfer};

use crate::pattern::{PageContent, Pattern};
use crate::tripwire::Tripwire;

const PAGE: u64 = PAGE_BYTES as u64;

/// Pages of the file, at most.
const FILE_PAGES: u64 = 16;

/// Marks the file's pages in their pattern: no process is that.
const FILE_OWNER: u16 = 0xf11e;

/// The file, and how much of it is written.
pub(super) struct Beside<D: BlockDevice> {
    pub(super) fs: FileSystem<Tripwire<D>>,
    pub(super) ino: Ino,
    pub(super) device: Rc<Tripwire<D>>,
    pub(super) seed: u64,
    /// By way of the page cache; otherwise direct.
    pub(super) is_buffered: bool,
    pub(super) pages: u64,
}

impl<D: BlockDevice + 'static> Beside<D> {
    /// The n-th operation. A page that is wrong is `EIO`, which nothing here gives on a healthy drive.
    pub(super) fn operate(&mut self, nth: u64) -> Result<(), Errno> {
        match nth % 5 {
            0 | 2 => self.append(),
            1 => self.verify(nth),
            3 => self.fs.fallocate(self.ino, self.pages * PAGE, 2 * PAGE),
            _ if self.pages >= FILE_PAGES => {
                self.pages = 0;
                self.fs.truncate(self.ino, 0)
            }
            _ => self.fs.fsync(self.ino),
        }
    }

    fn append(&mut self) -> Result<(), Errno> {
        let mut bytes = [0; PAGE_BYTES];
        self.pattern(self.pages).fill(&mut bytes);
        let pos = self.pages * PAGE;
        if self.is_buffered {
            self.fs.write(self.ino, pos, &bytes)?;
        } else {
            let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
            page.write(0, &bytes);
            let mut transfer = Transfer { direction: Direction::Write, pos, pages: vec![page] };
            self.fs.dio_write(self.ino, &mut transfer)?;
        }
        self.pages += 1;
        Ok(())
    }

    fn verify(&self, nth: u64) -> Result<(), Errno> {
        let index = nth % self.pages.max(1);
        let mut bytes = [0; PAGE_BYTES];
        if self.is_buffered {
            self.fs.read(self.ino, index * PAGE, &mut bytes)?;
        } else {
            let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
            let (direction, pos) = (Direction::Read, index * PAGE);
            let mut transfer = Transfer { direction, pos, pages: vec![page] };
            self.fs.dio_read(self.ino, &mut transfer)?;
            transfer.pages.iter().for_each(|page| page.read(0, &mut bytes));
        }
        let is_right = self.pattern(index).check(&bytes) == PageContent::Expected;
        if is_right || index >= self.pages { Ok(()) } else { Err(Errno::EIO) }
    }

    const fn pattern(&self, page: u64) -> Pattern {
        Pattern { seed: self.seed, owner: FILE_OWNER, page, generation: 1 }
    }
}
