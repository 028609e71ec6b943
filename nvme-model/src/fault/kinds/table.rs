//! The table of kinds.

use std::fmt;

use nvme_spec::Status;

use super::{At, Group, Kind, On, Seen};
use crate::fault::delay::Distribution;
use crate::fault::forms::*;
use crate::fault::payload::{BytePattern, DmaTarget, Flip, Notice, PhaseFault, Torn};
use crate::fault::rule::Transition;
use crate::fault::target;

/// Names what a form parsed, inside of a pattern that a form may or may not ask for.
macro_rules! bound {
    ($name:ident $form:ident) => {
        $name
    };
}

macro_rules! shown {
    ($f:ident) => {
        Ok(())
    };
    ($f:ident $value:ident $form:ident) => {
        ($form.show)($value, $f)
    };
}

macro_rules! parser {
    ($kind:ident) => {
        |_| Ok(Action::$kind)
    };
    ($kind:ident $form:ident) => {
        |value| ($form.parse)(value).map(Action::$kind)
    };
}

macro_rules! form {
    ($part:ident: ) => {
        NONE.$part
    };
    ($part:ident: $form:ident) => {
        $form.$part
    };
}

/// Numbers of kinds are below.
const CODES_MAX: usize = 64;

macro_rules! kinds {
    ($( $kind:ident $(($type:ty) $form:ident)? = $code:literal, $word:literal, $group:ident,
        $at:ident, $seen:ident, $on:expr, $help:literal, $example:literal; )*) => {
        /// What happens to the command.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Action {
            $( #[doc = $help] $kind $(($type))?, )*
        }

        /// What happens, without its value. The numbers are part of the trace format: never reuse one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ActionKind {
            $( #[doc = $help] $kind = $code, )*
        }

        impl Action {
            /// The action without its value.
            #[must_use]
            pub const fn kind(&self) -> ActionKind {
                match self {
                    $( Self::$kind { .. } => ActionKind::$kind, )*
                }
            }

            pub(super) fn show_value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$kind $( (bound!(value $form)) )? => shown!(f $(value $form)?), )*
                }
            }
        }

        /// Where in [`KINDS`] the row of each number is: rows are asked for on the way of commands.
        #[expect(clippy::indexing_slicing, reason = "a number that is too large does not compile")]
        pub(super) static PLACES: [u8; CODES_MAX] = {
            let (codes, mut places, mut place) = ([$($code),*], [u8::MAX; CODES_MAX], 0);
            while place < codes.len() {
                places[codes[place]] = place as u8;
                place += 1;
            }
            places
        };

        /// Every kind, by group.
        pub static KINDS: &[Kind] = &[$(
            Kind {
                kind: ActionKind::$kind,
                word: $word,
                value: form!(hint: $($form)?),
                group: Group::$group,
                at: At::$at,
                seen: Seen::$seen,
                on: $on,
                help: $help,
                example: $example,
                fits: form!(fits: $($form)?),
                parse: parser!($kind $($form)?),
            },
        )*];
    };
}

const COMMANDS: On = On::Commands;
const ANYTHING: On = On::Anything;
const ABORTS: On = On::These(target::ABORTS);
const SANITIZES: On = On::These(target::SANITIZES);
const DELETES: On = On::These(target::DELETES);
const CHANGED: On = On::These(target::CHANGED);
const CUT_SHORT: On = On::These(target::CUT_SHORT);
const LOSABLE: On = On::These(target::LOSABLE);
const STORING: On = On::These(target::STORING);
const LOADING: On = On::These(target::LOADING);
const POSTPONABLE: On = On::These(target::POSTPONABLE);
const LEAVING_A_TRACE: On = On::These(target::LEAVING_A_TRACE);
const READY: On = On::Only(&[Transition::Enable, Transition::Disable]);
const RESETS: On = On::Only(&[Transition::Disable, Transition::SubsystemReset]);
const DISABLE: On = On::Only(&[Transition::Disable]);
const SHUTDOWN: On = On::Only(&[Transition::Shutdown]);
const READS: On = On::Only(&[Transition::RegisterRead, Transition::ConfigRead]);
const WRITES: On = On::Only(&[Transition::RegisterWrite, Transition::Doorbell]);

