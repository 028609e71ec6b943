//! Where time passes when no task can run, and the platform of a guest that has tasks.

use alloc::rc::Rc;
use core::fmt;

use hal::{Instant, OutOfMemory, Platform, Tracer, Wake};

use crate::{Resource, ResourceKind, Tasks};

/// The machine's time and its one real wait.
pub trait Idle {
    /// The time now.
    fn now(&self) -> Instant;

    /// Waits for the interrupt `vector` or until `deadline`.
    fn wait(&self, vector: u16, deadline: Instant) -> Wake;
}

impl<P: Platform> Idle for P {
    fn now(&self) -> Instant {
        Platform::now(self)
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        Platform::wait(self, vector, deadline)
    }
}

/// A platform on which a wait parks the task that waits, and nobody else.
pub struct TaskPlatform<P> {
    inner: Rc<P>,
    tasks: Rc<Tasks>,
}

impl<P: Platform> TaskPlatform<P> {
    /// `inner` for the tasks that have it as their idle.
    #[must_use]
    pub const fn new(inner: Rc<P>, tasks: Rc<Tasks>) -> Self {
        Self { inner, tasks }
    }
}

impl<P: Platform> Platform for TaskPlatform<P> {
    type Bar = P::Bar;
    type Dma = P::Dma;

    fn bar(&self) -> &P::Bar {
        self.inner.bar()
    }

    fn dma_alloc(&self, pages: usize) -> Result<P::Dma, OutOfMemory> {
        self.inner.dma_alloc(pages)
    }

    fn now(&self) -> Instant {
        Platform::now(&*self.inner)
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        let resource = Resource::new(ResourceKind::Device, u64::from(vector));
        match self.tasks.wait(resource, deadline) {
            Ok(wake) => wake,
            // Not a task: the program itself waits.
            Err(_alone) => Platform::wait(&*self.inner, vector, deadline),
        }
    }

    fn stop_dma(&self) {
        self.inner.stop_dma();
    }

    fn tracer(&self) -> &Tracer {
        self.inner.tracer()
    }
}

impl<P> fmt::Debug for TaskPlatform<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskPlatform")
    }
}
