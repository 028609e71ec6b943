//! A filesystem with one file, small enough to see through: a block and a kind for each page.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use iomap::{Context, DioEnd, DioOps, Errno, Intent, Iomap, IomapOps, MapFlags, MapKind, SwapHost};

pub(crate) const PAGE: u64 = 4096;

/// The only file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode;

/// What both mapping callbacks look at.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) pages: RefCell<Vec<(MapKind, u64)>>,
    pub(crate) is_shut_down: Cell<bool>,
    pub(crate) is_claimed: Cell<bool>,
    pub(crate) is_shared: Cell<bool>,
    /// Transactions run on behalf of swap I/O.
    pub(crate) swap_transactions: Cell<u64>,
    /// Mapping calls on behalf of swap I/O.
    pub(crate) swap_asks: Cell<u64>,
}

impl State {
    fn map(&self, pos: u64) -> Result<Iomap, Errno> {
        let pages = self.pages.borrow();
        let first = (pos / PAGE) as usize;
        let (kind, block) = *pages.get(first).ok_or(Errno::EINVAL)?;
        let run = pages[first..]
            .iter()
            .zip(block..)
            .take_while(|&(page, block)| *page == (kind, block))
            .count();
        let mut flags = MapFlags::empty();
        flags.set(MapFlags::SHARED, self.is_shared.get());
        Ok(Iomap {
            kind,
            flags,
            offset: first as u64 * PAGE,
            length: run as u64 * PAGE,
            block: (kind != MapKind::Hole).then_some(block),
            validity_cookie: 0,
        })
    }

    /// Swap I/O says so to the callbacks, and nobody else does.
    fn count(&self, intent: Intent, context: Context) {
        let is_told = intent.contains(Intent::SWAP) && !intent.contains(Intent::REPORT);
        assert_eq!(is_told, context.is_swap_io(), "{intent:?} for {context:?}");
        if context.is_swap_io() {
            self.swap_asks.set(self.swap_asks.get() + 1);
        }
    }
}

/// The direct-I/O callbacks: honour the shutdown, convert unwritten blocks by a transaction.
#[derive(Debug)]
pub(crate) struct Dio(Rc<State>);

impl IomapOps for Dio {
    type Inode = Inode;

    fn iomap_begin(
        &self,
        _inode: Inode,
        pos: u64,
        _length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.0.count(intent, context);
        if self.0.is_shut_down.get() {
            return Err(Errno::EIO);
        }
        self.0.map(pos)
    }

    fn iomap_valid(&self, _inode: Inode, _map: &Iomap) -> bool {
        true
    }
}

impl DioOps for Dio {
    fn end_io(
        &self,
        _inode: Inode,
        pos: u64,
        length: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno> {
        if self.0.is_shut_down.get() {
            return Err(Errno::EIO);
        }
        if end.contains(DioEnd::UNWRITTEN) {
            let range = (pos / PAGE) as usize..((pos + length) / PAGE) as usize;
            for page in &mut self.0.pages.borrow_mut()[range] {
                page.0 = MapKind::Mapped;
            }
            if context.is_swap_io() {
                let count = &self.0.swap_transactions;
                count.set(count.get() + 1);
            }
        }
        Ok(())
    }
}

/// The swap callbacks: read the map, nothing else.
#[derive(Debug)]
pub(crate) struct Swap(Rc<State>);

impl IomapOps for Swap {
    type Inode = Inode;

    fn iomap_begin(
        &self,
        _inode: Inode,
        pos: u64,
        _length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.0.count(intent, context);
        self.0.map(pos)
    }

    fn iomap_valid(&self, _inode: Inode, _map: &Iomap) -> bool {
        true
    }
}

/// The filesystem.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) state: Rc<State>,
    dio: Dio,
    swap: Swap,
}

impl Host {
    /// A file of `pages` pages in pieces of `run` blocks, spread backwards over the device from
    /// block `end` on, one block apart.
    pub(crate) fn new(pages: usize, run: u64, end: u64, kind: MapKind) -> Rc<Self> {
        let state = Rc::new(State::default());
        *state.pages.borrow_mut() = (0..pages as u64)
            .map(|page| (kind, end - (page / run + 1) * (run + 1) + page % run))
            .collect();
        let (dio, swap) = (Dio(Rc::clone(&state)), Swap(Rc::clone(&state)));
        Rc::new(Self { state, dio, swap })
    }

    /// The device block of a slot.
    pub(crate) fn block(&self, slot: u32) -> u64 {
        self.state.pages.borrow()[slot as usize].1
    }
}

impl SwapHost for Host {
    type Inode = Inode;
    type Dio = Dio;
    type Swap = Swap;

    fn dio_ops(&self) -> &Dio {
        &self.dio
    }

    fn swap_ops(&self) -> &Swap {
        &self.swap
    }

    fn size_bytes(&self, _inode: Inode) -> Result<u64, Errno> {
        if self.state.is_shut_down.get() {
            return Err(Errno::EIO);
        }
        // A tail that is no whole page.
        Ok(self.state.pages.borrow().len() as u64 * PAGE + 3)
    }

    fn sync(&self, _inode: Inode) -> Result<(), Errno> {
        if self.state.is_shut_down.get() {
            return Err(Errno::EIO);
        }
        Ok(())
    }

    fn claim_swapfile(&self, _inode: Inode) -> Result<(), Errno> {
        if self.state.is_claimed.replace(true) {
            return Err(Errno::EBUSY);
        }
        Ok(())
    }

    fn release_swapfile(&self, _inode: Inode) {
        assert!(self.state.is_claimed.replace(false), "nobody claimed it");
    }
}
