//! The rules, and their text.

use std::fmt;
use std::ops::Range;

use nvme_model::fault::{Delay, Flip, Probability};
use p9_wire::name_of;

use crate::errno::{Errno, NAMED};

/// Which requests a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// All.
    Any,
    /// Reads and writes.
    Io,
    /// A message type.
    Kind(u8),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The reply takes so much longer.
    Delay(Delay),
    /// The request fails and has no effect.
    Error(Errno),
    /// The request is lost: no effect, no reply.
    DropRequest,
    /// The request takes effect, the reply is lost.
    DropReply,
    /// The connection breaks, with everything in flight; for so many nanoseconds nobody can connect.
    Disconnect(u64),
    /// The server's filesystem is shut down: EIO from then on.
    FilesystemDown,
    /// At most so many bytes are read or written.
    Short(u32),
    /// The reply has the tag of no request.
    WrongTag,
    /// One byte of a read's data is flipped.
    Corrupt(Flip),
    /// A write goes to the same place of another file.
    Elsewhere,
}

/// The words for them, with their values, in the order of [`Action::number`].
pub const ACTIONS: [(&str, &str, &str); 10] = [
    ("delay", "TIME|NAME(...)", "the reply takes so much longer"),
    ("error", "ERRNO", "the request fails and has no effect"),
    ("drop-request", "", "no effect, no reply"),
    ("drop-reply", "", "the request takes effect, the reply is lost"),
    ("disconnect", "TIME", "everything in flight is lost, and for so long nobody can connect"),
    ("fs-down", "", "the server's filesystem is shut down: EIO from then on"),
    ("short", "BYTES", "at most so many bytes are read or written"),
    ("wrong-tag", "", "the reply has the tag of no request"),
    ("corrupt", "OFFSET^XOR", "one byte of a read's data is flipped"),
    ("elsewhere", "", "a write goes to the same place of another file"),
];

impl Action {
    /// Its place in [`ACTIONS`].
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Delay(_) => 0,
            Self::Error(_) => 1,
            Self::DropRequest => 2,
            Self::DropReply => 3,
            Self::Disconnect(_) => 4,
            Self::FilesystemDown => 5,
            Self::Short(_) => 6,
            Self::WrongTag => 7,
            Self::Corrupt(_) => 8,
            Self::Elsewhere => 9,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = ACTIONS.get(usize::from(self.number())).map_or("", |action| action.0);
        f.write_str(word)?;
        match self {
            Self::Delay(delay) => write!(f, "={delay}"),
            Self::Error(errno) => match NAMED.iter().find(|(_, number)| number == errno) {
                Some((name, _)) => write!(f, "={name}"),
                None => write!(f, "={errno}"),
            },
            Self::Disconnect(away_ns) => write!(f, "={away_ns}ns"),
            Self::Short(bytes) => write!(f, "={bytes}"),
            Self::Corrupt(Flip { offset, xor }) => write!(f, "={offset}^{xor:#x}"),
            Self::DropRequest
            | Self::DropReply
            | Self::FilesystemDown
            | Self::WrongTag
            | Self::Elsewhere => Ok(()),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRule {
    /// Which requests.
    pub op: Op,
    /// Reads and writes that touch these pages of 4 KiB of their file.
    pub pages: Option<Range<u64>>,
    /// What `after` calls it.
    pub name: Option<String>,
    /// Only the nth match, from 1.
    pub nth: Option<u64>,
    /// Every nth match.
    pub every: Option<u64>,
    /// By chance.
    pub chance: Option<Probability>,
    /// Only once the rule of this name has fired.
    pub after: Option<String>,
    /// What happens.
    pub action: Action,
    /// How often at most.
    pub count: Option<u64>,
}

impl fmt::Display for ServerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.op {
            Op::Any => f.write_str("any")?,
            Op::Io => f.write_str("io")?,
            Op::Kind(kind) => f.write_str(name_of(kind).unwrap_or("?"))?,
        }
        if let Some(pages) = &self.pages {
            write!(f, " page={}..{}", pages.start, pages.end)?;
        }
        let words = [("name", self.name.as_ref()), ("after", self.after.as_ref())];
        for (key, value) in words {
            value.map_or(Ok(()), |value| write!(f, " {key}={value}"))?;
        }
        for (key, value) in [("nth", self.nth), ("every", self.every)] {
            value.map_or(Ok(()), |value| write!(f, " {key}={value}"))?;
        }
        self.chance.map_or(Ok(()), |chance| write!(f, " chance={chance}"))?;
        write!(f, " => {}", self.action)?;
        self.count.map_or(Ok(()), |count| write!(f, " count={count}"))
    }
}

/// Rules, and the seed of their chances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerPlan {
    /// Where chances and delays come from.
    pub seed: u64,
    /// The rules, in order.
    pub rules: Vec<ServerRule>,
}
