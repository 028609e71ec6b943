//! The driver's events in the trace. Codes are part of the trace format: never reuse one.
//!
//! No event holds an address. A command is named by its serial number (the block layer's ticket) and
//! its CID.

use core::fmt;

use hal::trace::{Layer, Record};

/// Why the controller is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResetReason {
    /// A command timed out a second time, after its abort.
    Timeout = 1,
    /// An admin command timed out.
    AdminTimeout = 2,
    /// CSTS.CFS was set.
    Fatal = 3,
    /// An asynchronous event reported a persistent internal error.
    PersistentError = 4,
}

impl ResetReason {
    fn from_u16(number: u16) -> Option<Self> {
        [Self::Timeout, Self::AdminTimeout, Self::Fatal, Self::PersistentError]
            .into_iter()
            .find(|reason| *reason as u16 == number)
    }
}

macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $name:ident = $code:literal {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty => $place:tt, )*
        } $text:literal;
    )*) => {
        /// One event of the driver.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event {
            $( $(#[$doc])* $name { $( $(#[$field_doc])* $field: $type, )* }, )*
        }

        impl From<Event> for Record {
            fn from(event: Event) -> Self {
                let mut record =
                    Self { layer: Layer::Driver, code: 0, small: 0, word: 0, args: [0; 3] };
                match event {
                    $( Event::$name { $($field),* } => {
                        record.code = $code;
                        $( put!(record, $place, $field); )*
                    } )*
                }
                record
            }
        }

        impl Event {
            /// The event in `record`; `None` if it is another layer's or unknown.
            #[must_use]
            pub fn decode(record: &Record) -> Option<Self> {
                if record.layer != Layer::Driver {
                    return None;
                }
                Some(match record.code {
                    $( $code => Self::$name { $( $field: get!(record, $place)?, )* }, )*
                    _ => return None,
                })
            }
        }

        impl fmt::Display for Event {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $( Self::$name { $($field),* } => {
                        f.write_str($text)?;
                        $( write!(f, concat!(" ", stringify!($field), "={:?}"), $field)?; )*
                        Ok(())
                    } )*
                }
            }
        }
    };
}

macro_rules! put {
    ($record:ident, small, $value:ident) => {
        $record.small = $value.into();
    };
    ($record:ident, word, $value:ident) => {
        $record.word = $value.into();
    };
    ($record:ident, reason, $value:ident) => {
        $record.small = $value as u16;
    };
    ($record:ident, first, $value:ident) => {
        $record.args[0] = $value.into();
    };
    ($record:ident, second, $value:ident) => {
        $record.args[1] = $value.into();
    };
    ($record:ident, third, $value:ident) => {
        $record.args[2] = $value.into();
    };
}

macro_rules! get {
    ($record:ident, small) => {
        $record.small.try_into().ok()
    };
    ($record:ident, word) => {
        $record.word.try_into().ok()
    };
    ($record:ident, reason) => {
        ResetReason::from_u16($record.small)
    };
    ($record:ident, first) => {
        $record.args[0].try_into().ok()
    };
    ($record:ident, second) => {
        $record.args[1].try_into().ok()
    };
    ($record:ident, third) => {
        $record.args[2].try_into().ok()
    };
}

