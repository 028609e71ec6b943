//! The kvm engine: the guest as a kernel in a virtual machine.

use file_server::FileServer;
use images::kernel;
use machine::ports;
use nvme_model::Controller;
use vmm::{
    Exit, KernelImage, Machine, MachineConfig, MachineObserver, MemoryAfterPowerCycle, VmmError,
};

use super::{Engine, EngineError, EngineKind, LIFE, LifeEnd};
use crate::trace::{ConsoleStream, Piece, Source, TraceLog};

/// Bytes of guest memory: what the host engine's guest has, and the kernel.
const MEMORY_BYTES: u64 = 96 << 20;

/// The engine with a real virtual machine: built once, then power-cycled in place, life after life.
#[derive(Debug)]
pub struct KvmEngine {
    machine: Machine,
    has_call_page: bool,
    now_ns: u64,
}

impl KvmEngine {
    /// An engine on this host's KVM.
    ///
    /// # Errors
    /// [`EngineError::Environment`] if KVM is missing, forbidden or lacks something.
    pub fn new() -> Result<Self, EngineError> {
        vmm::check_host()?;
        let image = KernelImage::new("built-in guest", kernel());
        let mut config = MachineConfig::new(image, "");
        config.memory_bytes = MEMORY_BYTES;
        config.limits.lab = LIFE;
        // Our guest zeroes what it allocates, and memory that stays mapped is a life's dearest saving.
        config.memory_after_power_cycle = MemoryAfterPowerCycle::Kept;
        Ok(Self { machine: Machine::new(config)?, has_call_page: true, now_ns: 0 })
    }

    /// The same, with an exit for every access and real interrupts, as a stranger's guest would do it.
    /// Slower where exits are dear; the traces are equal.
    #[must_use]
    pub fn without_call_page(self) -> Self {
        Self { has_call_page: false, ..self }
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
        let calls = if self.has_call_page { "on" } else { "off" };
        self.machine.power_cycle(&format!("program=lab calls={calls} {command_line}"))?;
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
