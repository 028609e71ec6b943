//! A mapping out of a table, and transfers of recognisable pages.

use std::cell::{Cell, RefCell};

use block::ram::{Hook, RamDisk};
use block::{BLOCK_BYTES, BlockDevice, Op};
use hal::DmaBuf;
use hal::testing::{DmaPool, PoolDma};

use crate::{
    Context, DioEnd, DioOps, Direction, Errno, Intent, Iomap, IomapOps, MapFlags, MapKind, Transfer,
};

pub(crate) const PAGE: u64 = BLOCK_BYTES as u64;

/// A file whose map is this table: first page, pages, kind, first block.
pub(crate) struct Table {
    pub(crate) rows: Vec<(u64, u64, MapKind, u64)>,
    pub(crate) flags: MapFlags,
    pub(crate) refuse_at: Option<(u64, Errno)>,
    pub(crate) end_io: Result<(), Errno>,
    pub(crate) calls: RefCell<Vec<(u64, Intent, Context)>>,
    pub(crate) ends: RefCell<Vec<(u64, u64, DioEnd, Context)>>,
}

impl Table {
    pub(crate) fn new(rows: &[(u64, u64, MapKind, u64)]) -> Self {
        Self {
            rows: rows.to_vec(),
            flags: MapFlags::empty(),
            refuse_at: None,
            end_io: Ok(()),
            calls: RefCell::default(),
            ends: RefCell::default(),
        }
    }
}

impl IomapOps for Table {
    type Inode = ();

    fn iomap_begin(
        &self,
        (): (),
        pos: u64,
        _: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.calls.borrow_mut().push((pos, intent, context));
        if let Some((at, errno)) = self.refuse_at
            && pos >= at
        {
            return Err(errno);
        }
        let page = pos / PAGE;
        let holds = |row: &&(u64, u64, MapKind, u64)| (row.0..row.0 + row.1).contains(&page);
        let (first, pages, kind, block) = *self.rows.iter().find(holds).ok_or(Errno::EIO)?;
        Ok(Iomap {
            kind,
            flags: self.flags,
            offset: first * PAGE,
            length: pages * PAGE,
            block: matches!(kind, MapKind::Mapped | MapKind::Unwritten).then_some(block),
            validity_cookie: 0,
        })
    }

    fn iomap_valid(&self, (): (), _: &Iomap) -> bool {
        true
    }
}

impl DioOps for Table {
    fn end_io(
        &self,
        (): (),
        pos: u64,
        length: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno> {
        self.ends.borrow_mut().push((pos, length, end, context));
        self.end_io
    }
}

pub(crate) fn disk() -> RamDisk {
    RamDisk::new(DmaPool::new(128), 256).with_transfer_blocks_max(4)
}

/// Pages filled with 1, 2, 3 and so on.
pub(crate) fn transfer(
    disk: &RamDisk,
    direction: Direction,
    pos: u64,
    pages: u8,
) -> Transfer<PoolDma> {
    let page = |fill: u8| {
        let page = disk.alloc_page().unwrap();
        page.write(0, &[fill; BLOCK_BYTES]);
        page
    };
    Transfer { direction, pos, pages: (1..=pages).map(page).collect() }
}

/// The first byte of every page.
pub(crate) fn fills(transfer: &Transfer<PoolDma>) -> Vec<u8> {
    let first = |page: &PoolDma| {
        let mut byte = [0];
        page.read(0, &mut byte);
        byte[0]
    };
    transfer.pages.iter().map(first).collect()
}

/// Counts how many bios of a disk are in flight.
#[derive(Default)]
pub(crate) struct Depth {
    depth: Cell<usize>,
    pub(crate) depth_max: Cell<usize>,
}

impl Hook for Depth {
    fn at_submit(&self, _: Op) {
        self.depth.set(self.depth.get() + 1);
        self.depth_max.set(self.depth_max.get().max(self.depth.get()));
    }

    fn at_wait(&self) {
        self.depth.set(self.depth.get() - 1);
    }
}
