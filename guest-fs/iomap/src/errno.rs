//! The errors of the filesystem and swap interfaces, by the names their users know.

use core::fmt;

use block::BlockError;

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// An error number with Linux's value and name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Errno { $($(#[$doc])* $name = $number,)* }

        impl Errno {
            /// Every error number of this crate.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Linux's name, such as `EIO`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

#[rustfmt::skip]
errnos! {
    /// Operation not permitted.
    EPERM = 1,
    /// No such file or directory.
    ENOENT = 2,
    /// I/O error; also every operation on a shut-down filesystem.
    EIO = 5,
    /// No such device or address: nothing to be found from here on.
    ENXIO = 6,
    /// Try again: the operation would block (NOWAIT).
    EAGAIN = 11,
    /// Out of memory.
    ENOMEM = 12,
    /// Bad address: a mapping in memory has nothing behind it there.
    EFAULT = 14,
    /// Device or resource busy.
    EBUSY = 16,
    /// File exists.
    EEXIST = 17,
    /// Another filesystem.
    EXDEV = 18,
    /// No such device: it is gone.
    ENODEV = 19,
    /// Not a directory.
    ENOTDIR = 20,
    /// Is a directory.
    EISDIR = 21,
    /// Invalid argument.
    EINVAL = 22,
    /// Text file busy: the file is an active swap file.
    ETXTBSY = 26,
    /// File too large.
    EFBIG = 27,
    /// No space left on device.
    ENOSPC = 28,
    /// Read-only file system.
    EROFS = 30,
    /// Too many links.
    EMLINK = 31,
    /// Resource deadlock avoided: a lock that can never come free.
    EDEADLK = 35,
    /// File name too long.
    ENAMETOOLONG = 36,
    /// Directory not empty.
    ENOTEMPTY = 39,
    /// Too many symbolic links.
    ELOOP = 40,
    /// No data available: the media could not be read or written.
    ENODATA = 61,
    /// Operation not supported.
    EOPNOTSUPP = 95,
    /// Connection timed out: the device did not answer in time.
    ETIMEDOUT = 110,
    /// Structure needs cleaning: corruption was found.
    EUCLEAN = 117,
    /// Remote I/O error: the device cannot serve the range now.
    EREMOTEIO = 121,
}

impl Errno {
    /// Linux's number (positive).
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The error with this number, if this crate knows it.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|e| e.number() == number)
    }
}

/// As Linux `blk_status_to_errno` translates.
impl From<BlockError> for Errno {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::Medium(_) => Self::ENODATA,
            BlockError::Io(_) => Self::EIO,
            BlockError::NotSupported(_) => Self::EOPNOTSUPP,
            BlockError::Target(_) => Self::EREMOTEIO,
            BlockError::Timeout => Self::ETIMEDOUT,
            BlockError::Gone => Self::ENODEV,
            BlockError::Invalid => Self::EINVAL,
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_finds_its_name_again() {
        for errno in Errno::ALL {
            assert_eq!(Errno::from_number(errno.number()), Some(*errno));
        }
    }
}
