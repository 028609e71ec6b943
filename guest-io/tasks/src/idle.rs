//! Where time passes when no task can run, and the platform of a guest that has tasks.

use alloc::rc::Rc;
use core::fmt;

use hal::{Instant, OutOfMemory, Platform, Tracer, Wake};

use crate::{Resource, ResourceKind, Tasks};

/// The machine's time and its one real wait.
pub trait Idle {
    /// The time now.
    fn now(&self) -> Instant;

    /// Waits for an interrupt of `device`, a resource [of that kind](crate::ResourceKind::is_device), or until
    /// `deadline`.
    fn wait(&self, device: Resource, deadline: Instant) -> Wake;
}

impl<P: Platform> Idle for P {
    fn now(&self) -> Instant {
        Platform::now(self)
    }

    fn wait(&self, device: Resource, deadline: Instant) -> Wake {
        Platform::wait(self, device.id as u16, deadline)
    }
}

/// The drive and the file server of one machine, as [`Idle`] of tasks that may wait for either.
///
/// The machine waits for one interrupt at a time: that of the device which was looked at last. An interrupt of the
/// other one is not lost, but seen at the next end of a wait, which is at a deadline at the latest.
pub struct DriveAndServer<P, R> {
    /// What waits of [`ResourceKind::Device`] mean.
    pub drive: Rc<P>,
    /// What waits of [`ResourceKind::Server`] mean.
    pub server: Rc<R>,
}

impl<P: Platform, R: Platform> Idle for DriveAndServer<P, R> {
    fn now(&self) -> Instant {
        Platform::now(&*self.drive)
    }

    fn wait(&self, device: Resource, deadline: Instant) -> Wake {
        match device.kind {
            ResourceKind::Server => Platform::wait(&*self.server, device.id as u16, deadline),
            _ => Platform::wait(&*self.drive, device.id as u16, deadline),
        }
    }
}

/// A platform on which a wait parks the task that waits, and nobody else.
pub struct TaskPlatform<P> {
    inner: Rc<P>,
    tasks: Rc<Tasks>,
    kind: ResourceKind,
}

impl<P: Platform> TaskPlatform<P> {
    /// The drive's platform, for the tasks that have it in their [`Idle`].
    #[must_use]
    pub const fn drive(inner: Rc<P>, tasks: Rc<Tasks>) -> Self {
        Self { inner, tasks, kind: ResourceKind::Device }
    }

    /// The file server's platform, for the tasks that have it in their [`Idle`].
    #[must_use]
    pub const fn server(inner: Rc<P>, tasks: Rc<Tasks>) -> Self {
        Self { inner, tasks, kind: ResourceKind::Server }
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
        let resource = Resource::new(self.kind, u64::from(vector));
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

impl<P, R> fmt::Debug for DriveAndServer<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DriveAndServer")
    }
}

impl<P> fmt::Debug for TaskPlatform<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskPlatform")
    }
}
