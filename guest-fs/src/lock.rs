//! Exclusion that may last across a device wait.
//!
//! A `RefCell` borrow must not: another task would panic on it. A task that wants a lock which is held waits
//! for it. Outside of a task nobody could ever release it: that is a deadlock, and it is answered with `EDEADLK`
//! instead of silence.

use alloc::rc::Rc;
use core::cell::Cell;

use block::BlockDevice;
use hal::Instant;
use iomap::{Context, Errno};
use tasks::{LockClass, Resource, ResourceKind, TaskHandle};

use crate::events::Event;
use crate::state::Core;

/// A lock object.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    is_held: Cell<bool>,
}

/// What a lock is to those who watch tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    resource: Resource,
    class: LockClass,
}

impl Known {
    /// The log's lock.
    pub(crate) const LOG: Self =
        Self { resource: Resource::only(ResourceKind::LogLock), class: LockClass::LogLock };

    /// The lock of an inode's map.
    pub(crate) const fn map_of(ino: u64) -> Self {
        let resource = Resource::new(ResourceKind::MapLock, ino);
        Self { resource, class: LockClass::MapLock }
    }

    /// The lock around a whole I/O of an inode.
    pub(crate) const fn io_of(ino: u64) -> Self {
        let resource = Resource::new(ResourceKind::IoLock, ino);
        Self { resource, class: LockClass::IoLock }
    }
}

/// Holds a lock; released when dropped.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    lock: &'a Lock,
    tasks: TaskHandle,
    known: Known,
}

impl Lock {
    /// Takes the lock, after its holder if it has one.
    ///
    /// # Errors
    /// `EDEADLK` if it is held and nobody else runs who could release it.
    pub(crate) fn acquire(&self, tasks: TaskHandle, known: Known) -> Result<Guard<'_>, Errno> {
        self.take(&tasks, known)?;
        Ok(Guard { lock: self, tasks, known })
    }

    fn take(&self, tasks: &TaskHandle, known: Known) -> Result<(), Errno> {
        tasks.wants(known.class);
        while self.is_held.get() {
            tasks.wait(known.resource, Instant::NEVER).map_err(|_alone| Errno::EDEADLK)?;
        }
        self.is_held.set(true);
        tasks.took(known.resource, known.class);
        Ok(())
    }

    fn give(&self, tasks: &TaskHandle, known: Known) -> bool {
        let was_held = self.is_held.replace(false);
        if was_held {
            tasks.gave(known.resource, known.class);
        }
        was_held
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.lock.give(&self.tasks, self.known);
    }
}

/// Holds an inode's lock (XFS: ILOCK); released when dropped.
pub(crate) struct InodeGuard<'a, D: BlockDevice> {
    core: &'a Core<D>,
    lock: Rc<Lock>,
    ino: u64,
    context: Context,
}

impl<D: BlockDevice> Core<D> {
    /// Takes the lock of an inode in memory. `is_nowait`: only if it is free.
    ///
    /// # Errors
    /// `ENOENT` for an inode that is not in memory, `EAGAIN` for a lock that is held and `is_nowait`,
    /// otherwise as [`Lock::acquire`].
    pub(crate) fn lock_inode(
        &self,
        ino: u64,
        context: Context,
        is_nowait: bool,
    ) -> Result<InodeGuard<'_, D>, Errno> {
        let lock = self.state().inodes.get(&ino).map(|incore| Rc::clone(&incore.lock));
        let lock = lock.ok_or(Errno::ENOENT)?;
        let is_refused = is_nowait && lock.is_held.get();
        let taken = if is_refused {
            Err(Errno::EAGAIN)
        } else {
            lock.take(&self.tasks(), Known::map_of(ino))
        };
        if let Err(errno) = taken {
            self.emit(Event::InodeLockBusy { ino, context, errno });
            return Err(errno);
        }
        self.emit(Event::InodeLock { ino, context });
        Ok(InodeGuard { core: self, lock, ino, context })
    }
}

/// Tells the auditor when the log's lock comes free again.
pub(crate) struct LogSeen<'a, D: BlockDevice>(&'a Core<D>);

impl<D: BlockDevice> Drop for LogSeen<'_, D> {
    fn drop(&mut self) {
        self.0.audit(Event::LogUnlock);
    }
}

impl<D: BlockDevice> Core<D> {
    /// Tells the auditor that the log's lock was taken, and with the end of the answer that it is free.
    pub(crate) fn audit_log_lock(&self, context: Context) -> LogSeen<'_, D> {
        self.audit(Event::LogLock { context });
        LogSeen(self)
    }
}

/// Holds an inode's I/O lock (XFS: IOLOCK); released when dropped.
pub(crate) struct IoGuard<'a, D: BlockDevice> {
    core: &'a Core<D>,
    ino: u64,
    context: Context,
}

impl<D: BlockDevice> Drop for IoGuard<'_, D> {
    fn drop(&mut self) {
        self.core.unlock_io(self.ino, self.context);
    }
}

impl<D: BlockDevice> Core<D> {
    /// Takes the I/O lock of an inode for a call of this crate. `is_nowait`: only if it is free.
    ///
    /// # Errors
    /// `EAGAIN` for a lock that is held and `is_nowait`; as [`Core::lock_io`].
    pub(crate) fn io_guard(
        &self,
        ino: u64,
        context: Context,
        is_nowait: bool,
    ) -> Result<IoGuard<'_, D>, Errno> {
        if is_nowait && self.io_lock(ino)?.is_held.get() {
            self.emit(Event::IoLockBusy { ino, context, errno: Errno::EAGAIN });
            return Err(Errno::EAGAIN);
        }
        self.lock_io(ino, context)?;
        Ok(IoGuard { core: self, ino, context })
    }
}

/// The lock around a whole I/O, for those outside of this crate: it has no guard.
impl<D: BlockDevice> Core<D> {
    /// Takes the I/O lock of an inode in memory (XFS: IOLOCK).
    ///
    /// # Errors
    /// `ENOENT` for an inode that is not in memory, `EDEADLK` if it is held.
    pub(crate) fn lock_io(&self, ino: u64, context: Context) -> Result<(), Errno> {
        if let Err(errno) = self.io_lock(ino)?.take(&self.tasks(), Known::io_of(ino)) {
            self.emit(Event::IoLockBusy { ino, context, errno });
            return Err(errno);
        }
        self.emit(Event::IoLock { ino, context });
        Ok(())
    }

    /// Releases the I/O lock of an inode.
    pub(crate) fn unlock_io(&self, ino: u64, context: Context) {
        let give = |lock: Rc<Lock>| lock.give(&self.tasks(), Known::io_of(ino));
        if self.io_lock(ino).is_ok_and(give) {
            self.emit(Event::IoUnlock { ino, context });
        }
    }

    fn io_lock(&self, ino: u64) -> Result<Rc<Lock>, Errno> {
        self.with_inode(ino, |incore| Rc::clone(&incore.io_lock))
    }
}

impl<D: BlockDevice> Drop for InodeGuard<'_, D> {
    fn drop(&mut self) {
        self.lock.give(&self.core.tasks(), Known::map_of(self.ino));
        self.core.emit(Event::InodeUnlock { ino: self.ino, context: self.context });
    }
}
