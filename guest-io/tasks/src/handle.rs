//! A handle on the tasks that may be none, for code that runs with and without them.

use alloc::rc::Rc;
use core::fmt;

use hal::{Instant, OutOfMemory, Wake};

use crate::{Alone, Gfp, LockClass, Resource, Tasks};

/// What a filesystem or a pool keeps of the tasks. The default is none: nobody waits, memory is endless.
#[derive(Clone, Default)]
pub struct TaskHandle(Option<Rc<Tasks>>);

impl TaskHandle {
    /// A handle on `tasks`.
    #[must_use]
    pub const fn new(tasks: Rc<Tasks>) -> Self {
        Self(Some(tasks))
    }

    /// Waits for `resource` or until `deadline`.
    ///
    /// # Errors
    /// [`Alone`] if the caller is no task.
    pub fn wait(&self, resource: Resource, deadline: Instant) -> Result<Wake, Alone> {
        self.0.as_ref().ok_or(Alone)?.wait(resource, deadline)
    }

    /// What was waited for may be there: everybody who waits looks again.
    pub fn wake_all(&self, resource: Resource) {
        if let Some(tasks) = &self.0 {
            tasks.wake_all(resource);
        }
    }

    /// Takes kernel memory (see [`crate::Memory::alloc`]).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn alloc(&self, bytes: usize, gfp: Gfp) -> Result<(), OutOfMemory> {
        match self.0.as_ref().and_then(|tasks| tasks.memory()) {
            Some(memory) => memory.alloc(bytes, gfp),
            None => Ok(()),
        }
    }

    /// Gives kernel memory back.
    pub fn free(&self, bytes: usize) {
        if let Some(memory) = self.0.as_ref().and_then(|tasks| tasks.memory()) {
            memory.free(bytes);
        }
    }

    /// The caller is the one who can end waits for `resource`.
    pub fn claim(&self, resource: Resource) {
        if let Some(tasks) = &self.0 {
            tasks.set_holder(resource, tasks.current());
        }
    }

    /// The end of [`TaskHandle::claim`]: everybody who waits looks again.
    pub fn unclaim(&self, resource: Resource) {
        if let Some(tasks) = &self.0 {
            tasks.set_holder(resource, None);
            tasks.wake_all(resource);
        }
    }

    /// The caller is about to take a lock of that class.
    pub fn wants(&self, class: LockClass) {
        if let Some(tasks) = &self.0 {
            tasks.wants(class);
        }
    }

    /// The caller has taken a lock.
    pub fn took(&self, resource: Resource, class: LockClass) {
        if let Some(tasks) = &self.0 {
            tasks.took(resource, class);
        }
    }

    /// The caller has released a lock; the first who waits for it may have it.
    pub fn gave(&self, resource: Resource, class: LockClass) {
        if let Some(tasks) = &self.0 {
            tasks.gave(resource, class);
        }
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "TaskHandle" } else { "TaskHandle(none)" })
    }
}
