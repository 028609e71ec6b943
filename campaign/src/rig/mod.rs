//! A memory, a filesystem and a swap file on a device that costs nothing: for figures and for long counts,
//! where a machine with a controller would measure the controller.
//!
//! What this module does not do: it takes no time (its callers do) and gives no verdict.

mod audit;
mod disk;
mod no_io;

use std::rc::Rc;

use guest_fs::{FileSystem, Ino, MkfsOptions, MountOptions, ShutdownKind};
use hal::testing::{DmaPool, SoftUserMemory};
use hal::{BusError, PAGE_BYTES, Tracer, UserAddr};
use iomap::{Direction, SwapExtents, Transfer};
use swap_path::{
    Mm, MmConfig, MmStats, PathKind, ReclaimPolicy, SwapArea, SwapHeader, SwaponOptions, mkswap,
    swapon_with,
};

pub use audit::Audit;
pub use disk::RigDisk;
use no_io::NoIo;

use block::BlockDevice;

const PAGE: u64 = PAGE_BYTES as u64;

/// Pages of one write when the swap file is made.
const CHUNK_PAGES: u64 = 64;

/// What is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The path.
    pub path: PathKind,
    /// The swap file is written before; otherwise its blocks are unwritten.
    pub is_written: bool,
    /// Pages of the address space.
    pub pages: u64,
    /// Pages that may be in memory.
    pub resident_pages: usize,
    /// The order of folios.
    pub folio_order: u8,
    /// Pages of each extent of the file; 0: one extent.
    pub piece_pages: u64,
    /// Pages that a fault reads with one I/O at most.
    pub read_cluster_pages: usize,
    /// Pages that reclaim writes with one I/O at most.
    pub cluster_pages: usize,
    /// The most blocks of one command.
    pub transfer_blocks_max: u32,
    /// How reclaim chooses its victims.
    pub policy: ReclaimPolicy,
    /// Events are counted. Otherwise they go nowhere, and cost nothing.
    pub is_audited: bool,
}

impl Setup {
    /// A written file of one extent, four times as much memory in use as there is, single pages.
    #[must_use]
    pub const fn new(path: PathKind) -> Self {
        Self {
            path,
            is_written: true,
            pages: 1024,
            resident_pages: 256,
            folio_order: 0,
            piece_pages: 0,
            read_cluster_pages: 1,
            cluster_pages: 32,
            transfer_blocks_max: 512,
            policy: ReclaimPolicy::SecondChance,
            is_audited: false,
        }
    }

    fn memory(&self) -> MmConfig {
        MmConfig {
            folio_order: self.folio_order,
            cluster_pages: self.cluster_pages,
            read_cluster_pages: self.read_cluster_pages,
            policy: self.policy,
            ..MmConfig::new(self.resident_pages)
        }
    }
}

/// The machine.
#[derive(Debug)]
pub struct Rig {
    /// The device.
    pub disk: Rc<RigDisk>,
    /// What was counted.
    pub audit: Rc<Audit>,
    mm: Mm<SoftUserMemory, RigDisk>,
    fs: FileSystem<RigDisk>,
    /// The word that each page holds; 0 is none yet.
    words: Vec<u64>,
}

/// What a pass over the pages saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Accesses that were answered with a bus error.
    pub told: u64,
    /// Pages that held another word, without any error.
    pub wrong: u64,
}

impl Rig {
    /// Makes a filesystem and a swap file, and turns it on.
    ///
    /// # Errors
    /// The step that failed, in words.
    pub fn new(setup: &Setup) -> Result<Self, String> {
        Self::build(setup, true)
    }

    /// The same memory over a path that does nothing: what is measured on it is not the path's. Its pages come back
    /// wrong.
    ///
    /// # Errors
    /// As for [`Rig::new`].
    pub fn without_path(setup: &Setup) -> Result<Self, String> {
        Self::build(setup, false)
    }

