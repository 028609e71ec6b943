//! The machine of a unit: little memory, two areas, one of them a partition with bad pages.

use std::rc::Rc;

use block::Op;
use block::ram::RamDisk;
use hal::testing::{DmaPool, SoftUserMemory, VecSink};
use iomap::MapKind;
use swap_path::events::Event;
use swap_path::{
    AreaId, Bugs, Mm, MmConfig, PathKind, ReclaimPolicy, SwaponOptions, mkswap, swapon_with,
};

use crate::bench::DISK_BLOCKS;
use crate::host::{Host, Inode};

/// Pages of the address space.
pub(super) const PAGES: usize = 64;

/// Pages of each swap file.
const FILE_PAGES: usize = 34;

/// Slots of the first area that the header calls bad.
pub(super) const BAD_SLOTS: [u32; 3] = [4, 5, 20];

/// Priorities of the two areas: the second one is to be used first.
const PRIORITIES: [i16; 2] = [1, 5];

pub(super) struct Machine {
    pub(super) disk: Rc<RamDisk>,
    pub(super) mm: Mm<SoftUserMemory, RamDisk>,
    sink: Rc<VecSink>,
    hosts: [Rc<Host>; 2],
    options: [SwaponOptions; 2],
    /// The areas of the files; `None` is off.
    areas: [Option<AreaId>; 2],
}

impl Machine {
    /// Paths and configuration come from the seed.
    pub(super) fn new(bugs: Bugs, seed: u64) -> Self {
        let pool = DmaPool::new(160);
        let (sink, tracer) = VecSink::with_tracer();
        let transfer = [256, 3][(seed % 2) as usize];
        let disk = RamDisk::new(pool.clone(), DISK_BLOCKS).with_tracer(tracer);
        let disk = Rc::new(disk.with_transfer_blocks_max(transfer));
        let hosts = [DISK_BLOCKS, 200].map(|end| Host::new(FILE_PAGES, 13, end, MapKind::Mapped));
        let paths = [PathKind::Extents, PathKind::Swap, PathKind::Dio, PathKind::DioSwapMap];
        let options = [0, 1].map(|nth| SwaponOptions {
            is_partition: nth == 0,
            bugs,
            ..SwaponOptions::new(paths[(seed / 2 + nth) as usize % paths.len()])
        });
        for host in &hosts {
            mkswap(&**host, &*disk, Inode, [7; 16], "planted").unwrap();
        }
        let header = swap_path::SwapHeader {
            last_page: FILE_PAGES as u32 - 1,
            uuid: [7; 16],
            label: [0; 16],
        };
        disk.poke(hosts[0].block(0), &header.to_page_with_bad(&BAD_SLOTS));
        let user = Rc::new(SoftUserMemory::new(pool, PAGES));
        let mut mm = Mm::new(config(bugs, seed), user, Rc::clone(&disk)).unwrap();
        let areas = [0, 1].map(|nth| {
            let area = swapon_with(&hosts[nth], &disk, Inode, &options[nth]).unwrap();
            Some(mm.add_area_with_priority(area, PRIORITIES[nth]))
        });
        disk.take_requests();
        Self { disk, mm, sink, hosts, options, areas }
    }

    /// Turns on what is off.
    pub(super) fn swapon_again(&mut self) {
        for (nth, priority) in PRIORITIES.into_iter().enumerate() {
            let is_on = |id| self.mm.areas().iter().any(|area| area.id() == id);
            if self.areas[nth].is_some_and(is_on) {
                continue;
            }
            if let Ok(area) = swapon_with(&self.hosts[nth], &self.disk, Inode, &self.options[nth]) {
                self.areas[nth] = Some(self.mm.add_area_with_priority(area, priority));
            }
        }
    }

    pub(super) fn is_first(&self, id: AreaId) -> bool {
        self.areas[0] == Some(id)
    }

    /// Free slots of the area that is to be filled first; 0 if it is off.
    pub(super) fn preferred_free(&self) -> u32 {
        let preferred = self.mm.areas().iter().find(|area| self.areas[1] == Some(area.id()));
        preferred.map_or(0, |area| area.size_pages() - area.used_pages())
    }

    /// A block that swap may write.
    pub(super) fn is_own(&self, block: u64) -> bool {
        let slots = |nth: usize| {
            let is_good = move |slot: &u32| nth == 1 || !BAD_SLOTS.contains(slot);
            (1..FILE_PAGES as u32).filter(is_good)
        };
        (0..2).any(|nth| slots(nth).any(|slot| self.hosts[nth].block(slot) == block))
    }

    /// Device writes since the last call.
    pub(super) fn writes(&self) -> Vec<(u64, u64)> {
        let requests = self.disk.take_requests();
        let writes = requests.iter().filter(|request| matches!(request.op, Op::Write { .. }));
        writes.map(|request| (request.block, request.blocks)).collect()
    }

    /// Swap events since the last call.
    pub(super) fn events(&self) -> Vec<Event> {
        self.sink.take().iter().filter_map(Event::decode).collect()
    }
}

/// Folios may have to go to the second area because the first is fragmented.
pub(super) const fn folio_order(seed: u64) -> u8 {
    [0, 2, 3][(seed / 7 % 3) as usize]
}

fn config(bugs: Bugs, seed: u64) -> MmConfig {
    let policies = [ReclaimPolicy::SecondChance, ReclaimPolicy::TwoLists, ReclaimPolicy::Fifo];
    MmConfig {
        policy: policies[(seed / 3 % 3) as usize],
        read_cluster_pages: [1, 8][(seed / 5 % 2) as usize],
        folio_order: folio_order(seed),
        bugs,
        ..MmConfig::new(16)
    }
}
