//! One PCI function's machine: what its driver runs on.

use alloc::rc::Rc;

use hal::{Instant, OutOfMemory, Platform, Tracer, Wake};

use super::bar::Bar;
use super::clock::Clock;
use super::dma::DmaPages;
use crate::arch::interrupt::Vector;
use crate::pci::Function;

/// The machine as one function's driver sees it.
#[derive(Debug)]
pub(crate) struct FunctionPlatform {
    function: Function,
    bar: Bar,
    clock: Rc<Clock>,
    /// By the device's own numbering.
    vectors: [Vector; Self::VECTORS],
    tracer: Tracer,
}

impl FunctionPlatform {
    /// MSI-X vectors that a driver gets.
    pub(crate) const VECTORS: usize = 2;

    /// Puts the parts together.
    pub(crate) fn new(
        function: Function,
        bar: Bar,
        clock: Rc<Clock>,
        vectors: [Vector; Self::VECTORS],
        tracer: Tracer,
    ) -> Self {
        Self { function, bar, clock, vectors, tracer }
    }
}

impl Platform for FunctionPlatform {
    type Bar = Bar;
    type Dma = DmaPages;

    fn bar(&self) -> &Bar {
        &self.bar
    }

    fn dma_alloc(&self, pages: usize) -> Result<DmaPages, OutOfMemory> {
        DmaPages::new(pages)
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        let vector = self.vectors.get(usize::from(vector));
        let vector = vector.expect("a driver waits for a vector it was given");
        self.clock.wait(*vector, deadline)
    }

    fn stop_dma(&self) {
        self.function.disable_bus_master();
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
