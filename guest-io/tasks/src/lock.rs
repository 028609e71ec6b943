//! A lock whose taker waits as a task.

use alloc::rc::Rc;
use core::cell::Cell;
use core::fmt;

use hal::Instant;

use crate::{Alone, LockClass, Resource, TaskHandle};

/// Exclusion that may last across a wait. Clones are handles on the same lock.
#[derive(Clone)]
pub struct SleepLock {
    is_held: Rc<Cell<bool>>,
    resource: Resource,
    class: LockClass,
}

impl SleepLock {
    /// A free lock.
    #[must_use]
    pub fn new(resource: Resource, class: LockClass) -> Self {
        Self { is_held: Rc::new(Cell::new(false)), resource, class }
    }

    /// Takes the lock, if need be after its holder has let go of it.
    ///
    /// # Errors
    /// [`Alone`] if it is held and nobody else runs who could release it.
    pub fn acquire(&self, tasks: &TaskHandle) -> Result<(), Alone> {
        tasks.wants(self.class);
        while self.is_held.get() {
            tasks.wait(self.resource, Instant::NEVER)?;
        }
        self.is_held.set(true);
        tasks.took(self.resource, self.class);
        Ok(())
    }

    /// Takes the lock if it is free.
    #[must_use]
    pub fn try_acquire(&self, tasks: &TaskHandle) -> bool {
        let is_free = !self.is_held.replace(true);
        if is_free {
            tasks.took(self.resource, self.class);
        }
        is_free
    }

    /// Lets go of it. Returns whether it was held.
    pub fn release(&self, tasks: &TaskHandle) -> bool {
        let was_held = self.is_held.replace(false);
        if was_held {
            tasks.gave(self.resource, self.class);
        }
        was_held
    }
}

impl fmt::Debug for SleepLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SleepLock")
            .field("is_held", &self.is_held.get())
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}
