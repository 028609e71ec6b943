//! What a client asks (T-messages).

use crate::code::{Reader, Writer};
use crate::{Malformed, WRITE_HEADER_BYTES};

// 9P2000.L's message types: the T-message; its R-message is one more.
pub(crate) const STATFS: u8 = 8;
pub(crate) const LOPEN: u8 = 12;
pub(crate) const LCREATE: u8 = 14;
pub(crate) const GETATTR: u8 = 24;
pub(crate) const FSYNC: u8 = 50;
pub(crate) const LOCK: u8 = 52;
pub(crate) const VERSION: u8 = 100;
pub(crate) const ATTACH: u8 = 104;
pub(crate) const WALK: u8 = 110;
pub(crate) const READ: u8 = 116;
pub(crate) const WRITE: u8 = 118;
pub(crate) const CLUNK: u8 = 120;

/// A byte range that a client wants for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRequest<'a> {
    /// The open file.
    pub fid: u32,
    /// One of [`crate::lock_kind`].
    pub kind: u8,
    /// Whether to wait; this server never does.
    pub flags: u32,
    /// The first byte.
    pub start: u64,
    /// Bytes; 0: to the end.
    pub length: u64,
    /// The client's process.
    pub proc_id: u32,
    /// The client's name.
    pub client_id: &'a str,
}

/// A request. A write's data is not in it: it follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Begins a session: every fid, lock and request of the one before is forgotten.
    Version {
        /// The longest message that the client takes.
        msize: u32,
        /// [`crate::VERSION`].
        version: &'a str,
    },
    /// `fid` is the root from now on.
    Attach {
        /// A fid that is not in use.
        fid: u32,
        /// [`crate::NO_FID`].
        afid: u32,
        /// The user's name.
        uname: &'a str,
        /// Which tree.
        aname: &'a str,
        /// The user's number.
        n_uname: u32,
    },
    /// `new_fid` is what `fid` is, or what is in it under `name`.
    Walk {
        /// Where to start.
        fid: u32,
        /// A fid that is not in use.
        new_fid: u32,
        /// One step, or none.
        name: Option<&'a str>,
    },
    /// Opens the file of `fid`.
    Lopen {
        /// Which.
        fid: u32,
        /// Linux's `open` flags.
        flags: u32,
    },
    /// Makes a file in the directory of `fid`, which is the open file afterwards.
    Lcreate {
        /// The directory.
        fid: u32,
        /// The file's name.
        name: &'a str,
        /// Linux's `open` flags.
        flags: u32,
        /// Permissions.
        mode: u32,
        /// Group.
        gid: u32,
    },
    /// Size, blocks and more of a file.
    Getattr {
        /// Which.
        fid: u32,
        /// Which attributes.
        mask: u64,
    },
    /// Data from an open file.
    Read {
        /// Which.
        fid: u32,
        /// The first byte.
        offset: u64,
        /// Bytes at most.
        count: u32,
    },
    /// Data to an open file; it follows the message.
    Write {
        /// Which.
        fid: u32,
        /// The first byte.
        offset: u64,
        /// Bytes.
        count: u32,
    },
    /// Everything that was written to the file goes to media.
    Fsync {
        /// Which.
        fid: u32,
        /// Without metadata that is not needed to read it back.
        datasync: u32,
    },
    /// Takes or gives back a lock.
    Lock(LockRequest<'a>),
    /// Sizes of the filesystem.
    Statfs {
        /// Any file in it.
        fid: u32,
    },
    /// The fid is not needed any more.
    Clunk {
        /// Which.
        fid: u32,
    },
}

