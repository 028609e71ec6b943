//! What all parts of a mounted filesystem share.
//!
//! Invariant: no borrow of the state lasts across a device wait or a call out of this crate other than
//! to the trace and the auditor.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell, RefMut};

use block::BlockDevice;
use iomap::{Context, Errno, PageCache};
use tasks::TaskHandle;

use crate::audit::{Auditor, Clock};
use crate::events::Event;
use crate::filesystem::Ino;
use crate::format::superblock::Layout;
use crate::format::{Corruption, Image, Structure, verify_cached};
use crate::inode::Incore;
use crate::lock::Lock;
use crate::log::LogState;
use crate::meta::cache::Cache;
use crate::meta::{Fault, MetaRead, read_verified};
use crate::mount::{FsKnobs, MountOptions};
use crate::ops::DioTable;
use crate::planted::Plant;
use crate::shutdown::ShutdownReason;
use crate::space::{Busy, Groups, RESERVED_BLOCKS};
use crate::store::{IoError, Reserve};

/// A mounted filesystem.
pub(crate) struct Core<D: BlockDevice> {
    pub(crate) device: Rc<D>,
    pub(crate) reserve: Reserve<D::Page>,
    pub(crate) layout: Layout,
    pub(crate) knobs: FsKnobs,
    pub(crate) plant: Plant,
    /// Held while the journal is written or checkpointed.
    pub(crate) log_lock: Lock,
    /// The pages of files.
    pub(crate) pages: PageCache<Ino, D::Page>,
    /// Direct I/O under way.
    pub(crate) dios: DioTable<D::Page>,
    state: RefCell<State>,
    auditor: RefCell<Option<Rc<dyn Auditor>>>,
    clock: RefCell<Option<Rc<dyn Clock>>>,
    tasks: RefCell<TaskHandle>,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) shutdown: Option<ShutdownReason>,
    pub(crate) is_mounted: bool,
    /// No transaction may begin until the thaw.
    pub(crate) is_frozen: bool,
    pub(crate) log: LogState,
    pub(crate) groups: Groups,
    /// Free blocks that dirty pages will need: delayed allocation.
    pub(crate) promised: u64,
    /// Free blocks that open transactions have allocated: the groups know of them when those commit.
    pub(crate) taken: u64,
    pub(crate) busy: Busy,
    pub(crate) cache: Cache,
    pub(crate) inodes: BTreeMap<u64, Incore>,
    /// Metadata blocks that an open transaction has changed, and which (XFS: locked buffers).
    pub(crate) held_blocks: BTreeMap<u64, u64>,
    pub(crate) next_txn: u64,
    /// Metadata blocks that were looked at.
    pub(crate) looks: Cell<u64>,
}

impl State {
    pub(crate) fn new(log: LogState, groups: Groups) -> Self {
        Self {
            shutdown: None,
            is_mounted: true,
            is_frozen: false,
            log,
            groups,
            promised: 0,
            taken: 0,
            busy: Busy::default(),
            cache: Cache::default(),
            inodes: BTreeMap::new(),
            held_blocks: BTreeMap::new(),
            next_txn: 1,
            looks: Cell::new(0),
        }
    }

    /// Has the inode changes that a crash would lose?
    pub(crate) fn is_dirty(&self, incore: &Incore) -> bool {
        incore.epoch > self.log.durable_epoch
    }

    /// Has the inode changes other than of its times that a crash would lose? (XFS: `IOMAP_F_DIRTY` leaves
    /// times out.)
    pub(crate) fn is_data_dirty(&self, incore: &Incore) -> bool {
        incore.data_epoch > self.log.durable_epoch
    }

    /// Free blocks that nobody has a right to: less what is kept for changes that give space back, what dirty pages will
    /// need, and what open transactions have allocated.
    pub(crate) fn unclaimed(&self) -> u64 {
        let kept = RESERVED_BLOCKS.saturating_add(self.promised).saturating_add(self.taken);
        self.groups.free().saturating_sub(kept)
    }

    /// A metadata block as committed transactions left it, if it is in memory.
    fn in_memory(&self, block: u64) -> Option<Rc<Image>> {
        self.looks.set(self.looks.get().saturating_add(1));
        self.log.newest(block).or_else(|| self.cache.peek(block))
    }
}

/// Metadata that is in memory, and nothing else: what swap I/O may look at.
pub(crate) struct InMemory<'a> {
    pub(crate) state: &'a State,
    pub(crate) layout: &'a Layout,
}

impl MetaRead for InMemory<'_> {
    fn layout(&self) -> &Layout {
        self.layout
    }

    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault> {
        let image = self.state.in_memory(block).ok_or(Fault::Absent)?;
        verify_cached(&image, self.layout.identity(structure, block, owner))?;
        Ok(image)
    }
}

