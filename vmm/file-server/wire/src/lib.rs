//! 9P2000.L as far as a swap file needs it, and the registers of the virtio device that carries it: the
//! bytes in which the guest's client (`guest-fs/remote`) and the server (`vmm/file-server`) meet.
//!
//! What this crate does not do: no fid tables, no sessions, no memory of its own, and of the protocol's
//! messages only those that [`Request`] lists. A walk has one name at most.
//!
//! Invariant: decoding looks at every length before it believes it, and never panics.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod code;
mod reply;
mod request;
#[cfg(test)]
mod tests;
pub mod virtio;

pub use code::Malformed;
pub use reply::{Attributes, Reply, StatFs};
pub use request::{KINDS, LockRequest, Request, name_of};

/// The protocol's name in [`Request::Version`].
pub const VERSION: &str = "9P2000.L";

/// What a server answers that does not know the version.
pub const VERSION_UNKNOWN: &str = "unknown";

/// The tag of [`Request::Version`].
pub const NO_TAG: u16 = 0xffff;

/// No fid: the user is not authenticated.
pub const NO_FID: u32 = 0xffff_ffff;

/// Bytes of every message's header: size, type, tag.
pub const HEADER_BYTES: usize = 7;

/// Bytes of a write request before its data; Linux leaves room for 24 (`P9_IOHDRSZ`).
pub const WRITE_HEADER_BYTES: usize = HEADER_BYTES + 16;

/// Bytes of a read reply before its data; also those of an error, which can take its place.
pub const READ_HEADER_BYTES: usize = HEADER_BYTES + 4;

/// Bytes of a message besides the data of a read or write (Linux `P9_IOHDRSZ`).
pub const IO_HEADER_BYTES: u32 = 24;

/// The longest request or reply without data: what is longer is malformed.
pub const MESSAGE_BYTES_MAX: usize = 512;

/// How a server names a file for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Qid {
    /// What it is: [`Qid::DIRECTORY`], or 0 for a file.
    pub kind: u8,
    /// Changes with the file's content.
    pub version: u32,
    /// Differs for each file of a server.
    pub path: u64,
}

impl Qid {
    /// [`Qid::kind`] of a directory.
    pub const DIRECTORY: u8 = 0x80;
}

/// How [`Request::Lock`] ended.
pub mod lock_status {
    /// The lock is the client's.
    pub const SUCCESS: u8 = 0;
    /// Somebody else has it.
    pub const BLOCKED: u8 = 1;
}

/// Kinds of lock in [`Request::Lock`].
pub mod lock_kind {
    /// Nobody else may have any.
    pub const WRITE: u8 = 1;
    /// Give it back.
    pub const UNLOCK: u8 = 2;
}
