//! What the host engine has instead of hardware: a controller, memory, wires, a clock, a trace.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

use file_server::FileServer;
use hal::testing::DmaPool;
use hal::trace::{Record, TraceSink};
use hal::{Instant, Iova, Wake};
use nvme_model::{
    BadAddress, Controller, GuestMemory, IrqSink, LabBound, LabClock, LabWake, LabWorld, Observer,
    Ports, lab_wait_in,
};

use super::watch::Watch;
use crate::trace::{Source, TraceLog};

/// Pages of guest memory for DMA and the workload's frames (64 MiB).
pub(super) const MEMORY_PAGES: usize = 16 << 10;

/// The wire of the file server's only vector; the controller has those below.
pub(super) const SERVER_WIRE: u16 = 0x100;

/// The panic payload of a guest that can never go on.
pub(super) struct WaitsForever;

/// The panic payload of a guest that ran for longer than the host has patience.
pub(super) struct Endless;

/// The panic payload of a guest whose power a fault has cut.
pub(super) struct PowerLost;

/// One machine, for one life. A program that is no scenario runs on it through a
/// [`HostPlatform`](super::HostPlatform).
#[derive(Debug)]
pub struct HostMachine {
    controller: RefCell<Option<Controller>>,
    server: RefCell<Option<FileServer>>,
    pub(super) memory: DmaPool,
    raised: RefCell<Wires>,
    clock: Cell<LabClock>,
    watch: Watch,
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
        Self::with_pool(controller, trace, DmaPool::like_ram(pages))
    }

    /// The same with memory that was another machine's, and is free.
    pub(super) fn with_pool(controller: Controller, trace: TraceLog, memory: DmaPool) -> Self {
        Self {
            controller: RefCell::new(Some(controller)),
            server: RefCell::new(None),
            memory,
            raised: RefCell::default(),
            clock: Cell::new(LabClock::new(LabBound::NONE)),
            watch: Watch::default(),
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
        self.clock.get().now_ns
    }

    /// Ends a life that lasts longer than `bound`, or than `watch` has patience.
    #[must_use]
    pub(super) fn bounded(self, bound: LabBound, watch: Watch) -> Self {
        Self { clock: Cell::new(LabClock::new(bound)), watch, ..self }
    }

    /// Connects a file server.
    #[must_use]
    pub fn with_server(self, server: Option<FileServer>) -> Self {
        *self.server.borrow_mut() = server;
        self
    }

    /// Whether there is a file server.
    pub(super) fn has_server(&self) -> bool {
        self.server.borrow().is_some()
    }

    /// Cuts the power: of the controller's volatile cache and of what is in flight, out of memory as it is now, as much is
    /// left as the drive's configuration says; the file server loses its session.
    pub fn power_cut(&self) {
        self.with_controller(|controller, now_ns, observer| {
            let policy = controller.config().cache_policy;
            let irq = &mut *self.raised.borrow_mut();
            let memory = &DeviceView(&self.memory);
            let mut ports = Ports { memory, irq, observer };
            controller.power_cut_in_flight(now_ns, policy, &mut ports);
        });
        if let Some(server) = &mut *self.server.borrow_mut() {
            server.power_cut(self.now_ns(), &mut Tap(&self.trace));
        }
    }

    /// A register read of the file server's device.
    pub(super) fn server_read(&self, offset: u64, data: &mut [u8]) {
        // Nothing is there: all ones, as on a bus.
        data.fill(0xff);
        if let Some(server) = &*self.server.borrow() {
            server.mmio_read(offset, data);
        }
    }

    /// A register write of the file server's device.
    pub(super) fn server_write(&self, offset: u64, data: &[u8]) {
        self.with_server_ports(|server, now_ns, ports| {
            server.mmio_write(now_ns, offset, data, ports);
        });
    }

    fn with_server_ports(&self, f: impl FnOnce(&mut FileServer, u64, &mut file_server::Ports<'_>)) {
        if let Some(server) = &mut *self.server.borrow_mut() {
            let memory = &DeviceView(&self.memory);
            let irq = &mut ServerWire(&self.raised);
            let observer = &mut Tap(&self.trace);
            let mut ports = file_server::Ports { memory, irq, observer };
            f(server, self.guest_now_ns(), &mut ports);
        }
    }

    /// Adds a line to the guest's log, which is no part of the trace.
    pub(super) fn say(&self, line: &str) {
        self.trace.borrow_mut().push_line(line);
    }

    pub(super) fn mmio_read(&self, offset: u64, data: &mut [u8]) {
        if self.is_over() {
            return data.fill(0xff);
        }
        self.check_patience();
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
        self.check_patience();
        self.with_controller(|controller, now_ns, observer| {
            controller.mmio_write(now_ns, offset, data, observer);
            let irq = &mut *self.raised.borrow_mut();
            let memory = &DeviceView(&self.memory);
            controller.step(now_ns, &mut Ports { memory, irq, observer });
        });
        self.check_power();
    }

    /// Lets virtual time pass until the wire is raised or the deadline is there.
    pub(super) fn wait(&self, wire: u16, deadline: Instant) -> Wake {
        if self.is_over() {
            self.set_now(deadline.as_nanos());
            return Wake::Deadline;
        }
        self.check_patience();
        let mut clock = self.clock.get();
        let wake = lab_wait_in(&mut World(self), &mut clock, deadline.as_nanos(), u32::from(wire));
        self.clock.set(clock);
        self.check_power();
        match wake {
            LabWake::Interrupt => Wake::Interrupt,
            LabWake::Deadline => Wake::Deadline,
            LabWake::Forever => self.end(Box::new(WaitsForever)),
        }
    }

    /// The file server, out of a machine that is not used any more.
    pub fn take_server(&self) -> Option<FileServer> {
        self.server.take()
    }

    /// The controller and the trace, out of a machine that is not used any more.
    ///
    /// # Panics
    /// If they were taken already.
    pub fn take_apart(&self) -> (Controller, TraceLog) {
        let controller = self.controller.take().expect("the controller is taken once, at the end");
        (controller, self.trace.take())
    }

    fn set_now(&self, now_ns: u64) {
        let mut clock = self.clock.get();
        clock.now_ns = now_ns;
        self.clock.set(clock);
    }

    /// A guest that calls again and again without a wait gets nowhere.
    fn check_patience(&self) {
        if self.watch.has_lost_patience() {
            self.end(Box::new(Endless));
        }
    }

    fn is_over(&self) -> bool {
        self.over_at_ns.get().is_some() || std::thread::panicking()
    }

    /// Ends the guest's life by unwinding.
    fn end(&self, payload: Box<dyn Any + Send>) -> ! {
        self.over_at_ns.set(Some(self.guest_now_ns()));
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
        f(controller, self.guest_now_ns(), &mut Tap(&self.trace))
    }
}

impl TraceSink for HostMachine {
    fn emit(&self, record: &Record) {
        if self.is_over() {
            return;
        }
        self.check_patience();
        self.trace.borrow_mut().push(self.guest_now_ns(), Source::Guest(*record));
    }
}

/// The machine as time passes in it: the controller first, then the file server.
struct World<'a>(&'a HostMachine);

