//! The words where the swap file is a server's: the same script, another filesystem.
//!
//! Words that are about the drive's filesystem have no meaning here and end the life, so that a scenario with
//! them cannot pass.

use alloc::vec;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::{DmaBuf, PAGE_BYTES, UserMemory};
use iomap::{Direction, Errno};
use remote::{FileId, RemoteFs};
use swap_path::{SwapArea, SwapHeader, swapon_file};

use super::file::SWAP_FILE;
use super::{OUT_OF_PLACE, Play};
use crate::events::Step;
use crate::spec::{FileKind, Op};
use crate::steps::step;

/// Pages of one request when the swap file is made.
const CHUNK_PAGES: u64 = 32;

const PAGE: u64 = PAGE_BYTES as u64;

/// What the server's administrator is told to do.
const GOING_DOWN: &[u8] = b"goingdown";

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Plays a word about the filesystem; `None` if it is about something else.
    pub(super) fn net_word(&mut self, op: Op) -> Option<Result<(), Errno>> {
        Some(match op {
            Op::Fs => self.net_mount(Step::Mount),
            Op::Recover => self.net_mount(Step::Recover),
            Op::File => self.net_swap_file(),
            Op::On => self.net_swap_on(),
            Op::Find => self.net_find(),
            Op::Shutdown | Op::ShutdownLogFlush | Op::ShutdownDefault => self.net_down(),
            Op::UnmountBusy => self.net_unmount(Step::UnmountBusy),
            Op::Unmount => self.net_unmount(Step::Unmount),
            Op::Off => self.net_swap_off(),
            Op::Fsck => self.net_check(),
            Op::UserRead => self.net_user_read(),
            Op::ModifyActive => self.net_modify_active(),
            Op::PressureOn => self.net_pressure_on(),
            Op::Pressure | Op::PressureReader | Op::PressurePageOut => self.net_pressure(op),
            Op::PressureSwapoff => self.pressure_swapoff(),
            Op::PressureOff => self.net_pressure_off(),
            _ if op.needs_the_drives_filesystem() => Err(OUT_OF_PLACE),
            _ => return None,
        })
    }

    pub(super) fn net_fs(&self) -> Result<&dyn RemoteFs<D::Page>, Errno> {
        self.remote.as_deref().ok_or(OUT_OF_PLACE)
    }

    pub(super) fn net_file(&self) -> Result<FileId, Errno> {
        self.parts.remote_file.ok_or(OUT_OF_PLACE)
    }

    fn net_mount(&mut self, name: Step) -> Result<(), Errno> {
        if self.parts.is_remote_mounted {
            return Err(OUT_OF_PLACE);
        }
        let fs = self.net_fs()?;
        step(&self.tracer, name, || fs.mount().map(|_blocks| ((), 0)))?;
        self.parts.is_remote_mounted = true;
        Ok(())
    }

    /// Makes a swap file with a slot for every page of the workload.
    fn net_swap_file(&mut self) -> Result<(), Errno> {
        let fs = self.net_fs()?;
        let file = step(&self.tracer, Step::MakeSwapFile, || {
            let file = fs.create(SWAP_FILE)?;
            let pages = self.spec.pages + 1;
            let written = match self.spec.kind {
                FileKind::Written => 0..pages,
                FileKind::Hole => pages - 1..pages,
                FileKind::Extending => 0..pages / 2,
                // The blocks are the server's: nothing of that is seen from here.
                FileKind::Unwritten | FileKind::Dirty | FileKind::Shared | FileKind::Delalloc => {
                    return Err(Errno::EOPNOTSUPP);
                }
            };
            for first in written.clone().step_by(CHUNK_PAGES as usize) {
                let zeros = self.net_pages(CHUNK_PAGES.min(written.end - first))?;
                fs.transfer(Direction::Write, file, first * PAGE, &zeros)?;
            }
            self.net_write_header(fs, file, pages)?;
            fs.sync(file)?;
            Ok((file, pages))
        })?;
        self.parts.remote_file = Some(file);
        Ok(())
    }

    fn net_write_header(
        &self,
        fs: &dyn RemoteFs<D::Page>,
        file: FileId,
        pages: u64,
    ) -> Result<(), Errno> {
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&self.spec.seed.to_le_bytes());
        let header = SwapHeader::new(pages, uuid, "swaplab").map_err(|error| error.errno())?;
        let page = self.net_pages(1)?;
        page.iter().for_each(|page| page.write(0, &header.to_page()));
        fs.transfer(Direction::Write, file, 0, &page)
    }

    fn net_swap_on(&mut self) -> Result<(), Errno> {
        let mut mm = self.parts.mm.take().ok_or(OUT_OF_PLACE)?;
        let area = step(&self.tracer, Step::SwapOn, || {
            let area = self.net_area()?;
            let slots = u64::from(area.size_pages());
            Ok((mm.add_area(area), slots))
        });
        self.parts.mm = Some(mm);
        self.parts.area = Some(area?);
        Ok(())
    }

    /// The swap file, turned on.
    pub(super) fn net_area(&self) -> Result<SwapArea<D::Page>, Errno> {
        let (fs, file) = (self.net_fs()?, self.net_file()?);
        let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
        let size = fs.size_bytes(file)?;
        let area = swapon_file(fs.swap_file(file)?, size, page, self.spec.activation);
        area.map_err(|error| error.errno())
    }

    fn net_find(&mut self) -> Result<(), Errno> {
        let fs = self.net_fs()?;
        let found =
            step(&self.tracer, Step::FindSwapFile, || fs.open(SWAP_FILE).map(|file| (file, 1)));
        self.parts.remote_file = found.ok();
        Ok(())
    }

    /// Has the server's administrator bring its filesystem down.
    fn net_down(&self) -> Result<(), Errno> {
        let fs = self.net_fs()?;
        let _ = step(&self.tracer, Step::Shutdown, || {
            let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
            page.write(0, GOING_DOWN);
            fs.order(&page, GOING_DOWN.len()).map(|()| ((), 0))
        });
        Ok(())
    }

    fn net_unmount(&mut self, name: Step) -> Result<(), Errno> {
        if self.parts.is_remote_mounted {
            let fs = self.net_fs()?;
            let unmounted = step(&self.tracer, name, || fs.unmount().map(|()| ((), 0)));
            self.parts.is_remote_mounted = unmounted.is_err();
        }
        Ok(())
    }

    /// By the path, which is known without asking the server; by the area if that fails.
    fn net_swap_off(&mut self) -> Result<(), Errno> {
        let tracer = self.tracer.clone();
        let by_path = step(&tracer, Step::SwapOffByPath, || {
            self.net_fs()?.open(SWAP_FILE)?;
            self.turn_off()
        });
        if by_path.is_err() {
            self.swap_off_by_area()?;
        }
        Ok(())
    }

    /// What can be checked from here: the file is there, as long as it was. Counts what is wrong.
    fn net_check(&self) -> Result<(), Errno> {
        let fs = self.net_fs()?;
        step(&self.tracer, Step::Fsck, || {
            fs.mount()?;
            let size = fs.size_bytes(fs.open(SWAP_FILE)?)?;
            fs.unmount()?;
            Ok(((), u64::from(size != (self.spec.pages + 1) * PAGE)))
        })
    }

    fn net_user_read(&self) -> Result<(), Errno> {
        let (fs, file) = (self.net_fs()?, self.net_file()?);
        step(&self.tracer, Step::UserRead, || {
            let mut found = 0;
            for number in 1..=self.spec.pages {
                let page = self.net_pages(1)?;
                fs.transfer(Direction::Read, file, number * PAGE, &page)?;
                let mut bytes = [0; PAGE_BYTES];
                page.iter().for_each(|page| page.read(0, &mut bytes));
                found += u64::from(bytes.iter().any(|byte| *byte != 0));
            }
            Ok(((), found))
        })
    }

    /// What a client must refuse while the file is active.
    fn net_modify_active(&self) -> Result<(), Errno> {
        let (fs, file) = (self.net_fs()?, self.net_file()?);
        let _ = step(&self.tracer, Step::WriteActive, || {
            let page = self.net_pages(1)?;
            fs.transfer(Direction::Write, file, PAGE, &page).map(|()| ((), 1))
        });
        let _ = step(&self.tracer, Step::SwapOnAgain, || fs.swap_file(file).map(|_| ((), 1)));
        Ok(())
    }

    pub(super) fn net_pages(&self, pages: u64) -> Result<Vec<D::Page>, Errno> {
        let mut all = vec![];
        for _ in 0..pages {
            all.push(self.device.alloc_page().map_err(|_| Errno::ENOMEM)?);
        }
        Ok(all)
    }
}
