//! What a server answers (R-messages).

use crate::code::{Reader, Writer};
use crate::request;
use crate::{Malformed, Qid, READ_HEADER_BYTES, VERSION, VERSION_UNKNOWN};

/// `Rlerror` has no T-message.
const ERROR: u8 = 7;

/// What [`request::Request::Getattr`] gives, as far as this project uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The file.
    pub qid: Qid,
    /// Bytes.
    pub size_bytes: u64,
    /// Units of 512 bytes that have blocks behind them.
    pub blocks: u64,
}

/// Which attributes are valid: mode, nlink, uid, gid, rdev, times, inode, size, blocks.
const ATTRIBUTES_VALID: u64 = 0x7ff;
/// A regular file that its owner may read and write.
const MODE: u32 = 0o100_600;

/// What [`request::Request::Statfs`] gives, as far as this project uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatFs {
    /// Bytes of a block.
    pub block_bytes: u32,
    /// Blocks in all.
    pub blocks: u64,
    /// Free blocks.
    pub blocks_free: u64,
}

/// An answer. A read's data is not in it: it follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The request failed, with this Linux errno.
    Error {
        /// Positive.
        errno: u32,
    },
    /// The session has begun.
    Version {
        /// The longest message of the session.
        msize: u32,
        /// It is 9P2000.L that is spoken, and not `unknown`.
        is_known: bool,
    },
    /// The root.
    Attach {
        /// Its name for good.
        qid: Qid,
    },
    /// What was found; `None` for a walk of no names.
    Walk {
        /// Its name for good.
        qid: Option<Qid>,
    },
    /// The file is open.
    Lopen {
        /// Its name for good.
        qid: Qid,
        /// The most bytes of one transfer; 0: as the message size allows.
        iounit: u32,
    },
    /// The file is made and open.
    Lcreate {
        /// Its name for good.
        qid: Qid,
        /// As in [`Reply::Lopen`].
        iounit: u32,
    },
    /// Attributes.
    Getattr(Attributes),
    /// So many bytes were read and follow.
    Read {
        /// Bytes.
        count: u32,
    },
    /// So many bytes were written.
    Write {
        /// Bytes.
        count: u32,
    },
    /// It is on media.
    Fsync,
    /// How it went with the lock.
    Lock {
        /// One of [`crate::lock_status`].
        status: u8,
    },
    /// Sizes of the filesystem.
    Statfs(StatFs),
    /// The fid is free.
    Clunk,
}

