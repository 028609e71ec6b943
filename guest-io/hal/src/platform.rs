//! What a driver sees of the machine it runs on.

use alloc::rc::Rc;

use crate::{DmaBuf, Instant, Mmio, OutOfMemory, Tracer};

/// Why [`Platform::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The vector was signalled since the last wait for it. Says nothing about *why*.
    Interrupt,
    /// The deadline passed first.
    Deadline,
}

/// One device's machine: its registers, its DMA memory, its interrupt vectors, and the clock.
pub trait Platform {
    /// The device's register window (BAR 0).
    type Bar: Mmio;
    /// DMA memory of this machine.
    type Dma: DmaBuf;

    /// The device's register window.
    fn bar(&self) -> &Self::Bar;

    /// Allocates `pages` contiguous, zeroed pages of DMA memory.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is no such run.
    fn dma_alloc(&self, pages: usize) -> Result<Self::Dma, OutOfMemory>;

    /// The time now. Constant between two waits in the lab clock.
    fn now(&self) -> Instant;

    /// Waits for interrupt `vector` (the device's own numbering, from 0) or until `deadline`.
    ///
    /// A signal that came before the call and was not yet consumed by a wait returns at once: no
    /// wake-up is lost. Time passes here and nowhere else.
    fn wait(&self, vector: u16, deadline: Instant) -> Wake;

    /// Cuts the device off from memory (PCI command register, bus master enable off), for a device
    /// that is given up although it could not be stopped: its pages are used again after that.
    ///
    /// The default does nothing, for machines whose device is stopped together with the driver.
    fn stop_dma(&self) {}

    /// Where the driver's events go.
    fn tracer(&self) -> &Tracer;
}

/// A machine may be shared with whoever observes it.
impl<T: Platform> Platform for Rc<T> {
    type Bar = T::Bar;
    type Dma = T::Dma;

    fn bar(&self) -> &Self::Bar {
        (**self).bar()
    }

    fn dma_alloc(&self, pages: usize) -> Result<Self::Dma, OutOfMemory> {
        (**self).dma_alloc(pages)
    }

    fn now(&self) -> Instant {
        (**self).now()
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        (**self).wait(vector, deadline)
    }

    fn stop_dma(&self) {
        (**self).stop_dma();
    }

    fn tracer(&self) -> &Tracer {
        (**self).tracer()
    }
}
