//! A listening socket of this user's alone, that is gone when its owner is.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::VmmError;

/// A socket in the filesystem, removed when dropped.
#[derive(Debug)]
pub(crate) struct OwnSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket: what is removed at the end is this one and no other.
    identity: (u64, u64),
}

impl OwnSocket {
    /// Listens at `path`, for the same user only. `what` is said there, for messages.
    ///
    /// # Errors
    /// There is something at `path` already, other than a socket of this user's that nobody listens at, or the
    /// socket cannot be made.
    pub(crate) fn bind(what: &'static str, path: &Path) -> Result<Self, VmmError> {
        Self::bind_at(path).map_err(|source| {
            let path = path.display().to_string();
            VmmError::Socket { what, path, source }
        })
    }

    fn bind_at(path: &Path) -> io::Result<Self> {
        clear_abandoned(path)?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let about = fs::symlink_metadata(path)?;
        Ok(Self { listener, path: path.to_owned(), identity: (about.dev(), about.ino()) })
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        let about = fs::symlink_metadata(&self.path);
        if about.is_ok_and(|about| (about.dev(), about.ino()) == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::error!("{}: cannot be removed: {error}", self.path.display());
        }
    }
}

/// Removes a socket that a process of the same user left when it was killed. Anything else that is
/// there stays there, and binding fails.
fn clear_abandoned(path: &Path) -> io::Result<()> {
    let Ok(about) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let is_own = about.uid() == rustix::process::getuid().as_raw();
    let refused =
        UnixStream::connect(path).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused);
    if about.file_type().is_socket() && is_own && refused {
        return fs::remove_file(path);
    }
    Ok(())
}