impl Reply {
    /// The message type.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Error { .. } => ERROR,
            Self::Version { .. } => request::VERSION + 1,
            Self::Attach { .. } => request::ATTACH + 1,
            Self::Walk { .. } => request::WALK + 1,
            Self::Lopen { .. } => request::LOPEN + 1,
            Self::Lcreate { .. } => request::LCREATE + 1,
            Self::Getattr(_) => request::GETATTR + 1,
            Self::Read { .. } => request::READ + 1,
            Self::Write { .. } => request::WRITE + 1,
            Self::Fsync => request::FSYNC + 1,
            Self::Lock { .. } => request::LOCK + 1,
            Self::Statfs(_) => request::STATFS + 1,
            Self::Clunk => request::CLUNK + 1,
        }
    }

    /// Puts the message, without a read's data, into `room`; returns its bytes.
    ///
    /// # Errors
    /// [`Malformed::Room`] if it does not fit.
    pub fn encode(&self, tag: u16, room: &mut [u8]) -> Result<usize, Malformed> {
        let mut to = Writer::message(room, self.kind(), tag);
        let mut data_bytes = 0;
        match self {
            Self::Error { errno } => to.u32(*errno),
            Self::Version { msize, is_known } => {
                to.u32(*msize).text(if *is_known { VERSION } else { VERSION_UNKNOWN })
            }
            Self::Attach { qid } => to.qid(qid),
            Self::Walk { qid: None } => to.u16(0),
            Self::Walk { qid: Some(qid) } => to.u16(1).qid(qid),
            Self::Lopen { qid, iounit } | Self::Lcreate { qid, iounit } => to.qid(qid).u32(*iounit),
            Self::Getattr(attributes) => attributes.encode(&mut to),
            Self::Read { count } => {
                data_bytes = *count;
                to.u32(*count)
            }
            Self::Write { count } => to.u32(*count),
            Self::Lock { status } => to.u8(*status),
            Self::Statfs(statfs) => statfs.encode(&mut to),
            Self::Fsync | Self::Clunk => &mut to,
        };
        to.finish(data_bytes)
    }

    /// Reads a message of `size_bytes` in all, of which `bytes` are the first: all of them, or those before
    /// a read's data.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(bytes: &[u8], size_bytes: usize) -> Result<(u16, Self), Malformed> {
        let (kind, tag, mut from) = Reader::message(bytes, size_bytes)?;
        let reply = Self::body(kind, &mut from)?;
        match reply {
            Self::Read { count } => {
                let data = usize::try_from(count).map_err(|_| Malformed::Length)?;
                if READ_HEADER_BYTES.checked_add(data) != Some(size_bytes) {
                    return Err(Malformed::Length);
                }
            }
            _ => from.end()?,
        }
        Ok((tag, reply))
    }

    fn body(kind: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if kind == ERROR {
            return Ok(Self::Error { errno: from.u32()? });
        }
        Ok(match kind.checked_sub(1).ok_or(Malformed::Type(kind))? {
            request::VERSION => {
                Self::Version { msize: from.u32()?, is_known: from.text()? == VERSION }
            }
            request::ATTACH => Self::Attach { qid: from.qid()? },
            request::WALK => match from.u16()? {
                0 => Self::Walk { qid: None },
                1 => Self::Walk { qid: Some(from.qid()?) },
                names => return Err(Malformed::Names(names)),
            },
            request::LOPEN => Self::Lopen { qid: from.qid()?, iounit: from.u32()? },
            request::LCREATE => Self::Lcreate { qid: from.qid()?, iounit: from.u32()? },
            request::GETATTR => Self::Getattr(Attributes::decode(from)?),
            request::READ => Self::Read { count: from.u32()? },
            request::WRITE => Self::Write { count: from.u32()? },
            request::FSYNC => Self::Fsync,
            request::LOCK => Self::Lock { status: from.u8()? },
            request::STATFS => Self::Statfs(StatFs::decode(from)?),
            request::CLUNK => Self::Clunk,
            _ => return Err(Malformed::Type(kind)),
        })
    }
}

impl Attributes {
    /// `valid qid mode uid gid nlink rdev size blksize blocks`, four times, generation, data version.
    fn encode<'w, 'r>(&self, to: &'w mut Writer<'r>) -> &'w mut Writer<'r> {
        to.u64(ATTRIBUTES_VALID).qid(&self.qid).u32(MODE).u32(0).u32(0).u64(1).u64(0);
        to.u64(self.size_bytes).u64(4096).u64(self.blocks);
        (0..10).for_each(|_| {
            to.u64(0);
        });
        to
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.u64()?;
        let qid = from.qid()?;
        // mode, uid, gid, nlink, rdev
        for _ in 0..3 {
            from.u32()?;
        }
        for _ in 0..2 {
            from.u64()?;
        }
        let size_bytes = from.u64()?;
        from.u64()?;
        let blocks = from.u64()?;
        for _ in 0..10 {
            from.u64()?;
        }
        Ok(Self { qid, size_bytes, blocks })
    }
}

impl StatFs {
    /// `type bsize blocks bfree bavail files ffree fsid namelen`.
    fn encode<'w, 'r>(&self, to: &'w mut Writer<'r>) -> &'w mut Writer<'r> {
        // V9FS_MAGIC, as a Linux client shows it.
        to.u32(0x0102_1997).u32(self.block_bytes);
        to.u64(self.blocks).u64(self.blocks_free).u64(self.blocks_free);
        to.u64(0).u64(0).u64(0).u32(255)
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.u32()?;
        let (block_bytes, blocks, blocks_free) = (from.u32()?, from.u64()?, from.u64()?);
        // bavail, files, ffree, fsid, namelen
        for _ in 0..4 {
            from.u64()?;
        }
        from.u32()?;
        Ok(Self { block_bytes, blocks, blocks_free })
    }
}
