//! The kvm engine: the guest as a kernel in a virtual machine.

use file_server::FileServer;
use images::kernel;
use machine::ports;
use nvme_model::Controller;
use vmm::{
    ATTENDANT_LOOKS, Exit, KernelImage, Machine, MachineConfig, MachineObserver,
    MemoryAfterPowerCycle, ProcessorAfterPowerCycle, VmmError,
};

use super::{Engine, EngineError, EngineKind, LIFE, LifeEnd, PATIENCE, processors};
use crate::trace::{ConsoleStream, Piece, Source, TraceLog};

/// Bytes of guest memory: what the host engine's guest has, and the kernel.
const MEMORY_BYTES: u64 = 96 << 20;

/// The guest's and the attendant's.
pub(super) const PROCESSORS_OF_A_WORKER: usize = 2;

/// What the engine spares the guest where leaving its processor and exceptions are dear. The traces are equal with
/// all of them, with some and with none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcuts {
    /// Devices are reached through a page in memory (`machine::call_page`), and interrupts are announced there;
    /// otherwise every access is an exit, and interrupts are real, as with a stranger's guest.
    pub call_page: bool,
    /// A second thread answers at that page, so that a call is no exit. It wants a processor of its own.
    pub attendant: bool,
    /// The guest walks the workload's page tables itself; otherwise the processor does, with faults.
    pub walked_tables: bool,
}

impl Shortcuts {
    /// None of them.
    pub const NONE: Self = Self { call_page: false, attendant: false, walked_tables: false };

    /// Those for one of `workers` that run many units: all of them, the second thread only if there are two
    /// processors for each worker.
    #[must_use]
    pub fn for_one_of(workers: usize) -> Self {
        let attendant = workers.saturating_mul(PROCESSORS_OF_A_WORKER) <= processors();
        Self { call_page: true, attendant, walked_tables: true }
    }
}

impl Default for Shortcuts {
    /// Those that leave the guest's faults to the processor.
    fn default() -> Self {
        Self { walked_tables: false, ..Self::for_one_of(1) }
    }
}

/// The engine with a real virtual machine: built once, then power-cycled in place, life after life.
#[derive(Debug)]
pub struct KvmEngine {
    machine: Machine,
    shortcuts: Shortcuts,
    now_ns: u64,
}

impl KvmEngine {
    /// An engine on this host's KVM, with [`Shortcuts::default`].
    ///
    /// # Errors
    /// [`EngineError::Environment`] if KVM is missing, forbidden or lacks something.
    pub fn new() -> Result<Self, EngineError> {
        Self::with_shortcuts(Shortcuts::default())
    }

    /// The same with these.
    ///
    /// # Errors
    /// As for [`KvmEngine::new`].
    pub fn with_shortcuts(shortcuts: Shortcuts) -> Result<Self, EngineError> {
        vmm::check_host()?;
        let image = KernelImage::new("built-in guest", kernel());
        let mut config = MachineConfig::new(image, "");
        config.memory_bytes = MEMORY_BYTES;
        config.limits.lab = LIFE;
        config.limits.total = Some(PATIENCE);
        // Our guest zeroes what it allocates, and memory that stays mapped is a life's dearest saving.
        config.memory_after_power_cycle = MemoryAfterPowerCycle::Kept;
        // With a call page our guest leaves the local APIC alone, and its ring 0 only begins.
        if shortcuts.call_page {
            config.processor_after_power_cycle = ProcessorAfterPowerCycle::Kept;
        }
        config.attendant_looks_max = shortcuts.attendant.then_some(ATTENDANT_LOOKS);
        Ok(Self { machine: Machine::new(config)?, shortcuts, now_ns: 0 })
    }
}

impl Engine for KvmEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Kvm
    }

    fn insert(&mut self, controller: Controller) -> Result<(), EngineError> {
        self.machine.replace_controller(Some(controller));
        self.machine.replace_file_server(None);
        Ok(())
    }

    fn connect(&mut self, server: Option<FileServer>) {
        self.machine.replace_file_server(server);
    }

    fn live(&mut self, command_line: &str, log: &mut TraceLog) -> Result<LifeEnd, EngineError> {
        let calls = if self.shortcuts.call_page { "on" } else { "off" };
        let faults = if self.shortcuts.walked_tables { "off" } else { "on" };
        let words = format!("program=lab calls={calls} faults={faults} {command_line}");
        self.machine.power_cycle(&words)?;
        let mut tap = Tap { log, console: ConsoleStream::default(), malformed: None };
        let exit = self.machine.run(&mut tap)?;
        let malformed = tap.malformed.take();
        self.now_ns = self.machine.now_ns();
        Ok(match (exit, malformed) {
            (_, Some(what)) => LifeEnd::Failed(format!("the guest's console is broken: {what}")),
            (Exit::Code(ports::EXIT_OK), None) => LifeEnd::Done,
            (Exit::PowerLost, None) => LifeEnd::PowerLost,
            (Exit::WaitsForever(_), None) => LifeEnd::WaitsForever,
            (Exit::Code(ports::EXIT_NO_DEVICE), None) => LifeEnd::NoDevice,
            (exit @ Exit::GuestPanic(_), None) => {
                log.push_line(&exit.to_string());
                LifeEnd::Panicked
            }
            (exit, None) => LifeEnd::Failed(exit.to_string()),
        })
    }

    fn now_ns(&self) -> u64 {
        self.now_ns
    }

    fn controller(&self) -> Option<&Controller> {
        self.machine.controller()
    }

    fn server(&self) -> Option<&FileServer> {
        self.machine.file_server()
    }

    fn exits(&self) -> u64 {
        self.machine.exits()
    }
}

impl From<VmmError> for EngineError {
    fn from(error: VmmError) -> Self {
        match error {
            VmmError::Host { .. } => Self::Infrastructure(error.to_string()),
            _ => Self::Environment(error.to_string()),
        }
    }
}

/// Turns what the machine says into the trace.
struct Tap<'a> {
    log: &'a mut TraceLog,
    console: ConsoleStream,
    malformed: Option<String>,
}

impl MachineObserver for Tap<'_> {
    fn console(&mut self, now_ns: u64, bytes: &[u8]) {
        let (log, malformed) = (&mut *self.log, &mut self.malformed);
        self.console.push(bytes, |piece| match piece {
            Piece::Record(record) => log.push(now_ns, Source::Guest(record)),
            Piece::Line(line) => log.push_line(line),
            Piece::Malformed(what) => {
                malformed.get_or_insert(what);
            }
        });
    }

    fn controller_event(&mut self, now_ns: u64, event: &nvme_model::Event) {
        self.log.push(now_ns, Source::Controller(*event));
    }

    fn server_event(&mut self, now_ns: u64, event: &file_server::Event) {
        self.log.push(now_ns, Source::Server(*event));
    }
}
