//! The server's own events: what a trace of its side consists of.
//!
//! An event holds no address and nothing of the host, so two runs of the same unit give the same bytes on
//! any engine. Codes are part of the trace format: never reuse one.

use std::fmt;

use p9_wire::name_of;

use crate::fault::ACTIONS;

/// Bytes of an encoded event: `code, kind, tag, word, three numbers`, little-endian.
pub const EVENT_BYTES: usize = 32;

/// Something that happened inside the server or its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session has begun.
    Session {
        /// Its longest message.
        msize: u32,
    },
    /// The session is over: the driver reset the device, or the connection broke.
    SessionEnd {
        /// Requests that will never be answered.
        requests_lost: u32,
    },
    /// A request was taken off the queue.
    Request {
        /// Its tag.
        tag: u16,
        /// Its message type.
        kind: u8,
        /// The file, if it is about one.
        file: u64,
        /// The first byte, of a read or write.
        offset: u64,
        /// Bytes, of a read or write.
        count: u32,
    },
    /// A file's content has changed.
    Written {
        /// The file.
        file: u64,
        /// The first byte.
        offset: u64,
        /// Bytes.
        bytes: u32,
    },
    /// A reply was put into the queue.
    Reply {
        /// Its tag, as it was sent.
        tag: u16,
        /// The request's message type.
        kind: u8,
        /// 0, or why it failed.
        errno: u32,
        /// Bytes of data, of a read or write.
        count: u32,
    },
    /// A fault rule fired.
    Fault {
        /// Its number in the plan.
        rule: u32,
        /// The request's tag.
        tag: u16,
        /// What it does: a place in [`ACTIONS`].
        action: u8,
    },
    /// The server broke the connection.
    Disconnect {
        /// For so long nobody can connect.
        away_ns: u64,
    },
    /// The driver wanted to connect, and the server is away.
    ConnectionRefused,
    /// The server's filesystem is shut down.
    FilesystemDown,
    /// The server's filesystem is mounted again.
    FilesystemUp,
    /// A request that is no message of the protocol.
    Malformed {
        /// Its bytes.
        bytes: u32,
    },
    /// The rings make no sense; the device stops until it is reset.
    BrokenRing,
}

impl Event {
    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; EVENT_BYTES] {
        let (code, kind, tag, word, args): (u8, u8, u16, u32, [u64; 3]) = match *self {
            Self::Session { msize } => (1, 0, 0, msize, [0; 3]),
            Self::SessionEnd { requests_lost } => (2, 0, 0, requests_lost, [0; 3]),
            Self::Request { tag, kind, file, offset, count } => {
                (3, kind, tag, count, [file, offset, 0])
            }
            Self::Written { file, offset, bytes } => (4, 0, 0, bytes, [file, offset, 0]),
            Self::Reply { tag, kind, errno, count } => (5, kind, tag, count, [errno.into(), 0, 0]),
            Self::Fault { rule, tag, action } => (6, action, tag, rule, [0; 3]),
            Self::Disconnect { away_ns } => (7, 0, 0, 0, [away_ns, 0, 0]),
            Self::ConnectionRefused => (8, 0, 0, 0, [0; 3]),
            Self::FilesystemDown => (9, 0, 0, 0, [0; 3]),
            Self::FilesystemUp => (10, 0, 0, 0, [0; 3]),
            Self::Malformed { bytes } => (11, 0, 0, bytes, [0; 3]),
            Self::BrokenRing => (12, 0, 0, 0, [0; 3]),
        };
        let mut bytes = [0; EVENT_BYTES];
        let head =
            u64::from(code) | u64::from(kind) << 8 | u64::from(tag) << 16 | u64::from(word) << 32;
        for (room, field) in bytes.chunks_exact_mut(8).zip([head].into_iter().chain(args)) {
            room.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kind| name_of(kind).unwrap_or("message");
        match *self {
            Self::Session { msize } => write!(f, "session    msize={msize}"),
            Self::SessionEnd { requests_lost } => {
                write!(f, "session    over, {requests_lost} requests lost")
            }
            Self::Request { tag, kind, file, offset, count } => {
                write!(f, "T{:<9} tag={tag} file={file}", name(kind))?;
                if count > 0 { write!(f, " {offset}+{count}") } else { Ok(()) }
            }
            Self::Written { file, offset, bytes } => {
                write!(f, "written    file={file} {offset}+{bytes}")
            }
            Self::Reply { tag, kind, errno: 0, count } => {
                write!(f, "R{:<9} tag={tag}", name(kind))?;
                if count > 0 { write!(f, " {count} bytes") } else { Ok(()) }
            }
            Self::Reply { tag, kind, errno, .. } => {
                write!(f, "R{:<9} tag={tag} errno {errno}", name(kind))
            }
            Self::Fault { rule, tag, action } => {
                let action = ACTIONS.get(usize::from(action)).map_or("?", |action| action.0);
                write!(f, "fault      rule={rule} tag={tag} {action}")
            }
            Self::Disconnect { away_ns } => write!(f, "disconnect away for {away_ns} ns"),
            Self::ConnectionRefused => f.write_str("connection refused"),
            Self::FilesystemDown => f.write_str("filesystem down"),
            Self::FilesystemUp => f.write_str("filesystem up"),
            Self::Malformed { bytes } => write!(f, "malformed  request of {bytes} bytes"),
            Self::BrokenRing => f.write_str("broken ring"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_this_wire_form() {
        let event = Event::Request { tag: 0x0102, kind: 118, file: 2, offset: 4096, count: 7 };
        let bytes = event.to_bytes();
        assert_eq!(bytes[..8], [3, 118, 2, 1, 7, 0, 0, 0]);
        assert_eq!(bytes[8], 2);
        assert_eq!(bytes[16..18], [0, 16]);
    }
}