    fn build(setup: &Setup, has_path: bool) -> Result<Self, String> {
        let file_pages = setup.pages + (1 << setup.folio_order);
        let blocks = (file_pages * 2 + 4096).max(8192);
        let pages = setup.resident_pages * 2 + 1024;
        let pool = DmaPool::new(pages);
        // The host's first touch of a page costs more than what is to be measured.
        drop(pool.alloc(pages).map_err(|error| error.to_string())?);
        let audit = Rc::new(Audit::default());
        let sink: Rc<dyn hal::trace::TraceSink> = audit.clone();
        let tracer = if setup.is_audited { Tracer::new(sink) } else { Tracer::none() };
        let transfer = setup.transfer_blocks_max;
        let disk = Rc::new(RigDisk::new(pool.clone(), blocks, tracer, transfer));
        FileSystem::mkfs(&*disk, &MkfsOptions::default()).map_err(|e| format!("mkfs: {e}"))?;
        let fs = FileSystem::mount(Rc::clone(&disk), MountOptions::default());
        let fs = fs.map_err(|error| format!("mount: {error}"))?;
        let ino = swap_file(&fs, &disk, setup, file_pages)?;
        let user = Rc::new(SoftUserMemory::new(pool, setup.pages as usize));
        let mut mm = Mm::new(setup.memory(), user, Rc::clone(&disk)).map_err(|e| e.to_string())?;
        mm.add_area(if has_path {
            let options = SwaponOptions::new(setup.path);
            let area = swapon_with(&Rc::new(fs.clone()), &disk, ino, &options);
            area.map_err(|error| error.to_string())?
        } else {
            let header = SwapHeader::new(file_pages, [7; 16], "rig").map_err(|e| e.to_string())?;
            let usable = header.last_page + 1;
            SwapArea::from_parts(header, usable, SwapExtents::default(), Box::new(NoIo))
        });
        Ok(Self { disk, audit, mm, fs, words: vec![0; setup.pages as usize] })
    }

    /// Stores one word into every page.
    pub fn store_pass(&mut self, tag: u64) -> Pass {
        let mut pass = Pass::default();
        for (page, known) in (0..).zip(&mut self.words) {
            let word = tag << 32 | page;
            match self.mm.store(address_of(page), &word.to_le_bytes()) {
                Ok(()) => *known = word,
                Err(BusError { .. }) => pass.told += 1,
            }
        }
        pass
    }

    /// Loads the word of every page.
    pub fn load_pass(&mut self) -> Pass {
        let mut pass = Pass::default();
        for (page, known) in (0..).zip(&self.words) {
            let mut bytes = [0; 8];
            match self.mm.load(address_of(page), &mut bytes) {
                Ok(()) => pass.wrong += u64::from(u64::from_le_bytes(bytes) != *known),
                Err(BusError { .. }) => pass.told += 1,
            }
        }
        pass
    }

    /// Evicts everything; returns how many pages went.
    pub fn page_out(&mut self) -> usize {
        self.mm.page_out(self.mm.resident_pages())
    }

    /// What the memory side has done so far.
    #[must_use]
    pub const fn stats(&self) -> &MmStats {
        self.mm.stats()
    }

    /// Shuts the filesystem down without its log.
    ///
    /// # Errors
    /// What the filesystem gave.
    pub fn shut_down(&self) -> Result<(), String> {
        self.fs.shutdown(ShutdownKind::NoLogFlush).map_err(|errno| format!("shutdown: {errno}"))
    }
}

fn swap_file(
    fs: &FileSystem<RigDisk>,
    disk: &RigDisk,
    setup: &Setup,
    pages: u64,
) -> Result<Ino, String> {
    let text = |step: &str, errno: iomap::Errno| format!("{step}: {errno}");
    let ino = fs.create("swapfile").map_err(|errno| text("create", errno))?;
    let wedge = fs.create("wedge").map_err(|errno| text("create", errno))?;
    let piece = if setup.piece_pages == 0 { pages } else { setup.piece_pages };
    for (nth, first) in (0..pages).step_by(piece as usize).enumerate() {
        let count = piece.min(pages - first);
        fs.fallocate(ino, first * PAGE, count * PAGE).map_err(|e| text("fallocate", e))?;
        if setup.piece_pages > 0 {
            fs.fallocate(wedge, nth as u64 * PAGE, PAGE).map_err(|e| text("fallocate", e))?;
        }
    }
    for first in (0..pages).step_by(CHUNK_PAGES as usize).filter(|_| setup.is_written) {
        let zeros = (0..CHUNK_PAGES.min(pages - first)).map(|_| disk.alloc_page());
        let pages: Result<Vec<_>, _> = zeros.collect();
        let pages = pages.map_err(|error| error.to_string())?;
        let mut transfer = Transfer { direction: Direction::Write, pos: first * PAGE, pages };
        fs.dio_write(ino, &mut transfer).map_err(|errno| text("write", errno))?;
    }
    mkswap(fs, disk, ino, [7; 16], "rig").map_err(|error| error.to_string())?;
    fs.sync().map_err(|errno| text("sync", errno))?;
    Ok(ino)
}

const fn address_of(page: u64) -> UserAddr {
    UserAddr(page * PAGE + 64)
}
