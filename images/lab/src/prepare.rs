//! What comes before the experiment: a filesystem, a swap file, an address space.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use guest_fs::{FileSystem, FsKnobs, Ino, MkfsOptions, MountOptions};
use hal::{PAGE_BYTES, UserMemory};
use iomap::{Direction, Errno, Transfer};
use swap_path::{Mm, MmConfig, mkswap};

use crate::events::Step;
use crate::spec::UnitSpec;
use crate::steps::step;

/// The swap file's name.
pub(crate) const SWAP_FILE: &str = "swapfile";

/// Pages of one write when the swap file is made.
const CHUNK_PAGES: u64 = 32;

/// Makes a filesystem and mounts it.
pub(crate) fn filesystem<D>(spec: &UnitSpec, device: &Rc<D>) -> Result<FileSystem<D>, Errno>
where
    D: BlockDevice + 'static,
{
    let tracer = device.tracer();
    step(tracer, Step::Mkfs, || {
        FileSystem::mkfs(&**device, &MkfsOptions::default()).map_err(|error| error.errno())?;
        Ok(((), 0))
    })?;
    step(tracer, Step::Mount, || mount(device, spec.knobs))
}

/// Mounts what is there.
pub(crate) fn mount<D>(device: &Rc<D>, knobs: FsKnobs) -> Result<(FileSystem<D>, u64), Errno>
where
    D: BlockDevice + 'static,
{
    let mounted = FileSystem::mount(Rc::clone(device), MountOptions { knobs });
    mounted.map(|fs| (fs, 0)).map_err(|error| error.errno())
}

/// Makes a swap file with a slot for every page of the workload, as an administrator does: write every
/// block, then mkswap. Every block is *written*, so that no path has anything to convert.
pub(crate) fn swap_file<D>(
    spec: &UnitSpec,
    fs: &FileSystem<D>,
    device: &Rc<D>,
) -> Result<(Ino, u64), Errno>
where
    D: BlockDevice + 'static,
{
    let ino = fs.create(SWAP_FILE)?;
    // One page for the header.
    let pages = spec.pages + 1;
    fs.fallocate(ino, 0, pages * PAGE_BYTES as u64)?;
    for first in (0..pages).step_by(usize::try_from(CHUNK_PAGES).unwrap_or(1)) {
        let count = CHUNK_PAGES.min(pages - first);
        let zeros: Result<Vec<_>, _> = (0..count).map(|_| device.alloc_page()).collect();
        let mut transfer = Transfer {
            direction: Direction::Write,
            pos: first * PAGE_BYTES as u64,
            pages: zeros.map_err(|_| Errno::ENOMEM)?,
        };
        fs.dio_write(ino, &mut transfer)?;
    }
    let mut uuid = [0; 16];
    uuid[..8].copy_from_slice(&spec.seed.to_le_bytes());
    mkswap(fs, &**device, ino, uuid, "swaplab").map_err(|error| error.errno())?;
    fs.fsync(ino)?;
    Ok((ino, pages))
}

/// The workload's memory.
pub(crate) fn address_space<D, U>(
    spec: &UnitSpec,
    device: &Rc<D>,
    user: Rc<U>,
) -> Result<Mm<U, D>, Errno>
where
    D: BlockDevice + 'static,
    U: UserMemory + 'static,
{
    step(device.tracer(), Step::AddressSpace, || {
        let resident = usize::try_from(spec.resident_pages).unwrap_or(usize::MAX);
        let mm = Mm::new(MmConfig::new(resident), user, Rc::clone(device));
        mm.map(|mm| (mm, spec.pages)).map_err(|_| Errno::ENOMEM)
    })
}
