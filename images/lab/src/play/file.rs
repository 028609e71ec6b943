//! What comes before the experiment: a filesystem and a swap file of the wanted kind.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use block::BlockDevice;
use guest_fs::{FileSystem, FsKnobs, Ino, MkfsOptions, MountOptions};
use hal::{DmaBuf, PAGE_BYTES, UserMemory};
use iomap::{Direction, Errno, Transfer};
use swap_path::{Activation, SwaponOptions, mkswap, swapon_with};

use super::{OUT_OF_PLACE, Play};
use crate::events::{Event, Step};
use crate::spec::FileKind;
use crate::steps::step;
use crate::tripwire::Tripwire;

/// The swap file's name.
pub(super) const SWAP_FILE: &str = "swapfile";

/// The file whose inode is not in memory.
pub(super) const VICTIM: &str = "victim";

/// The file that shares the swap file's blocks.
pub(super) const CLONE: &str = "clone";

/// Pages of one write when the swap file is made.
const CHUNK_PAGES: u64 = 32;

const PAGE: u64 = PAGE_BYTES as u64;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Makes a filesystem and mounts it.
    pub(super) fn filesystem(&mut self) -> Result<(), Errno> {
        step(&self.tracer, Step::Mkfs, || {
            FileSystem::mkfs(&*self.device, &MkfsOptions::default())
                .map_err(|error| error.errno())?;
            Ok(((), 0))
        })?;
        let knobs = self.spec.knobs.fs();
        let fs = step(&self.tracer, Step::Mount, || mount(&self.device, knobs))?;
        self.parts.fs = Some(fs);
        Ok(())
    }

    /// Mounts what is there.
    pub(super) fn recover(&mut self) -> Result<(), Errno> {
        let knobs = self.spec.knobs.fs();
        let fs = step(&self.tracer, Step::Recover, || mount(&self.device, knobs))?;
        self.parts.fs = Some(fs);
        Ok(())
    }

    /// Makes a file, and mounts the filesystem anew so that the file's inode is only on media.
    pub(super) fn victim(&mut self) -> Result<(), Errno> {
        let fs = self.parts.fs.take().ok_or(OUT_OF_PLACE)?;
        let knobs = self.spec.knobs.fs();
        let fs = step(&self.tracer, Step::Remount, || {
            let ino = fs.create(VICTIM)?;
            fs.fsync(ino)?;
            fs.unmount().map_err(|(_still_mounted, errno)| errno)?;
            mount(&self.device, knobs)
        })?;
        self.parts.fs = Some(fs);
        Ok(())
    }

    /// Makes a swap file with a slot for every page of the workload, as an administrator does.
    pub(super) fn swap_file(&mut self) -> Result<(), Errno> {
        let fs = self.fs()?;
        let ino = step(&self.tracer, Step::MakeSwapFile, || {
            let ino = fs.create(SWAP_FILE)?;
            // Folios lie aligned in the area, so the header costs a whole one.
            let pages = self.spec.pages + (1 << self.spec.folio_order);
            self.lay_out(&fs, ino, pages)?;
            Ok((ino, pages))
        })?;
        self.parts.ino = Some(ino);
        Ok(())
    }

    /// Turns swap on.
    pub(super) fn swap_on(&mut self) -> Result<(), Errno> {
        let (fs, ino) = (self.fs()?, self.ino()?);
        let (spec, tracer) = (self.spec, &self.tracer);
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let options = SwaponOptions {
            path: spec.path,
            activation: spec.activation,
            knobs: spec.knobs.swap(),
            is_partition: false,
            bugs: spec.knobs.bugs(),
        };
        let area = step(tracer, Step::SwapOn, || {
            let area = swapon_with(&Rc::new(fs), &self.device, ino, &options)
                .map_err(|error| error.errno())?;
            for extent in area.extents() {
                tracer.emit(Event::from(extent));
            }
            let slots = u64::from(area.size_pages());
            Ok((mm.add_area(area), slots))
        })?;
        self.parts.area = Some(area);
        Ok(())
    }

    /// Blocks, size and header of the file.
    fn lay_out(&self, fs: &FileSystem<Tripwire<D>>, ino: Ino, pages: u64) -> Result<(), Errno> {
        match self.spec.kind {
            FileKind::Written | FileKind::Dirty | FileKind::Shared => {
                self.allocate(fs, ino, pages)?;
                self.write_zeros(fs, ino, 0, pages)?;
            }
            FileKind::Unwritten => self.allocate(fs, ino, pages)?,
            FileKind::Delalloc => {
                // The header is on media, the rest nowhere but in the page cache.
                self.write_zeros(fs, ino, pages - 1, 1)?;
                self.write_header(fs, ino, pages)?;
                fs.fsync(ino)?;
                return write_buffered(fs, ino, 1..pages - 1);
            }
            FileKind::Hole => self.write_zeros(fs, ino, pages - 1, 1)?,
            FileKind::Extending => self.write_zeros(fs, ino, 0, pages / 2)?,
        }
        self.write_header(fs, ino, pages)?;
        fs.fsync(ino)?;
        if self.spec.kind == FileKind::Shared {
            let clone = fs.create(CLONE)?;
            fs.clone_file(ino, clone)?;
            fs.sync()?;
        }
        if self.spec.kind == FileKind::Dirty {
            // One more block changes the map, and nobody brings that to media.
            fs.fallocate(ino, pages * PAGE, PAGE)?;
        }
        Ok(())
    }

    /// Blocks in one piece, or in pieces with another file's blocks between them.
    fn allocate(&self, fs: &FileSystem<Tripwire<D>>, ino: Ino, pages: u64) -> Result<(), Errno> {
        if self.spec.piece_pages == 0 {
            return fs.fallocate(ino, 0, pages * PAGE);
        }
        let wedge = fs.create("wedge")?;
        for (nth, first) in (0..pages).step_by(self.spec.piece_pages as usize).enumerate() {
            let piece = self.spec.piece_pages.min(pages - first);
            fs.fallocate(ino, first * PAGE, piece * PAGE)?;
            fs.fallocate(wedge, nth as u64 * PAGE, PAGE)?;
        }
        fs.fsync(wedge)
    }

    fn write_zeros(
        &self,
        fs: &FileSystem<Tripwire<D>>,
        ino: Ino,
        start: u64,
        pages: u64,
    ) -> Result<(), Errno> {
        let end = start + pages;
        for first in (start..end).step_by(usize::try_from(CHUNK_PAGES).unwrap_or(1)) {
            let count = CHUNK_PAGES.min(end - first);
            let zeros: Result<Vec<_>, _> = (0..count).map(|_| self.device.alloc_page()).collect();
            let mut transfer = Transfer {
                direction: Direction::Write,
                pos: first * PAGE,
                pages: zeros.map_err(|_| Errno::ENOMEM)?,
            };
            fs.dio_write(ino, &mut transfer)?;
        }
        Ok(())
    }

    /// mkswap(8), except that a header may claim more than there is.
    fn write_header(
        &self,
        fs: &FileSystem<Tripwire<D>>,
        ino: Ino,
        pages: u64,
    ) -> Result<(), Errno> {
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&self.spec.seed.to_le_bytes());
        let mut header =
            mkswap(fs, &*self.device, ino, uuid, "swaplab").map_err(|error| error.errno())?;
        if self.spec.kind != FileKind::Extending {
            return Ok(());
        }
        header.last_page = u32::try_from(pages - 1).map_err(|_| Errno::EFBIG)?;
        let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
        page.write(0, &header.to_page());
        let mut transfer = Transfer { direction: Direction::Write, pos: 0, pages: vec![page] };
        fs.dio_write(ino, &mut transfer).map(|_bytes| ())
    }
}