events! {
    /// The controller works: after probe, and after each reset.
    Live = 1 {
        /// Entries of the I/O queue.
        depth: u16 => small,
        /// Capacity in blocks of 4 KiB.
        size_blocks: u64 => first,
    } "live";
    /// An I/O command was sent, or sent again.
    Submit = 2 {
        /// The command identifier.
        cid: u16 => small,
        /// The opcode.
        opcode: u8 => word,
        /// The bio.
        serial: u64 => first,
        /// The first block (4 KiB).
        block: u64 => second,
        /// How many blocks.
        blocks: u64 => third,
    } "submit";
    /// An I/O command was answered.
    Complete = 3 {
        /// The command identifier.
        cid: u16 => small,
        /// The status field without the phase tag.
        status: u16 => word,
        /// The bio.
        serial: u64 => first,
    } "complete";
    /// The bio goes back to its owner.
    Finish = 4 {
        /// 0, or the code of the block error.
        error: u8 => small,
        /// The bio.
        serial: u64 => first,
    } "finish";
    /// The command will be sent again.
    Retry = 5 {
        /// From 1.
        attempt: u8 => small,
        /// The bio.
        serial: u64 => first,
        /// How long to wait before that, in nanoseconds.
        delay_ns: u64 => second,
    } "retry";
    /// An I/O command was not answered in time.
    Timeout = 6 {
        /// The command identifier.
        cid: u16 => small,
        /// The bio.
        serial: u64 => first,
    } "timeout";
    /// An admin command was not answered in time.
    AdminTimeout = 7 {
        /// The command identifier.
        cid: u16 => small,
        /// The opcode.
        opcode: u8 => word,
    } "admin-timeout";
    /// The controller was asked to abort an I/O command.
    Abort = 8 {
        /// The command to abort.
        cid: u16 => small,
        /// Its bio.
        serial: u64 => first,
    } "abort";
    /// The controller answered an abort.
    AbortDone = 9 {
        /// The command that was to be aborted.
        cid: u16 => small,
        /// The status of the Abort command.
        status: u16 => word,
        /// 1 if the controller says that it aborted the command.
        is_aborted: u8 => first,
    } "abort-done";
    /// A controller reset begins.
    Reset = 10 {
        /// Why.
        reason: ResetReason => reason,
    } "reset";
    /// The controller is given up or gone: everything fails from now on.
    Gone = 11 {
        /// The code of the error.
        error: u8 => small,
    } "gone";
    /// A completion for a command that was never sent.
    UnknownCid = 12 {
        /// What it says.
        cid: u16 => small,
        /// Its status.
        status: u16 => word,
        /// The queue it came in.
        qid: u16 => first,
    } "unknown-cid";
    /// A completion for a command that was completed or given up before.
    StaleCid = 13 {
        /// What it says.
        cid: u16 => small,
        /// Its status.
        status: u16 => word,
        /// The queue it came in.
        qid: u16 => first,
    } "stale-cid";
    /// A completion names a submission queue or a head that cannot be.
    BadQueueField = 14 {
        /// The queue it came in.
        qid: u16 => small,
        /// The submission queue it names.
        sqid: u16 => first,
        /// The head it names.
        sqhd: u16 => second,
    } "bad-queue-field";
    /// An asynchronous event.
    AsyncEvent = 15 {
        /// Its type.
        event_type: u8 => small,
        /// Its information.
        info: u8 => word,
        /// The log page that tells more.
        log_page: u8 => first,
    } "async-event";
    /// A completion was there although its interrupt had been waited for in vain.
    InterruptMissed = 16 {
        /// The command identifier.
        cid: u16 => small,
        /// The bio.
        serial: u64 => first,
    } "interrupt-missed";
    /// An admin command failed.
    AdminFailed = 17 {
        /// Its status.
        status: u16 => small,
        /// The opcode.
        opcode: u8 => word,
    } "admin-failed";
    /// An orderly shutdown ended.
    ShutDown = 18 {
        /// 1 if the controller said that it is complete.
        is_complete: u8 => small,
    } "shut-down";
    /// The namespace was changed, can still be used, and was looked at again.
    Rescan = 19 {
        /// Its capacity now, in blocks of 4 KiB. The layers above keep what they were promised.
        size_blocks: u64 => first,
    } "rescan";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_decodes_to_an_event_that_encodes_to_the_same_record() {
        let mut known = 0;
        for code in 0..=u8::MAX {
            let record = Record { layer: Layer::Driver, code, small: 1, word: 2, args: [3, 4, 5] };
            let Some(event) = Event::decode(&record) else {
                continue;
            };
            let again = Record::from(event);
            assert_eq!(again.code, code);
            assert_eq!(Event::decode(&again), Some(event));
            known += 1;
        }
        assert_eq!(known, 19);
    }

    #[test]
    fn an_event_reads_like_this() {
        let event = Event::Submit { cid: 0x102, opcode: 1, serial: 9, block: 40, blocks: 2 };
        assert_eq!(event.to_string(), "submit cid=258 opcode=1 serial=9 block=40 blocks=2");
        let reset = Event::Reset { reason: ResetReason::Fatal };
        assert_eq!(reset.to_string(), "reset reason=Fatal");
    }

    #[test]
    fn another_layers_record_and_a_value_that_does_not_fit_are_refused() {
        let record = Record { layer: Layer::Swap, code: 1, small: 0, word: 0, args: [0; 3] };
        assert_eq!(Event::decode(&record), None);
        let record = Record { layer: Layer::Driver, code: 2, small: 0, word: 256, args: [0; 3] };
        assert_eq!(Event::decode(&record), None);
    }
}
