//! The controller's own events: what a trace of the device side consists of.
//!
//! An event holds no address (no PRP, no queue base) and nothing of the host, so two runs of the same
//! unit give the same bytes on any engine. Codes are part of the trace format: never reuse one.

mod encode;
mod text;

use nvme_spec::Status;

pub use encode::EVENT_BYTES;

use crate::fault::ActionKind;
use crate::findings::FindingKind;

/// Why the controller set CSTS.CFS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FatalCause {
    /// CC.EN was set with a configuration that is not supported.
    BadConfiguration = 1,
    /// A submission queue entry could not be read.
    SqFetch = 2,
    /// A completion queue entry could not be written.
    CqPost = 3,
    /// A fault rule said so.
    Injected = 4,
    /// The host let the keep alive timer expire.
    KeepAliveExpired = 5,
}

/// What became of blocks at a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockFate {
    /// They did not reach the media.
    Lost,
    /// They did.
    Kept,
    /// Only the first bytes of the block did: AWUPF was violated.
    Torn {
        /// How many.
        bytes: u16,
    },
    /// The block holds neither old nor new bytes: AWUPF was violated.
    Garbage,
}

/// Something that happened inside the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A register was written. `value` is `None` where it would be an address.
    RegisterWrite {
        /// Offset in BAR 0.
        offset: u32,
        /// What was written.
        value: Option<u64>,
    },
    /// A submission queue tail doorbell rang.
    SqDoorbell {
        /// The queue.
        sqid: u16,
        /// The new tail.
        tail: u32,
    },
    /// A completion queue head doorbell rang.
    CqDoorbell {
        /// The queue.
        cqid: u16,
        /// The new head.
        head: u32,
    },
    /// CSTS changed.
    Status {
        /// The new value of the register.
        csts: u32,
    },
    /// A command was taken off a submission queue.
    Fetch {
        /// The queue.
        sqid: u16,
        /// The command.
        cid: u16,
        /// Its opcode.
        opcode: u8,
        /// Its namespace.
        nsid: u32,
        /// Its first block; 0 if it has none.
        slba: u64,
        /// Its length in blocks; 0 if it has none.
        blocks: u32,
    },
    /// A completion was posted.
    Complete {
        /// The completion queue.
        cqid: u16,
        /// The submission queue it belongs to.
        sqid: u16,
        /// The command.
        cid: u16,
        /// How it went.
        status: Status,
        /// Dword 0 of the entry.
        dw0: u32,
    },
    /// Blocks were read from the media (blocks that came from the cache are not counted).
    MediaRead {
        /// The namespace.
        nsid: u32,
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u32,
    },
    /// Blocks were written to the media.
    MediaWrite {
        /// The namespace.
        nsid: u32,
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u32,
    },
    /// Blocks were made to read as zeros on the media.
    MediaDiscard {
        /// The namespace.
        nsid: u32,
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u64,
    },
    /// Blocks were put into the volatile cache.
    CacheStore {
        /// The namespace.
        nsid: u32,
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u32,
        /// The write's place in the order of cached writes.
        order: u64,
    },
    /// The cache was full and gave up its oldest write; the media write is an event of its own.
    CacheEvict {
        /// The namespace.
        nsid: u32,
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u32,
        /// The write's place in the order of cached writes.
        order: u64,
    },
    /// The cache was emptied to the media and the media made durable.
    Flush {
        /// The namespace.
        nsid: u32,
        /// Cached blocks that were written.
        blocks: u64,
    },
    /// An interrupt vector was signalled.
    Interrupt {
        /// The vector.
        vector: u16,
    },
    /// An asynchronous event was reported.
    AsyncEvent {
        /// The event type.
        event_type: u8,
        /// The event information.
        info: u8,
        /// The log page that tells more.
        log_page: u8,
    },
    /// CSTS.CFS was set.
    Fatal {
        /// Why.
        cause: FatalCause,
    },
    /// A fault rule fired.
    Fault {
        /// The rule's index in the plan.
        rule: u16,
        /// The number of the command it fired on, counted from 1 over the controller's life.
        command: u64,
        /// What it does.
        action: ActionKind,
        /// How often it has fired, this time included.
        fired: u64,
    },
    /// All queues were torn down.
    Reset {
        /// Commands that will never complete.
        lost_commands: u32,
    },
    /// Power was lost.
    PowerCut {
        /// Cached blocks that never reached the media.
        lost_blocks: u64,
        /// Commands that will never complete.
        lost_commands: u32,
    },
    /// Blocks that a power cut found in the volatile cache or in flight, and what became of them. Comes
    /// before the power cut itself, and only if chance decided.
    PowerLoss {
        /// The namespace.
        nsid: u32,
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u32,
        /// The write's place in the order of cached writes; 0 if it was in flight.
        order: u64,
        /// What became of them. A newer write that survives hides them all the same.
        fate: BlockFate,
    },
    /// The drive's owner added a namespace, resized or removed it.
    Namespace {
        /// The namespace.
        nsid: u32,
        /// Its size from now on; 0 if it is gone.
        blocks: u64,
    },
    /// The device was pulled out.
    Removed,
    /// A fault rule cut the power; the owner ends the machine's life.
    PowerLost,
    /// Data of a command moved after its completion, its abort or a reset: a fault.
    LateTransfer {
        /// The command's number.
        command: u64,
    },
    /// The driver did something wrong.
    Finding {
        /// What.
        kind: FindingKind,
        /// The queue, where it is about one.
        queue: u16,
        /// The identifier, doorbell value or register offset.
        value: u32,
    },
}
