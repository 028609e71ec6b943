//! The virtio device in front of the server: registers, one queue, requests on their way.

mod chain;
mod queue;
mod registers;
mod serve;

use nvme_model::{GuestMemory, IrqSink};

use crate::Event;
use crate::fault::{Faults, RuleCounts, ServerPlan, ServerRule};
use crate::server::Server;
use crate::store::Export;
use registers::Registers;
use serve::Pending;

/// Where the server's own events go.
pub trait Observer {
    /// Takes one event. `now_ns` never decreases between two power cuts.
    fn server_event(&mut self, now_ns: u64, event: &Event);
}

/// An observer that looks away.
impl Observer for () {
    fn server_event(&mut self, _now_ns: u64, _event: &Event) {}
}

/// Keeps everything it sees.
impl Observer for Vec<(u64, Event)> {
    fn server_event(&mut self, now_ns: u64, event: &Event) {
        self.push((now_ns, *event));
    }
}

/// The machine, for the length of one call.
pub struct Ports<'a> {
    /// The guest's memory.
    pub memory: &'a dyn GuestMemory,
    /// The function's interrupts; vector 0 is all that is raised.
    pub irq: &'a mut dyn IrqSink,
    /// Where events go.
    pub observer: &'a mut dyn Observer,
}

impl std::fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

/// How long a request takes, from the notification to the reply, in virtual time. The defaults are of the order
/// of a local network; they were not measured anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Nanoseconds for any request; at least 1, so that an answer takes time.
    pub request_ns: u64,
    /// Nanoseconds more for each KiB of data.
    pub kib_ns: u64,
}

impl Default for Timing {
    /// 200 us, and 0.8 us for each KiB (10 Gbit/s).
    fn default() -> Self {
        Self { request_ns: 200_000, kib_ns: 800 }
    }
}

/// What a server is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The longest message.
    pub msize_max: u32,
    /// How long requests take.
    pub timing: Timing,
    /// Blocks of 4 KiB of its disk.
    pub capacity_blocks: u64,
}

impl Default for ServerConfig {
    /// 128 KiB of data a message, a disk of 32 MiB.
    fn default() -> Self {
        let msize_max = (128 << 10) + p9_wire::IO_HEADER_BYTES;
        Self { msize_max, timing: Timing::default(), capacity_blocks: 8192 }
    }
}

/// The device and the server behind it.
#[derive(Clone, Debug)]
pub struct FileServer {
    timing: Timing,
    server: Server,
    faults: Faults,
    registers: Registers,
    /// In the order in which they were taken.
    pending: Vec<Pending>,
    /// Nobody can connect before this time.
    away_until_ns: u64,
}

impl FileServer {
    /// A server with an empty export and these rules armed.
    #[must_use]
    pub fn new(config: ServerConfig, plan: ServerPlan) -> Self {
        Self {
            timing: config.timing,
            server: Server::new(Export::new(config.capacity_blocks), config.msize_max),
            faults: Faults::new(plan),
            registers: Registers::default(),
            pending: Vec::new(),
            away_until_ns: 0,
        }
    }

    /// How far each rule has come.
    #[must_use]
    pub fn fault_counts(&self) -> &[RuleCounts] {
        self.faults.counts()
    }

    /// Every rule of the plan, with how far it has come.
    pub fn faults(&self) -> impl Iterator<Item = (&ServerRule, &RuleCounts)> {
        self.faults.rules()
    }

    /// Rules that fired less often than planned.
    #[must_use]
    pub fn unfired(&self) -> usize {
        self.fault_counts().iter().filter(|counts| counts.fired < counts.planned).count()
    }

    /// What it exports.
    #[must_use]
    pub fn export(&self) -> &Export {
        &self.server.export
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn next_event(&self) -> Option<u64> {
        self.pending.iter().filter(|pending| pending.is_answered()).map(Pending::due_ns).min()
    }

    /// Reads registers.
    pub fn mmio_read(&self, offset: u64, data: &mut [u8]) {
        self.registers.read(offset, data);
    }

    /// The guest's power is cut: its session ends. The server's filesystem is mounted again, if it was down,
    /// as by an administrator who has seen to it; the time begins anew.
    pub fn power_cut(&mut self, now_ns: u64, observer: &mut dyn Observer) {
        self.end_session(now_ns, observer);
        self.registers = Registers::default();
        self.away_until_ns = 0;
        if self.server.export.is_down() {
            self.server.export.set_down(false);
            observer.server_event(now_ns, &Event::FilesystemUp);
        }
    }

    /// Forgets the session, with every request in flight.
    fn end_session(&mut self, now_ns: u64, observer: &mut dyn Observer) {
        let requests_lost = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        self.pending.clear();
        self.server.end_session();
        if self.registers.is_running() || requests_lost > 0 {
            observer.server_event(now_ns, &Event::SessionEnd { requests_lost });
        }
    }
}
