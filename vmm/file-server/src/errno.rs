//! The errors that a server answers, with Linux's numbers.

/// An error number.
pub type Errno = u32;

/// No such file.
pub const ENOENT: Errno = 2;
/// I/O error; also everything on a filesystem that is down.
pub const EIO: Errno = 5;
/// No such fid, or it is not open.
pub const EBADF: Errno = 9;
/// The file exists.
pub const EEXIST: Errno = 17;
/// Not a directory.
pub const ENOTDIR: Errno = 20;
/// Is a directory.
pub const EISDIR: Errno = 21;
/// Invalid argument.
pub const EINVAL: Errno = 22;
/// Too many files or fids.
pub const ENFILE: Errno = 23;
/// No space left.
pub const ENOSPC: Errno = 28;
/// Read-only filesystem.
pub const EROFS: Errno = 30;
/// Not a message, or out of order.
pub const EPROTO: Errno = 71;
/// Longer than the session allows.
pub const EMSGSIZE: Errno = 90;
/// Remote I/O error.
pub const EREMOTEIO: Errno = 121;

/// Those that a fault rule can ask for, by name.
pub const NAMED: [(&str, Errno); 5] = [
    ("EIO", EIO),
    ("ENOSPC", ENOSPC),
    ("EROFS", EROFS),
    ("ENOENT", ENOENT),
    ("EREMOTEIO", EREMOTEIO),
];
