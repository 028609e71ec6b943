//! A machine in miniature, and a workload that knows what every page must hold.

use std::rc::Rc;

use block::ram::{Fault, OpKind, RamDisk};
use block::{BlockError, DeviceStatus, Op};
use hal::testing::{DmaPool, SoftUserMemory, VecSink};
use hal::{BusError, UserAddr};
use iomap::MapKind;
use swap_path::events::Event;
use swap_path::{AreaId, Mm, MmConfig, PathKind, mkswap, swapon};

use crate::host::{Host, Inode, PAGE};

/// A media error with Do Not Retry, as NVMe reports it.
pub(crate) const MEDIUM: BlockError = BlockError::Medium(DeviceStatus(0x4281));

pub(crate) const DISK_BLOCKS: u64 = 512;

/// What is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) path: PathKind,
    pub(crate) config: MmConfig,
    pub(crate) pages: usize,
    pub(crate) swap_pages: usize,
    pub(crate) kind: MapKind,
    /// DMA pages of the machine.
    pub(crate) memory: usize,
    /// The most blocks of one command.
    pub(crate) transfer_blocks_max: u32,
}

impl Setup {
    /// Four times the memory, and a swap file that has room for all of it.
    pub(crate) fn new(path: PathKind) -> Self {
        Self {
            path,
            config: MmConfig::new(16),
            pages: 64,
            swap_pages: 100,
            kind: MapKind::Mapped,
            memory: 128,
            transfer_blocks_max: 256,
        }
    }

    pub(crate) fn build(self) -> Bench {
        let pool = DmaPool::new(self.memory);
        let (sink, tracer) = VecSink::with_tracer();
        let disk = RamDisk::new(pool.clone(), DISK_BLOCKS)
            .with_tracer(tracer)
            .with_transfer_blocks_max(self.transfer_blocks_max);
        let disk = Rc::new(disk);
        let host = Host::new(self.swap_pages, 13, DISK_BLOCKS, self.kind);
        mkswap(&*host, &*disk, Inode, [7; 16], "lab").unwrap();
        let area = swapon(&host, &disk, Inode, self.path).unwrap();
        let user = Rc::new(SoftUserMemory::new(pool.clone(), self.pages));
        let mut mm = Mm::new(self.config, user, Rc::clone(&disk)).unwrap();
        let area = mm.add_area(area);
        disk.take_requests();
        Bench { pool, disk, host, sink, mm, area, expected: vec![0; self.pages] }
    }
}

pub(crate) struct Bench {
    pub(crate) pool: DmaPool,
    pub(crate) disk: Rc<RamDisk>,
    pub(crate) host: Rc<Host>,
    pub(crate) sink: Rc<VecSink>,
    pub(crate) mm: Mm<SoftUserMemory, RamDisk>,
    pub(crate) area: AreaId,
    /// The tag that each page must hold; 0 is a page of zeros.
    pub(crate) expected: Vec<u64>,
}

/// A page full of `tag` and `page`, different in every word.
fn pattern(page: usize, tag: u64) -> Vec<u8> {
    if tag == 0 {
        return vec![0; PAGE as usize];
    }
    (0..PAGE / 8).flat_map(|word| (tag << 32 ^ (page as u64) << 16 ^ word).to_le_bytes()).collect()
}

impl Bench {
    /// Writes the whole page.
    pub(crate) fn store(&mut self, page: usize, tag: u64) -> Result<(), BusError> {
        let addr = UserAddr(page as u64 * PAGE);
        self.mm.store(addr, &pattern(page, tag))?;
        self.expected[page] = tag;
        Ok(())
    }

    /// Reads the whole page. A page that reads as anything but the last store ends the test.
    pub(crate) fn load(&mut self, page: usize) -> Result<(), BusError> {
        assert!(self.load_is_right(page)?, "page {page} is garbage");
        Ok(())
    }

    /// As [`Bench::load`], but says whether the page was right.
    pub(crate) fn load_is_right(&mut self, page: usize) -> Result<bool, BusError> {
        let mut seen = vec![0xee; PAGE as usize];
        self.mm.load(UserAddr(page as u64 * PAGE), &mut seen)?;
        Ok(seen == pattern(page, self.expected[page]))
    }

    /// Stores to every page; returns those that got a bus error.
    pub(crate) fn store_all(&mut self, tag: u64) -> Vec<usize> {
        let pages = 0..self.expected.len();
        pages.filter(|&page| self.store(page, tag).is_err()).collect()
    }

    /// Loads and checks every page; returns those that got a bus error.
    pub(crate) fn load_all(&mut self) -> Vec<usize> {
        let pages = 0..self.expected.len();
        pages.filter(|&page| self.load(page).is_err()).collect()
    }

    /// Pages that are in their slot only.
    pub(crate) fn swapped(&self) -> Vec<usize> {
        let is_swapped = |page: &usize| self.slot(*page).is_some_and(|slot| slot.1);
        (0..self.expected.len()).filter(is_swapped).collect()
    }

    /// The page's slot, and whether that is the only place where it is.
    pub(crate) fn slot(&self, page: usize) -> Option<(u32, bool)> {
        match self.mm.page(hal::UserPage(page as u64))? {
            swap_path::PageView::Swapped { entry } => Some((entry.slot, true)),
            swap_path::PageView::Resident { entry } => Some((entry?.slot, false)),
            _ => None,
        }
    }

    /// Every request of this kind that touches the slot fails.
    pub(crate) fn break_slot(&self, op: OpKind, slot: u32) {
        let block = self.host.block(slot);
        self.disk.add_fault(Fault::on_blocks(op, block..block + 1, MEDIUM));
    }

    /// Every request of this kind fails.
    pub(crate) fn break_disk(&self, op: OpKind) {
        self.disk.add_fault(Fault::on_blocks(op, 0..DISK_BLOCKS, MEDIUM));
    }

    /// The swap events since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        let records = self.sink.take();
        records.iter().filter_map(Event::decode).collect()
    }

    pub(crate) fn check(&self) {
        self.mm.check_invariants().unwrap();
    }

    /// Device writes since the last call: first block and count.
    pub(crate) fn writes(&self) -> Vec<(u64, u64)> {
        let requests = self.disk.take_requests();
        let writes = requests.iter().filter(|request| matches!(request.op, Op::Write { .. }));
        writes.map(|request| (request.block, request.blocks)).collect()
    }
}