kinds! {
    Status(Status) STATUS = 1, "status", Command, Either, Later, COMMANDS,
        "it fails with this status, unexecuted (phase=completion: executed)",
        "read lba=0x10..0x20 nth=2 => status=media/unrecovered-read dnr";
    Delay(u64) TIME = 2, "delay", Command, Either, Later, COMMANDS,
        "it completes later by so much; others overtake it",
        "write every=2 => delay=5ms";
    RandomDelay(Distribution) DISTRIBUTION = 27, "delay", Command, Either, Later, COMMANDS,
        "it completes later by a time drawn anew each time",
        "read => delay=histogram(80us:90,1ms:9,20ms:1)";
    Stall(u64) POSITIVE_TIME = 28, "stall", Command, Submission, Later, COMMANDS,
        "it and all later ones of its queue complete no earlier than then",
        "io queue=1 nth=3 => stall=10ms";
    Drop = 3, "drop", Command, Completion, Later, COMMANDS,
        "it is executed, its completion is never posted",
        "write nth=1 => drop";
    Hang = 4, "hang", Command, Submission, Later, COMMANDS,
        "it is never executed and never completes, but can be aborted",
        "read nth=2 => hang";
    Hold(String) STATE = 51, "hold", Command, Submission, AtOnce, COMMANDS,
        "it waits until rules set this state (`never`: none can), or are disarmed",
        "read nth=1 => hold=never";
    IgnoreAbort = 12, "ignore-abort", Command, Submission, Later, ABORTS,
        "an abort does nothing and says so",
        "abort => ignore-abort";
    SanitizeFails = 53, "sanitize-fails", Command, Submission, Later, SANITIZES,
        "the sanitize that it starts fails at its end, and erases nothing",
        "sanitize => sanitize-fails";
    IgnoreDeleteQueue = 21, "ignore-delete-queue", Command, Submission, Later, DELETES,
        "deleting a queue succeeds, but the queue stays and goes on",
        "delete-io-sq => ignore-delete-queue";

    Corrupt(Flip) FLIP = 5, "corrupt", Data, Submission, Later, CHANGED,
        "one byte of its data changes on the way: data[offset % length] ^= xor",
        "read => corrupt=100^0x01";
    Forge(BytePattern) PATTERN = 42, "forge", Data, Submission, Later, CHANGED,
        "its data holds these bytes: an Identify page, a log page, blocks",
        "identify => forge=77:00";
    LostWrite = 6, "lost-write", Data, Submission, Later, LOSABLE,
        "a write is acknowledged but goes nowhere",
        "write lba=7 => lost-write";
    Torn(Torn) TORN = 13, "torn", Data, Submission, Later, STORING,
        "a write is acknowledged but only its beginning is stored",
        "write => torn=700B";
    Misdirect(u64) BLOCK = 14, "misdirect", Data, Submission, Later, STORING,
        "a write is acknowledged but goes to these blocks instead",
        "write nth=1 => misdirect=0x40";
    StaleRead = 15, "stale-read", Data, Submission, Later, LOADING,
        "a read returns what the blocks held before their last write",
        "read => stale-read";
    ReadOnly = 48, "read-only", Data, Submission, AtOnce, COMMANDS,
        "from here on writes fail as write protected, until the power is cut",
        "write nth=2 => read-only";
    PowerCutAt(Torn) TORN = 45, "power-cut-at", Data, Submission, Later, STORING,
        "so much of the write is on the media, then the power goes",
        "write nth=1 => power-cut-at=700B";

    DmaError(DmaTarget) DMA_TARGET = 26, "dma-error", Dma, Submission, AtOnce, COMMANDS,
        "data: Data Transfer Error; sqe, cqe, at any command: CSTS.CFS",
        "read => dma-error=data";
    PartialDma(u64) BYTES = 34, "partial-dma", Dma, Submission, Later, CUT_SHORT,
        "only so many bytes of its data are transferred, and nobody says so",
        "read => partial-dma=512";
    EarlyCompletion(u64) POSITIVE_TIME = 29, "early-completion", Dma, Submission, Later, POSTPONABLE,
        "it completes in time, its data moves so much later",
        "read => early-completion=1ms";
    LateDma(u64) POSITIVE_TIME = 35, "late-dma", Dma, Submission, Later, LEAVING_A_TRACE,
        "aborted, reset or its queue deleted, its data still moves so much later",
        "read nth=2 => late-dma=1ms";

    Duplicate = 9, "duplicate", Completion, Completion, Later, COMMANDS,
        "the completion is posted twice",
        "flush => duplicate";
    WrongCid(u16) WORD = 10, "wrong-cid", Completion, Completion, Later, COMMANDS,
        "the completion names another command",
        "read => wrong-cid=0xffff";
    WrongSqhd(u16) WORD = 16, "wrong-sqhd", Completion, Completion, Later, COMMANDS,
        "the completion reports this submission queue head",
        "read => wrong-sqhd=0x7fff";
    WrongSqid(u16) WORD = 17, "wrong-sqid", Completion, Completion, Later, COMMANDS,
        "the completion names another submission queue",
        "read => wrong-sqid=7";
    WrongPhase(PhaseFault) PHASE = 18, "wrong-phase", Completion, Completion, Later, COMMANDS,
        "the phase tag is inverted once, or frozen while the queue exists",
        "write => wrong-phase=inverted";
    WrongCq(u16) WORD = 30, "wrong-cq", Completion, Completion, Later, COMMANDS,
        "the completion is posted to this completion queue",
        "read => wrong-cq=0";
    CqOverflow(u16) WORD = 31, "cq-overflow", Completion, Completion, Later, COMMANDS,
        "the completion is posted so many times more, past what is unread",
        "read nth=1 => cq-overflow=20";

    LostInterrupt = 11, "lost-interrupt", Interrupt, Completion, Later, COMMANDS,
        "the completion is posted without its interrupt",
        "read nth=1 => lost-interrupt";
    LateInterrupt(u64) POSITIVE_TIME = 20, "late-interrupt", Interrupt, Completion, Later, COMMANDS,
        "the completion is posted in time, its interrupt comes later",
        "read => late-interrupt=50us";
    SpuriousInterrupt = 19, "spurious-interrupt", Interrupt, Submission, AtOnce, COMMANDS,
        "the interrupt is signalled when the command is fetched",
        "write => spurious-interrupt";
    WrongVector(u16) WORD = 32, "wrong-vector", Interrupt, Completion, Later, COMMANDS,
        "the interrupt is signalled at this vector instead",
        "read => wrong-vector=0";
    InterruptStorm(u16) WORD = 33, "interrupt-storm", Interrupt, Completion, Later, COMMANDS,
        "so many more interrupts follow, one a microsecond",
        "flush => interrupt-storm=100";
    StuckPin = 52, "stuck-pin", Interrupt, Completion, AtOnce, COMMANDS,
        "the interrupt pin stays asserted, masked or not, until a reset",
        "flush => stuck-pin";

    Cfs = 7, "cfs", Controller, Either, AtOnce, ANYTHING,
        "CSTS.CFS is set and the controller stops, until reset",
        "flush => cfs";
    CfsSticky = 39, "cfs-sticky", Controller, Either, AtOnce, ANYTHING,
        "CSTS.CFS is set, and again after each reset, until the power is cut",
        "flush => cfs-sticky";
    Remove = 8, "remove", Controller, Either, AtOnce, ANYTHING,
        "the device is pulled out: registers read all ones",
        "flush => remove";
    RemoveFor(u64) POSITIVE_TIME = 38, "remove-for", Controller, Either, AtOnce, ANYTHING,
        "the device is pulled out and is back, switched on anew, so much later",
        "flush => remove-for=50ms";
    PowerCut = 44, "power-cut", Controller, Either, AtOnce, ANYTHING,
        "the power goes; whoever owns the machine ends its life",
        "doorbell nth=3 => power-cut";
    RdyNever = 24, "rdy-never", Controller, Submission, AtOnce, READY,
        "CSTS.RDY never follows CC.EN",
        "enable nth=1 => rdy-never";
    RdyDelay(u64) POSITIVE_TIME = 25, "rdy-delay", Controller, Submission, AtOnce, READY,
        "CSTS.RDY follows CC.EN later by so much",
        "disable => rdy-delay=5s";
    IgnoreReset = 22, "ignore-reset", Controller, Submission, AtOnce, RESETS,
        "CC.EN = 0 or NSSR is not noticed: queues, commands and RDY stay",
        "disable => ignore-reset";
    KeepQueues = 36, "keep-queues", Controller, Submission, AtOnce, DISABLE,
        "the reset leaves the I/O queues and their commands",
        "disable => keep-queues";
    LoseQueues = 37, "lose-queues", Controller, Submission, AtOnce, COMMANDS,
        "all I/O queues are gone, and nobody says so",
        "flush => lose-queues";
    IgnoreShutdown = 23, "ignore-shutdown", Controller, Submission, AtOnce, SHUTDOWN,
        "a shutdown never gets beyond \"occurring\"",
        "shutdown => ignore-shutdown";
    Lie(BytePattern) PATTERN = 43, "lie", Controller, Submission, AtOnce, READS,
        "registers, or the PCI configuration space, read as these bytes",
        "register-read reg=0x8 => lie=8:00040100";
    IgnoreWrite = 50, "ignore-write", Controller, Submission, AtOnce, WRITES,
        "the register write or doorbell gets lost",
        "doorbell nth=4 => ignore-write";

    Aen(Notice) NOTICE = 40, "aen", Event, Either, AtOnce, ANYTHING,
        "an asynchronous event is reported",
        "write nth=1 => aen=notice/namespace-changed";
    AenStorm(u16) WORD = 41, "aen-storm", Event, Either, AtOnce, ANYTHING,
        "so many namespace notices are reported, masked or not",
        "write nth=1 => aen-storm=100";
    SmartWarning(u8) BYTE = 49, "smart-warning", Event, Either, AtOnce, ANYTHING,
        "these critical warning bits are set in SMART, with an event",
        "read nth=1 => smart-warning=0x08";
    Temperature(u16) KELVIN = 54, "temperature", Event, Either, AtOnce, ANYTHING,
        "the device is so hot from here on, with the event of its threshold",
        "read nth=1 => temperature=345";

    Expect = 46, "expect", Hook, Either, Later, ANYTHING,
        "nothing happens; a run in which it does not fire is not exercised",
        "flush => expect";
    Forbid = 47, "forbid", Hook, Either, Later, ANYTHING,
        "nothing happens; that it fired is reported as a violation",
        "write-zeroes => forbid";
}
