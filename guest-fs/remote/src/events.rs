//! What the client puts into the trace: connections, requests, replies. Codes are never reused.

use core::fmt;

use hal::trace::{Layer, Record};
use iomap::{Context, Errno};
use p9_wire::name_of;

/// Why a connection was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BreakCause {
    /// A request was not answered in time.
    TimedOut = 1,
    /// The device asks for a reset: the server is gone.
    Disconnected = 2,
    /// What came back is no reply to the request.
    Lied = 3,
    /// Somebody else has broken it.
    Elsewhere = 4,
    /// The queue had no room for a request that must fit.
    NotSent = 5,
}

impl BreakCause {
    const ALL: [Self; 5] =
        [Self::TimedOut, Self::Disconnected, Self::Lied, Self::Elsewhere, Self::NotSent];

    const fn text(self) -> &'static str {
        match self {
            Self::TimedOut => "no answer in time",
            Self::Disconnected => "the server is gone",
            Self::Lied => "the answer makes no sense",
            Self::Elsewhere => "broken by another request",
            Self::NotSent => "no room in the queue",
        }
    }

    /// What a request gets that is not sent again.
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::TimedOut => Errno::ETIMEDOUT,
            _ => Errno::EIO,
        }
    }
}

/// An event of [`Layer::Remote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a session.
    Connected {
        /// Its longest message.
        msize: u32,
    },
    /// Nobody could be connected to.
    NotConnected {
        /// The next attempt is after so long.
        wait_ns: u64,
    },
    /// The connection was broken.
    Broken {
        /// Why.
        cause: BreakCause,
    },
    /// A request was sent.
    Sent {
        /// Its tag.
        tag: u16,
        /// Its message type.
        kind: u8,
        /// On whose behalf.
        context: Context,
        /// The first byte, of a read or write.
        offset: u64,
        /// Bytes, of a read or write.
        count: u32,
    },
    /// A request was answered.
    Answered {
        /// Its tag.
        tag: u16,
        /// The request's message type.
        kind: u8,
        /// 0, or the error.
        errno: u32,
        /// Bytes that were read or written.
        count: u32,
    },
    /// A request is not sent again: it has failed.
    GaveUp {
        /// Its message type.
        kind: u8,
        /// What it gets.
        errno: Errno,
    },
    /// A file is an active swap file.
    Claimed {
        /// The server's name for it.
        file: u64,
        /// Whole pages in it.
        pages: u64,
    },
    /// A file cannot be a swap file.
    Refused {
        /// The server's name for it.
        file: u64,
        /// What swapon gives.
        errno: Errno,
    },
    /// A file is no swap file any more.
    Released {
        /// The server's name for it.
        file: u64,
    },
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        let (code, small, word, args) = match event {
            Event::Connected { msize } => (1, 0, msize, [0; 3]),
            Event::NotConnected { wait_ns } => (2, 0, 0, [wait_ns, 0, 0]),
            Event::Broken { cause } => (3, cause as u16, 0, [0; 3]),
            Event::Sent { tag, kind, context, offset, count } => {
                (4, tag, count, [offset, kind.into(), context as u64])
            }
            Event::Answered { tag, kind, errno, count } => {
                (5, tag, count, [errno.into(), kind.into(), 0])
            }
            Event::GaveUp { kind, errno } => (6, errno.number(), kind.into(), [0; 3]),
            Event::Claimed { file, pages } => (7, 0, 0, [file, pages, 0]),
            Event::Refused { file, errno } => (8, errno.number(), 0, [file, 0, 0]),
            Event::Released { file } => (9, 0, 0, [file, 0, 0]),
        };
        Self { layer: Layer::Remote, code, small, word, args }
    }
}

impl Event {
    /// The event that this record stands for; `None` if it is none of this layer.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        if record.layer != Layer::Remote {
            return None;
        }
        let Record { small, word, args: [first, second, third], .. } = *record;
        let errno = || Errno::from_number(small);
        Some(match record.code {
            1 => Self::Connected { msize: word },
            2 => Self::NotConnected { wait_ns: first },
            3 => Self::Broken {
                cause: BreakCause::ALL.into_iter().find(|cause| *cause as u16 == small)?,
            },
            4 => Self::Sent {
                tag: small,
                kind: u8::try_from(second).ok()?,
                context: Context::from_u8(u8::try_from(third).ok()?)?,
                offset: first,
                count: word,
            },
            5 => Self::Answered {
                tag: small,
                kind: u8::try_from(second).ok()?,
                errno: u32::try_from(first).ok()?,
                count: word,
            },
            6 => Self::GaveUp { kind: u8::try_from(word).ok()?, errno: errno()? },
            7 => Self::Claimed { file: first, pages: second },
            8 => Self::Refused { file: first, errno: errno()? },
            9 => Self::Released { file: first },
            _ => return None,
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kind| name_of(kind).unwrap_or("message");
        match *self {
            Self::Connected { msize } => write!(f, "connected  msize={msize}"),
            Self::NotConnected { wait_ns } => {
                write!(f, "connect    refused, again in {} ms", wait_ns / 1_000_000)
            }
            Self::Broken { cause } => write!(f, "connection broken: {}", cause.text()),
            Self::Sent { tag, kind, context, offset, count } => {
                write!(f, "send       T{} tag={tag} for {context:?}", name(kind))?;
                if count > 0 { write!(f, " {offset}+{count}") } else { Ok(()) }
            }
            Self::Answered { tag, kind, errno: 0, count } => {
                write!(f, "received   R{} tag={tag}", name(kind))?;
                if count > 0 { write!(f, " {count} bytes") } else { Ok(()) }
            }
            Self::Answered { tag, kind, errno, .. } => {
                write!(f, "received   R{} tag={tag} errno {errno}", name(kind))
            }
            Self::GaveUp { kind, errno } => write!(f, "gave up    T{}: {errno}", name(kind)),
            Self::Claimed { file, pages } => write!(f, "swapfile   file={file} {pages} pages"),
            Self::Refused { file, errno } => write!(f, "swapfile   file={file} refused: {errno}"),
            Self::Released { file } => write!(f, "swapfile   file={file} released"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_survives_the_round_trip() {
        let mut events = alloc::vec![
            Event::Connected { msize: 1 },
            Event::NotConnected { wait_ns: 2 },
            Event::Sent { tag: 3, kind: 118, context: Context::SwapOut, offset: 4, count: 5 },
            Event::Answered { tag: 6, kind: 116, errno: 7, count: 8 },
            Event::GaveUp { kind: 118, errno: Errno::ETIMEDOUT },
            Event::Claimed { file: 9, pages: 10 },
            Event::Refused { file: 11, errno: Errno::EINVAL },
            Event::Released { file: 12 },
        ];
        events.extend(BreakCause::ALL.map(|cause| Event::Broken { cause }));
        for event in events {
            assert_eq!(Event::decode(&event.into()), Some(event));
        }
    }
}
