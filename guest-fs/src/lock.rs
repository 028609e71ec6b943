//! Exclusion that may last across a device wait.
//!
//! A `RefCell` borrow must not: another task would panic on it. Today there is one task, so a lock
//! that is held can never be released while its taker waits: that is a deadlock, and it is answered
//! with `EDEADLK` instead of silence. When tasks come, the wait goes into [`Lock::acquire`] and nowhere
//! else.

use alloc::rc::Rc;
use core::cell::Cell;

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::events::Event;
use crate::state::Core;

/// A lock object.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    is_held: Cell<bool>,
}

/// Holds a lock; released when dropped.
#[derive(Debug)]
pub(crate) struct Guard<'a>(&'a Lock);

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// `EDEADLK` if it is held: nobody else runs who could release it.
    pub(crate) fn acquire(&self) -> Result<Guard<'_>, Errno> {
        if self.is_held.replace(true) { Err(Errno::EDEADLK) } else { Ok(Guard(self)) }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.is_held.set(false);
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
        if lock.is_held.replace(true) {
            let errno = if is_nowait { Errno::EAGAIN } else { Errno::EDEADLK };
            self.emit(Event::InodeLockBusy { ino, context, errno });
            return Err(errno);
        }
        self.emit(Event::InodeLock { ino, context });
        Ok(InodeGuard { core: self, lock, ino, context })
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
        if self.io_lock(ino)?.is_held.replace(true) {
            let errno = Errno::EDEADLK;
            self.emit(Event::IoLockBusy { ino, context, errno });
            return Err(errno);
        }
        self.emit(Event::IoLock { ino, context });
        Ok(())
    }

    /// Releases the I/O lock of an inode.
    pub(crate) fn unlock_io(&self, ino: u64, context: Context) {
        if self.io_lock(ino).is_ok_and(|lock| lock.is_held.replace(false)) {
            self.emit(Event::IoUnlock { ino, context });
        }
    }

    fn io_lock(&self, ino: u64) -> Result<Rc<Lock>, Errno> {
        self.with_inode(ino, |incore| Rc::clone(&incore.io_lock))
    }
}

impl<D: BlockDevice> Drop for InodeGuard<'_, D> {
    fn drop(&mut self) {
        self.lock.is_held.set(false);
        self.core.emit(Event::InodeUnlock { ino: self.ino, context: self.context });
    }
}
