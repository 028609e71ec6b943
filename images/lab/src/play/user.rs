//! Ordinary file I/O beside swap: a user who reads, writes, does not want to wait, or takes all space.

use alloc::vec::Vec;

use block::BlockDevice;
use guest_fs::{FileSystem, Ino};
use hal::{DmaBuf, PAGE_BYTES, UserMemory};
use iomap::{Context, Direction, Errno, IocbFlags, Kiocb, Transfer};

use super::Play;
use crate::events::Step;
use crate::pattern::{PageContent, Pattern};
use crate::steps::step;
use crate::tripwire::Tripwire;

const PAGE: u64 = PAGE_BYTES as u64;

/// Pages of a user's file, as many as reclaim writes at once.
const USER_PAGES: u64 = 8;

/// The page number that marks a user's file in its pattern: no address space is that large.
const USER_PAGE_BASE: u64 = 1 << 40;

const NOWAIT: Kiocb = Kiocb { flags: IocbFlags::NOWAIT, context: Context::Dio };

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Writes a file of its own by direct I/O, twice, and reads it back: the second write overwrites.
    pub(super) fn user_io(&self) -> Result<(), Errno> {
        let fs = self.fs()?;
        let opened = fs.open("user").or_else(|_| fs.create("user"));
        for generation in [1, 2] {
            let _ = step(&self.tracer, Step::UserWrite, || {
                let mut transfer = self.transfer(Direction::Write, 0, USER_PAGES)?;
                for (index, page) in (0..).zip(&transfer.pages) {
                    let mut bytes = [0; PAGE_BYTES];
                    self.user_pattern(index, generation).fill(&mut bytes);
                    page.write(0, &bytes);
                }
                let bytes = fs.dio_write(opened?, &mut transfer)?;
                // The second write finds clean metadata, as a swap-out does.
                fs.fsync(opened?)?;
                Ok(((), bytes / PAGE))
            });
        }
        let _ = step(&self.tracer, Step::UserVerify, || {
            let mut transfer = self.transfer(Direction::Read, 0, USER_PAGES)?;
            fs.dio_read(opened?, &mut transfer)?;
            let is_right = |(index, page): (u64, &D::Page)| {
                let mut bytes = [0; PAGE_BYTES];
                page.read(0, &mut bytes);
                self.user_pattern(index, 2).check(&bytes) == PageContent::Expected
            };
            let right = (0..).zip(&transfer.pages).filter(|pair| is_right(*pair)).count();
            Ok(((), right as u64))
        });
        Ok(())
    }

    /// Reads a file as large as the swap file, page by page behind the header. Counts the pages with
    /// anything in them.
    pub(super) fn user_read(&self, ino: Ino, name: Step) -> Result<(), Errno> {
        let fs = self.fs()?;
        step(&self.tracer, name, || {
            let mut found = 0;
            for page in 1..=self.spec.pages {
                let mut transfer = self.transfer(Direction::Read, page, 1)?;
                fs.dio_read(ino, &mut transfer)?;
                let mut bytes = [0; PAGE_BYTES];
                transfer.pages.iter().for_each(|page| page.read(0, &mut bytes));
                found += u64::from(bytes.iter().any(|byte| *byte != 0));
            }
            Ok(((), found))
        })
    }

    /// Direct writes that must not wait: one that would allocate, and one that only has to convert.
    pub(super) fn nowait(&self) -> Result<(), Errno> {
        let fs = self.fs()?;
        let _ = step(&self.tracer, Step::NowaitHole, || {
            let ino = fs.create("nowait-hole")?;
            self.write_nowait(&fs, ino)
        });
        let _ = step(&self.tracer, Step::NowaitUnwritten, || {
            let ino = fs.create("nowait-unwritten")?;
            fs.fallocate(ino, 0, USER_PAGES * PAGE)?;
            self.write_nowait(&fs, ino)
        });
        Ok(())
    }

    fn write_nowait(&self, fs: &FileSystem<Tripwire<D>>, ino: Ino) -> Result<((), u64), Errno> {
        let mut transfer = self.transfer(Direction::Write, 0, USER_PAGES)?;
        let written = fs.dio_write_iocb(ino, &mut transfer, NOWAIT);
        written.map(|bytes| ((), bytes / PAGE)).map_err(|failure| failure.errno)
    }

    /// Takes blocks, fewer and fewer at a time, until none is left.
    pub(super) fn eat_space(&self) -> Result<(), Errno> {
        let fs = self.fs()?;
        step(&self.tracer, Step::EatSpace, || {
            let ino = fs.create("eater")?;
            let (mut pos, mut pages) = (0, 1024);
            while pages > 0 {
                match fs.fallocate(ino, pos * PAGE, pages * PAGE) {
                    Ok(()) => pos += pages,
                    Err(Errno::ENOSPC) => pages /= 2,
                    Err(errno) => return Err(errno),
                }
            }
            fs.sync()?;
            Ok(((), pos))
        })
    }

    fn transfer(
        &self,
        direction: Direction,
        page: u64,
        pages: u64,
    ) -> Result<Transfer<D::Page>, Errno> {
        let pages: Result<Vec<_>, _> = (0..pages).map(|_| self.device.alloc_page()).collect();
        let pages = pages.map_err(|_| Errno::ENOMEM)?;
        Ok(Transfer { direction, pos: page * PAGE, pages })
    }

    const fn user_pattern(&self, page: u64, generation: u64) -> Pattern {
        Pattern { seed: self.spec.seed, owner: 0, page: USER_PAGE_BASE + page, generation }
    }
}
