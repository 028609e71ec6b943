//! A RAM disk, a filesystem on it, and short words for what tests do.

use alloc::rc::Rc;

use block::ram::RamDisk;
use block::{BLOCK_BYTES, BlockDevice};
use hal::DmaBuf;
use hal::testing::{DmaPool, PoolDma, VecSink};
use iomap::{Direction, Errno, Transfer};

use crate::events::Event;
use crate::{FileSystem, FsKnobs, Ino, MkfsOptions, MountError, MountOptions};

pub(crate) const PAGE: u64 = BLOCK_BYTES as u64;

pub(crate) type Fs = FileSystem<RamDisk>;

/// A disk with a volatile cache and the trace of everything above it.
pub(crate) struct Rig {
    pub(crate) disk: Rc<RamDisk>,
    pub(crate) sink: Rc<VecSink>,
}

impl Rig {
    /// A disk of `blocks` blocks without a filesystem.
    pub(crate) fn raw(blocks: u64) -> Self {
        let (sink, tracer) = VecSink::with_tracer();
        let disk = RamDisk::new(DmaPool::new(256), blocks);
        let disk = disk.with_volatile_cache().with_tracer(tracer).with_transfer_blocks_max(8);
        Self { disk: Rc::new(disk), sink }
    }

    /// A disk with an empty filesystem.
    pub(crate) fn new(blocks: u64) -> Self {
        let rig = Self::raw(blocks);
        FileSystem::mkfs(&*rig.disk, &MkfsOptions::default()).unwrap();
        rig
    }

    pub(crate) fn try_mount(&self) -> Result<Fs, MountError> {
        FileSystem::mount(Rc::clone(&self.disk), MountOptions::default())
    }

    pub(crate) fn mount(&self) -> Fs {
        self.try_mount().unwrap()
    }

    pub(crate) fn mount_with(&self, knobs: FsKnobs) -> Fs {
        FileSystem::mount(Rc::clone(&self.disk), MountOptions { knobs, ..MountOptions::default() })
            .unwrap()
    }

    /// The filesystem's events since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.sink.take().iter().filter_map(Event::decode).collect()
    }

    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let report = FileSystem::fsck(&*self.disk).unwrap();
        assert_eq!(report.findings, []);
    }

    /// Mount, unmount, check: what a crash left must recover to something clean.
    #[track_caller]
    pub(crate) fn assert_recovers(&self) {
        self.mount().unmount().unwrap();
        self.assert_clean();
    }

    /// Pages with these fill bytes, at page `first` of a file.
    pub(crate) fn transfer(&self, first: u64, fill: &[u8]) -> Transfer<PoolDma> {
        let page = |byte: &u8| {
            let page = self.disk.alloc_page().unwrap();
            page.write(0, &[*byte; BLOCK_BYTES]);
            page
        };
        let pages = fill.iter().map(page).collect();
        Transfer { direction: Direction::Write, pos: first * PAGE, pages }
    }

    pub(crate) fn write(&self, fs: &Fs, ino: Ino, first: u64, fill: &[u8]) -> Result<u64, Errno> {
        fs.dio_write(ino, &mut self.transfer(first, fill))
    }

    /// The fill bytes of `count` pages at page `first`; every page must be of one byte.
    pub(crate) fn read(&self, fs: &Fs, ino: Ino, first: u64, count: u64) -> Result<Vec<u8>, Errno> {
        let mut transfer = self.transfer(first, &vec![0xee; count as usize]);
        let bytes = fs.dio_read(ino, &mut transfer)?;
        let pages = transfer.pages.iter().take(bytes.div_ceil(PAGE) as usize);
        Ok(pages.map(fill_of).collect())
    }
}

/// The byte that fills a page.
#[track_caller]
pub(crate) fn fill_of(page: &PoolDma) -> u8 {
    let mut content = [0; BLOCK_BYTES];
    page.read(0, &mut content);
    assert!(content.iter().all(|byte| *byte == content[0]), "a page of mixed content");
    content[0]
}