/// Zeros by way of the page cache, which nobody brings to media.
fn write_buffered<D: BlockDevice + 'static>(
    fs: &FileSystem<Tripwire<D>>,
    ino: Ino,
    pages: Range<u64>,
) -> Result<(), Errno> {
    for page in pages {
        fs.write(ino, page * PAGE, &[0; PAGE_BYTES])?;
    }
    Ok(())
}

/// Turning on for nothing but the answer.
pub(super) fn try_swap_on<D: BlockDevice + 'static>(
    fs: FileSystem<Tripwire<D>>,
    device: &Rc<Tripwire<D>>,
    ino: Ino,
    path: swap_path::PathKind,
) -> Result<(), Errno> {
    let options = SwaponOptions { activation: Activation::Check, ..SwaponOptions::new(path) };
    swapon_with(&Rc::new(fs), device, ino, &options).map(drop).map_err(|error| error.errno())
}

fn mount<D>(device: &Rc<D>, knobs: FsKnobs) -> Result<(FileSystem<D>, u64), Errno>
where
    D: BlockDevice + 'static,
{
    let mounted =
        FileSystem::mount(Rc::clone(device), MountOptions { knobs, ..MountOptions::default() });
    mounted.map(|fs| (fs, 0)).map_err(|error| error.errno())
}
