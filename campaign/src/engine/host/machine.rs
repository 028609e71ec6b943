//! What the host engine has instead of hardware: a controller, memory, wires, a clock, a trace.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::resume_unwind;

use hal::testing::DmaPool;
use hal::trace::{Record, TraceSink};
use hal::{Instant, Iova, Wake};
use nvme_model::{
    BadAddress, CachePolicy, Controller, GuestMemory, IrqSink, LabIrq, LabWake, Observer, Ports,
    lab_wait,
};

use crate::trace::{Source, TraceLog};

/// Pages of guest memory for DMA and the workload's frames (64 MiB).
pub(super) const MEMORY_PAGES: usize = 16 << 10;

/// The panic payload of a guest that can never go on.
pub(super) struct WaitsForever;

/// The panic payload of a guest whose power a fault has cut.
pub(super) struct PowerLost;

/// One machine, for one life. A program that is no scenario runs on it through a
/// [`HostPlatform`](super::HostPlatform).
#[derive(Debug)]
pub struct HostMachine {
    controller: RefCell<Option<Controller>>,
    pub(super) memory: DmaPool,
    raised: RefCell<Wires>,
    now_ns: Cell<u64>,
    /// When the guest's life ended, if it did. A real processor stops then; here its destructors still run,
    /// and what they do must happen on no machine and stand in no trace.
    over_at_ns: Cell<Option<u64>>,
    trace: RefCell<TraceLog>,
}

impl HostMachine {
    /// A machine with this controller plugged in, which goes on writing this trace.
    #[must_use]
    pub fn new(controller: Controller, trace: TraceLog) -> Self {
        Self::with_memory(controller, trace, MEMORY_PAGES)
    }

    /// The same with so many pages of memory.
    #[must_use]
    pub fn with_memory(controller: Controller, trace: TraceLog, pages: usize) -> Self {
        Self::with_pool(controller, trace, DmaPool::new(pages))
    }

    /// The same with memory that was another machine's, and is free.
    pub(super) fn with_pool(controller: Controller, trace: TraceLog, memory: DmaPool) -> Self {
        Self {
            controller: RefCell::new(Some(controller)),
            memory,
            raised: RefCell::default(),
            now_ns: Cell::new(0),
            over_at_ns: Cell::new(None),
            trace: RefCell::new(trace),
        }
    }

    /// Virtual nanoseconds since it was switched on, up to the end of the guest's life.
    pub fn now_ns(&self) -> u64 {
        self.over_at_ns.get().unwrap_or_else(|| self.guest_now_ns())
    }

    /// What the guest takes for the time.
    pub(super) fn guest_now_ns(&self) -> u64 {
        self.now_ns.get()
    }

    /// Cuts the power: the controller loses what is in its volatile cache.
    pub fn power_cut(&self) {
        self.with_controller(|controller, now_ns, observer| {
            controller.power_cut(now_ns, CachePolicy::LoseAll, observer);
        });
    }

    /// Adds a line to the guest's log, which is no part of the trace.
    pub(super) fn say(&self, line: &str) {
        self.trace.borrow_mut().push_line(line);
    }

    pub(super) fn mmio_read(&self, offset: u64, data: &mut [u8]) {
        if self.is_over() {
            return data.fill(0xff);
        }
        self.with_controller(|controller, now_ns, observer| {
            controller.mmio_read(now_ns, offset, data, observer);
        });
        self.check_power();
    }

    /// A register write, and then what the controller does about it at this very moment.
    pub(super) fn mmio_write(&self, offset: u64, data: &[u8]) {
        if self.is_over() {
            return;
        }
        self.with_controller(|controller, now_ns, observer| {
            controller.mmio_write(now_ns, offset, data, observer);
            let irq = &mut *self.raised.borrow_mut();
            let memory = &DeviceView(&self.memory);
            controller.step(now_ns, &mut Ports { memory, irq, observer });
        });
        self.check_power();
    }

    /// Lets virtual time pass until the vector is raised or the deadline is there.
    pub(super) fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        if self.is_over() {
            self.now_ns.set(deadline.as_nanos());
            return Wake::Deadline;
        }
        let wake = self.with_controller(|controller, mut now_ns, observer| {
            let irq = &mut *self.raised.borrow_mut();
            let memory = &DeviceView(&self.memory);
            let (line, deadline_ns) = (u32::from(vector), deadline.as_nanos());
            let now = &mut now_ns;
            let wake = lab_wait(controller, now, deadline_ns, line, memory, irq, observer);
            self.now_ns.set(now_ns);
            wake
        });
        self.check_power();
        match wake {
            LabWake::Interrupt => Wake::Interrupt,
            LabWake::Deadline => Wake::Deadline,
            LabWake::Forever => self.end(Box::new(WaitsForever)),
        }
    }

    /// The controller and the trace, out of a machine that is not used any more.
    ///
    /// # Panics
    /// If they were taken already.
    pub fn take_apart(&self) -> (Controller, TraceLog) {
        let controller = self.controller.take().expect("the controller is taken once, at the end");
        (controller, self.trace.take())
    }

    fn is_over(&self) -> bool {
        self.over_at_ns.get().is_some() || std::thread::panicking()
    }

    /// Ends the guest's life by unwinding.
    fn end(&self, payload: Box<dyn Any + Send>) -> ! {
        self.over_at_ns.set(Some(self.now_ns.get()));
        resume_unwind(payload)
    }

    /// The power may be gone: then the guest's life is over.
    fn check_power(&self) {
        if self.with_controller(|controller, _, _| controller.is_power_lost()) {
            self.end(Box::new(PowerLost));
        }
    }

    fn with_controller<T>(
        &self,
        f: impl FnOnce(&mut Controller, u64, &mut dyn Observer) -> T,
    ) -> T {
        let mut slot = self.controller.borrow_mut();
        let controller = slot.as_mut().expect("the controller is plugged in while the guest lives");
        f(controller, self.now_ns.get(), &mut Tap(&self.trace))
    }
}

impl TraceSink for HostMachine {
    fn emit(&self, record: &Record) {
        if self.is_over() {
            return;
        }
        self.trace.borrow_mut().push(self.now_ns.get(), Source::Guest(*record));
    }
}

/// The controller's way into the trace.
struct Tap<'a>(&'a RefCell<TraceLog>);

impl Observer for Tap<'_> {
    fn event(&mut self, now_ns: u64, event: &nvme_model::Event) {
        self.0.borrow_mut().push(now_ns, Source::Controller(*event));
    }
}

/// The vectors that were raised and not yet waited for.
#[derive(Debug, Default)]
struct Wires(BTreeSet<u16>);

impl IrqSink for Wires {
    fn signal(&mut self, vector: u16) {
        self.0.insert(vector);
    }
}

impl LabIrq for Wires {
    fn take_raised(&mut self, line: u32) -> bool {
        u16::try_from(line).is_ok_and(|vector| self.0.remove(&vector))
    }
}

/// The pool as the controller may use it: only live allocations are memory.
struct DeviceView<'a>(&'a DmaPool);

impl GuestMemory for DeviceView<'_> {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.0.read_at(Iova(address), dst).map_err(|bad| BadAddress { address: bad.iova.0 })
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.0.write_at(Iova(address), src).map_err(|bad| BadAddress { address: bad.iova.0 })
    }
}
