//! What all parts of a mounted filesystem share.
//!
//! Invariant: no borrow of the state lasts across a device wait or a call out of this crate other than
//! to the trace.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::cell::{RefCell, RefMut};

use block::BlockDevice;
use iomap::Errno;

use crate::directory::Directory;
use crate::events::Event;
use crate::format::Corruption;
use crate::format::superblock::Layout;
use crate::inode::{Incore, Inode};
use crate::lock::Lock;
use crate::log::LogState;
use crate::mount::FsKnobs;
use crate::shutdown::ShutdownReason;
use crate::space::Space;
use crate::store::{IoError, Reserve};

/// A mounted filesystem.
pub(crate) struct Core<D: BlockDevice> {
    pub(crate) device: Rc<D>,
    pub(crate) reserve: Reserve<D::Page>,
    pub(crate) layout: Layout,
    pub(crate) knobs: FsKnobs,
    /// Held while the journal is written or checkpointed.
    pub(crate) log_lock: Lock,
    state: RefCell<State>,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) shutdown: Option<ShutdownReason>,
    pub(crate) is_mounted: bool,
    pub(crate) log: LogState,
    pub(crate) space: Space,
    pub(crate) directory: Directory,
    pub(crate) inodes: BTreeMap<u64, Incore>,
}

impl State {
    /// Has the inode changes that a crash would lose?
    pub(crate) fn is_dirty(&self, incore: &Incore) -> bool {
        incore.epoch > self.log.durable_epoch
    }
}

impl<D: BlockDevice> Core<D> {
    pub(crate) fn new(
        device: Rc<D>,
        reserve: Reserve<D::Page>,
        layout: Layout,
        knobs: FsKnobs,
        state: State,
    ) -> Self {
        let state = RefCell::new(state);
        Self { device, reserve, layout, knobs, log_lock: Lock::default(), state }
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    pub(crate) fn emit(&self, event: Event) {
        self.device.tracer().emit(event);
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

    /// A corrupt block was found: nothing is trusted any more.
    pub(crate) fn corrupt(&self, corruption: Corruption) -> Errno {
        self.shut_down(ShutdownReason::Corrupt(corruption));
        Errno::EUCLEAN
    }

    /// Metadata in memory contradict each other.
    pub(crate) fn inconsistent(&self, what: &'static str) -> Errno {
        self.shut_down(ShutdownReason::Inconsistent(what));
        Errno::EUCLEAN
    }

    /// The log cannot be written.
    pub(crate) fn log_broken(&self, error: IoError) -> Errno {
        self.shut_down(ShutdownReason::LogIo(error));
        Errno::EIO
    }

    /// A copy of an inode, for a transaction to change.
    ///
    /// # Errors
    /// `ENOENT` if it is not in memory.
    pub(crate) fn inode(&self, ino: u64) -> Result<Inode, Errno> {
        self.with_inode(ino, |incore| incore.inode.clone())
    }

    /// Looks at an inode.
    ///
    /// # Errors
    /// `ENOENT` if it is not in memory.
    pub(crate) fn with_inode<T>(
        &self,
        ino: u64,
        look: impl FnOnce(&Incore) -> T,
    ) -> Result<T, Errno> {
        self.state().inodes.get(&ino).map(look).ok_or(Errno::ENOENT)
    }
}