impl<'a> Request<'a> {
    /// The message type.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Version { .. } => VERSION,
            Self::Attach { .. } => ATTACH,
            Self::Walk { .. } => WALK,
            Self::Lopen { .. } => LOPEN,
            Self::Lcreate { .. } => LCREATE,
            Self::Getattr { .. } => GETATTR,
            Self::Read { .. } => READ,
            Self::Write { .. } => WRITE,
            Self::Fsync { .. } => FSYNC,
            Self::Lock(_) => LOCK,
            Self::Statfs { .. } => STATFS,
            Self::Clunk { .. } => CLUNK,
        }
    }

    /// Puts the message, without a write's data, into `room`; returns its bytes.
    ///
    /// # Errors
    /// [`Malformed::Room`] if it does not fit.
    pub fn encode(&self, tag: u16, room: &mut [u8]) -> Result<usize, Malformed> {
        let mut to = Writer::message(room, self.kind(), tag);
        let mut data_bytes = 0;
        match *self {
            Self::Version { msize, version } => to.u32(msize).text(version),
            Self::Attach { fid, afid, uname, aname, n_uname } => {
                to.u32(fid).u32(afid).text(uname).text(aname).u32(n_uname)
            }
            Self::Walk { fid, new_fid, name: None } => to.u32(fid).u32(new_fid).u16(0),
            Self::Walk { fid, new_fid, name: Some(name) } => {
                to.u32(fid).u32(new_fid).u16(1).text(name)
            }
            Self::Lopen { fid, flags } => to.u32(fid).u32(flags),
            Self::Lcreate { fid, name, flags, mode, gid } => {
                to.u32(fid).text(name).u32(flags).u32(mode).u32(gid)
            }
            Self::Getattr { fid, mask } => to.u32(fid).u64(mask),
            Self::Read { fid, offset, count } => to.u32(fid).u64(offset).u32(count),
            Self::Write { fid, offset, count } => {
                data_bytes = count;
                to.u32(fid).u64(offset).u32(count)
            }
            Self::Fsync { fid, datasync } => to.u32(fid).u32(datasync),
            Self::Lock(lock) => to
                .u32(lock.fid)
                .u8(lock.kind)
                .u32(lock.flags)
                .u64(lock.start)
                .u64(lock.length)
                .u32(lock.proc_id)
                .text(lock.client_id),
            Self::Statfs { fid } | Self::Clunk { fid } => to.u32(fid),
        };
        to.finish(data_bytes)
    }

    /// Reads a message of `size_bytes` in all, of which `bytes` are the first: all of them, or those before
    /// a write's data.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(bytes: &'a [u8], size_bytes: usize) -> Result<(u16, Self), Malformed> {
        let (kind, tag, mut from) = Reader::message(bytes, size_bytes)?;
        let request = Self::body(kind, &mut from)?;
        match request {
            Self::Write { count, .. } => {
                let data = usize::try_from(count).map_err(|_| Malformed::Length)?;
                if WRITE_HEADER_BYTES.checked_add(data) != Some(size_bytes) {
                    return Err(Malformed::Length);
                }
            }
            _ => from.end()?,
        }
        Ok((tag, request))
    }

    fn body(kind: u8, from: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match kind {
            VERSION => Self::Version { msize: from.u32()?, version: from.text()? },
            ATTACH => Self::Attach {
                fid: from.u32()?,
                afid: from.u32()?,
                uname: from.text()?,
                aname: from.text()?,
                n_uname: from.u32()?,
            },
            WALK => {
                let (fid, new_fid) = (from.u32()?, from.u32()?);
                let name = match from.u16()? {
                    0 => None,
                    1 => Some(from.text()?),
                    names => return Err(Malformed::Names(names)),
                };
                Self::Walk { fid, new_fid, name }
            }
            LOPEN => Self::Lopen { fid: from.u32()?, flags: from.u32()? },
            LCREATE => Self::Lcreate {
                fid: from.u32()?,
                name: from.text()?,
                flags: from.u32()?,
                mode: from.u32()?,
                gid: from.u32()?,
            },
            GETATTR => Self::Getattr { fid: from.u32()?, mask: from.u64()? },
            READ => Self::Read { fid: from.u32()?, offset: from.u64()?, count: from.u32()? },
            WRITE => Self::Write { fid: from.u32()?, offset: from.u64()?, count: from.u32()? },
            FSYNC => Self::Fsync { fid: from.u32()?, datasync: from.u32()? },
            LOCK => Self::Lock(LockRequest {
                fid: from.u32()?,
                kind: from.u8()?,
                flags: from.u32()?,
                start: from.u64()?,
                length: from.u64()?,
                proc_id: from.u32()?,
                client_id: from.text()?,
            }),
            STATFS => Self::Statfs { fid: from.u32()? },
            CLUNK => Self::Clunk { fid: from.u32()? },
            other => return Err(Malformed::Type(other)),
        })
    }
}

/// The name of a request's type, as the protocol writes it without its T; for traces and fault rules.
#[must_use]
pub const fn name_of(kind: u8) -> Option<&'static str> {
    Some(match kind {
        VERSION => "version",
        ATTACH => "attach",
        WALK => "walk",
        LOPEN => "lopen",
        LCREATE => "lcreate",
        GETATTR => "getattr",
        READ => "read",
        WRITE => "write",
        FSYNC => "fsync",
        LOCK => "lock",
        STATFS => "statfs",
        CLUNK => "clunk",
        _ => return None,
    })
}

/// Every type that has a name, in the protocol's order.
pub const KINDS: [u8; 12] =
    [STATFS, LOPEN, LCREATE, GETATTR, FSYNC, LOCK, VERSION, ATTACH, WALK, READ, WRITE, CLUNK];
