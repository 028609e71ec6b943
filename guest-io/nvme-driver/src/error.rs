//! Why a controller cannot be used, or can no longer be used.

use core::fmt;
use core::time::Duration;

use block::DeviceStatus;
use nvme_spec::AdminOpcode;

/// What a controller or namespace lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// CAP.CSS: the NVM command set.
    NvmCommandSet,
    /// CAP.MPSMIN: host pages of 4 KiB.
    SmallPages,
    /// CAP.MQES: a queue of at least two entries.
    QueueEntries,
    /// LBADS: logical blocks of 512 or 4096 bytes.
    BlockSize,
    /// MS: a namespace without metadata.
    PlainBlocks,
    /// MDTS: transfers of at least one page.
    TransferSize,
}

/// A state that the controller did not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// CSTS.RDY = 0 after CC.EN = 0.
    Disable,
    /// CSTS.RDY = 1 after CC.EN = 1.
    Enable,
    /// CSTS.SHST = complete after CC.SHN.
    Shutdown,
}

/// Why a controller cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The registers read all ones: no device there any more.
    Removed,
    /// The platform has no DMA memory left for the queues.
    OutOfMemory,
    /// The device lacks something that this driver needs.
    Unsupported(Missing),
    /// The controller did not reach the state within the time.
    NotReady {
        /// The state.
        stage: Stage,
        /// How long it was given.
        timeout: Duration,
    },
    /// CSTS.CFS was set while the controller was being enabled.
    Fatal,
    /// The controller refused a command without which nothing works.
    AdminFailed {
        /// The command.
        opcode: AdminOpcode,
        /// What the controller said.
        status: DeviceStatus,
    },
    /// The controller did not answer a command while it was being set up.
    AdminTimeout {
        /// The command.
        opcode: AdminOpcode,
    },
    /// The namespace does not exist or has no blocks.
    NoNamespace {
        /// The namespace.
        nsid: u32,
    },
    /// The namespace became another one, or smaller.
    Changed,
    /// Interrupts keep coming, time stands still and nothing completes.
    Stalled,
    /// The driver was shut down in order.
    ShutDown,
}

impl Error {
    /// A small number for trace records; unique per variant.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Removed => 1,
            Self::OutOfMemory => 2,
            Self::Unsupported(_) => 3,
            Self::NotReady { .. } => 4,
            Self::Fatal => 5,
            Self::AdminFailed { .. } => 6,
            Self::AdminTimeout { .. } => 7,
            Self::NoNamespace { .. } => 8,
            Self::Changed => 9,
            Self::Stalled => 10,
            Self::ShutDown => 11,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => f.write_str("registers read all ones, the device is gone"),
            Self::OutOfMemory => f.write_str("no DMA memory left for the queues"),
            Self::Unsupported(missing) => write!(f, "the controller lacks {missing}"),
            Self::NotReady { stage, timeout } => {
                write!(f, "the controller did not {stage} within {} ms", timeout.as_millis())
            }
            Self::Fatal => f.write_str("fatal status (CSTS.CFS) while enabling"),
            Self::AdminFailed { opcode, status: DeviceStatus(raw) } => {
                write!(
                    f,
                    "admin command {opcode} failed with status {raw:#06x}",
                    opcode = Op(*opcode)
                )
            }
            Self::AdminTimeout { opcode } => {
                write!(f, "admin command {} was not answered", Op(*opcode))
            }
            Self::NoNamespace { nsid } => write!(f, "namespace {nsid} does not exist"),
            Self::Changed => f.write_str("the namespace became another one, or smaller"),
            Self::Stalled => f.write_str("interrupts without end, progress or time"),
            Self::ShutDown => f.write_str("shut down"),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NvmCommandSet => "the NVM command set (CAP.CSS)",
            Self::SmallPages => "pages of 4 KiB (CAP.MPSMIN)",
            Self::QueueEntries => "queues of two entries (CAP.MQES)",
            Self::BlockSize => "blocks of 512 or 4096 bytes (LBADS)",
            Self::PlainBlocks => "blocks without metadata (MS)",
            Self::TransferSize => "transfers of one page (MDTS)",
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "leave CSTS.RDY",
            Self::Enable => "reach CSTS.RDY",
            Self::Shutdown => "complete its shutdown (CSTS.SHST)",
        })
    }
}

/// An opcode by name where it has one.
struct Op(AdminOpcode);

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#04x}", self.0.0),
        }
    }
}
