//! The two engines: who stands at the boundary between the guest and the controller model.
//!
//! `host` links the guest's crates into this process; `kvm` boots them as a kernel in a virtual
//! machine. A unit gives the same trace on both, byte for byte.

mod disk;
mod host;
mod kvm;

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use file_server::FileServer;
use nvme_model::{Controller, LabBound};

use crate::trace::TraceLog;

pub use disk::{DISK_BLOCKS, SWAP_FILE_BLOCK, controller, server};
pub use host::{HostEngine, HostMachine, HostPlatform, ServerPlatform};
pub use kvm::{KvmEngine, Shortcuts};

/// The longest life of a guest. The longest of the shipped campaigns and of 17 000 units of the soak has 22 minutes,
/// the longest trace 88 000 events, several for each wait; what has more than this runs in circles, and its trace
/// would fill memory.
const LIFE: LabBound = LabBound { end_ns: 24 * 3_600_000_000_000, waits_max: 1 << 16 };

/// How long a life may take in real time: what runs in circles without time going on, the host has to end. The longest
/// trace takes a second under KVM, and a hundred times as long on a busy host that emulates a processor with KVM.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// A real virtual machine under /dev/kvm.
    Kvm,
    /// The guest's crates in this process.
    Host,
}

impl EngineKind {
    /// How many workers this machine's processors serve best. A worker under KVM has two: with half as many
    /// processors each, two are slower than one.
    #[must_use]
    pub fn workers(self) -> usize {
        match self {
            Self::Kvm => (processors() / kvm::PROCESSORS_OF_A_WORKER).max(1),
            Self::Host => processors(),
        }
    }

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Host => "host",
        }
    }
}

/// Processors that this process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

impl FromStr for EngineKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "kvm" => Ok(Self::Kvm),
            "host" => Ok(Self::Host),
            _ => Err(format!("unknown engine {name}: known are kvm, host")),
        }
    }
}

/// How one life of the guest ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifeEnd {
    /// The program ran to its end.
    Done,
    /// A fault cut the power: the next life begins with what that left.
    PowerLost,
    /// The guest waits for something that will never happen, or waits again and again: after a day of virtual
    /// time or 65 536 waits nothing else is believed.
    WaitsForever,
    /// There is no controller that the guest can use.
    NoDevice,
    /// The guest panicked; what it said is in the log.
    Panicked,
    /// The guest crashed, hung or was refused; the text says how, with registers where there are any.
    Failed(String),
}

impl LifeEnd {
    /// The end came from the script, a power cut or the driver's own decision: what was planned and did
    /// not happen by then was not exercised.
    pub(crate) const fn is_orderly(&self) -> bool {
        matches!(self, Self::Done | Self::PowerLost | Self::NoDevice)
    }
}

/// Why an engine cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// This machine cannot run the engine: the user can do something about it.
    #[error("{0}")]
    Environment(String),
    /// The engine itself failed.
    #[error("{0}")]
    Infrastructure(String),
}

/// A machine that can be switched on with a command line, again and again, with the same controller.
pub trait Engine: fmt::Debug {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// Plugs `controller` in and forgets the former machine, and its file server.
    ///
    /// # Errors
    /// [`EngineError`] when no machine can be built.
    fn insert(&mut self, controller: Controller) -> Result<(), EngineError>;

    /// Connects a file server to the machine that was made by [`Engine::insert`], or none.
    fn connect(&mut self, server: Option<FileServer>);

    /// Switches the machine on and runs it until it ends. The second call on the same controller is a
    /// power cycle: what was only in the volatile cache is lost.
    ///
    /// # Errors
    /// [`EngineError`] when the host fails; what the guest does wrong is a [`LifeEnd`].
    fn live(&mut self, command_line: &str, log: &mut TraceLog) -> Result<LifeEnd, EngineError>;

    /// Virtual time at the end of the last life, in nanoseconds since it was switched on.
    fn now_ns(&self) -> u64;

    /// The controller that is plugged in.
    fn controller(&self) -> Option<&Controller>;

    /// The file server that is connected.
    fn server(&self) -> Option<&FileServer>;

    /// How often the guest has left its processor so far; 0 where it has none.
    fn exits(&self) -> u64 {
        0
    }
}