impl<D: BlockDevice> MetaRead for Core<D> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault> {
        let known = {
            let state = &mut *self.state();
            state.looks.set(state.looks.get().saturating_add(1));
            state.log.newest(block).or_else(|| state.cache.get(block))
        };
        if let Some(image) = known {
            verify_cached(&image, self.layout.identity(structure, block, owner))?;
            return Ok(image);
        }
        let read = |block| self.reserve.read(&*self.device, block);
        let image = read_verified(&self.layout, structure, block, owner, read)?;
        self.state().cache.put(block, Rc::clone(&image));
        Ok(image)
    }
}

impl<D: BlockDevice> Core<D> {
    pub(crate) fn new(
        device: Rc<D>,
        reserve: Reserve<D::Page>,
        layout: Layout,
        options: &MountOptions,
        plant: Plant,
        state: State,
    ) -> Self {
        Self {
            device,
            reserve,
            layout,
            knobs: options.knobs,
            plant,
            log_lock: Lock::default(),
            pages: PageCache::new(options.cache_pages_max),
            dios: DioTable::default(),
            state: RefCell::new(state),
            auditor: RefCell::default(),
            clock: RefCell::default(),
            tasks: RefCell::default(),
        }
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    pub(crate) fn set_auditor(&self, auditor: Option<Rc<dyn Auditor>>) {
        *self.auditor.borrow_mut() = auditor;
    }

    pub(crate) fn set_clock(&self, clock: Rc<dyn Clock>) {
        *self.clock.borrow_mut() = Some(clock);
    }

    pub(crate) fn set_tasks(&self, tasks: TaskHandle) {
        *self.tasks.borrow_mut() = tasks;
    }

    /// Who else runs, and who has memory.
    pub(crate) fn tasks(&self) -> TaskHandle {
        self.tasks.borrow().clone()
    }

    /// Now, in virtual nanoseconds; 0 if nobody gave the filesystem a clock.
    pub(crate) fn now_ns(&self) -> u64 {
        let clock = self.clock.borrow().clone();
        clock.map_or(0, |clock| clock.now_ns())
    }

    /// Tells the auditor and the trace.
    pub(crate) fn emit(&self, event: Event) {
        self.audit(event);
        self.device.tracer().emit(event);
    }

    /// Tells the auditor only: there are too many of these for the trace.
    pub(crate) fn audit(&self, event: Event) {
        let auditor = self.auditor.borrow().clone();
        if let Some(auditor) = auditor {
            auditor.saw(&event);
        }
    }

    /// May anything be done at all?
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENODEV` after unmount.
    pub(crate) fn check_alive(&self) -> Result<(), Errno> {
        let state = self.state();
        match state.shutdown {
            _ if !state.is_mounted => Err(Errno::ENODEV),
            Some(_) => Err(Errno::EIO),
            None => Ok(()),
        }
    }

    /// Shuts the filesystem down; the first reason stays.
    pub(crate) fn shut_down(&self, reason: ShutdownReason) {
        let is_first = {
            let mut state = self.state();
            let is_first = state.shutdown.is_none();
            state.shutdown.get_or_insert(reason);
            is_first
        };
        if is_first {
            self.emit(Event::Shutdown { reason: reason.code(), block: reason.block() });
        }
    }

    /// What a user gets for a fault. A corrupt block shuts the filesystem down: nothing is trusted any
    /// more.
    pub(crate) fn errno(&self, fault: Fault) -> Errno {
        match fault {
            Fault::Corrupt(corruption) => self.corrupt(corruption),
            Fault::Io(_) | Fault::Absent => Errno::EIO,
            Fault::Errno(errno) => errno,
        }
    }

    fn corrupt(&self, corruption: Corruption) -> Errno {
        self.shut_down(ShutdownReason::Corrupt(corruption));
        Errno::EUCLEAN
    }

    /// Metadata contradict each other.
    pub(crate) fn inconsistent(&self, what: &'static str) -> Errno {
        self.shut_down(ShutdownReason::Inconsistent(what));
        Errno::EUCLEAN
    }

    /// The log cannot be written.
    pub(crate) fn log_broken(&self, error: IoError) -> Errno {
        self.shut_down(ShutdownReason::LogIo(error));
        Errno::EIO
    }

    /// Looks at what is only in memory of an inode.
    ///
    /// # Errors
    /// `ENOENT` if nobody looked it up.
    pub(crate) fn with_inode<T>(
        &self,
        ino: u64,
        look: impl FnOnce(&mut Incore) -> T,
    ) -> Result<T, Errno> {
        self.state().inodes.get_mut(&ino).map(look).ok_or(Errno::ENOENT)
    }

    /// Runs `attempt`; if there is no space, makes freed blocks usable and tries once more.
    ///
    /// # Errors
    /// What the last attempt gave.
    pub(crate) fn with_space<T>(
        &self,
        context: Context,
        attempt: impl Fn() -> Result<T, Fault>,
    ) -> Result<T, Errno> {
        let result = match attempt() {
            Err(Fault::Errno(Errno::ENOSPC)) if !self.state().busy.is_empty() => {
                self.log_force(context)?;
                attempt()
            }
            result => result,
        };
        result.map_err(|fault| self.errno(fault))
    }
}