impl LabWorld for World<'_> {
    fn take_raised(&mut self, line: u32) -> bool {
        u16::try_from(line).is_ok_and(|wire| self.0.raised.borrow_mut().take(wire))
    }

    fn next_event(&self) -> Option<u64> {
        let controller = self.0.controller.borrow();
        let controller = controller.as_ref().and_then(Controller::next_event);
        let server = self.0.server.borrow();
        let server = server.as_ref().and_then(FileServer::next_event);
        controller.into_iter().chain(server).min()
    }

    fn step(&mut self, now_ns: u64) {
        let machine = self.0;
        machine.set_now(now_ns);
        machine.with_controller(|controller, now_ns, observer| {
            let irq = &mut *machine.raised.borrow_mut();
            let memory = &DeviceView(&machine.memory);
            controller.step(now_ns, &mut Ports { memory, irq, observer });
        });
        machine.with_server_ports(|server, now_ns, ports| server.step(now_ns, ports));
    }
}

/// The devices' way into the trace.
struct Tap<'a>(&'a RefCell<TraceLog>);

impl Observer for Tap<'_> {
    fn event(&mut self, now_ns: u64, event: &nvme_model::Event) {
        self.0.borrow_mut().push(now_ns, Source::Controller(*event));
    }
}

impl file_server::Observer for Tap<'_> {
    fn server_event(&mut self, now_ns: u64, event: &file_server::Event) {
        self.0.borrow_mut().push(now_ns, Source::Server(*event));
    }
}

/// The file server's vector among the wires.
struct ServerWire<'a>(&'a RefCell<Wires>);

impl IrqSink for ServerWire<'_> {
    fn signal(&mut self, vector: u16) {
        self.0.borrow_mut().signal(SERVER_WIRE + vector);
    }
}

/// The vectors that were raised and not yet waited for: one or two.
#[derive(Debug, Default)]
struct Wires(Vec<u16>);

impl Wires {
    /// Whether the wire was raised. It is not any more.
    fn take(&mut self, wire: u16) -> bool {
        let at = self.0.iter().position(|other| *other == wire);
        at.map(|at| self.0.swap_remove(at)).is_some()
    }
}

impl IrqSink for Wires {
    fn signal(&mut self, vector: u16) {
        if !self.0.contains(&vector) {
            self.0.push(vector);
        }
    }
}

/// The pool as the controller sees it.
struct DeviceView<'a>(&'a DmaPool);

impl GuestMemory for DeviceView<'_> {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.0.read_at(Iova(address), dst).map_err(|bad| BadAddress { address: bad.iova.0 })
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.0.write_at(Iova(address), src).map_err(|bad| BadAddress { address: bad.iova.0 })
    }
}
