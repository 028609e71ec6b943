//! From a path to an inode.
//!
//! Paths start at the root directory, with or without a slash. `.` and `..` mean what they always do. A
//! walk is bounded: 40 symbolic links, as in Linux.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::Errno;

use super::directory;
use crate::dir::{self, NAME_BYTES_MAX, is_name};
use crate::filesystem::{FileSystem, Ino};
use crate::format::Structure;
use crate::format::inode::{FileKind, target};
use crate::inode::{fields, fields_of};
use crate::meta::{Fault, MetaRead};
use crate::state::Core;

/// Linux `MAXSYMLINKS`.
const LINKS_MAX: u32 = 40;

impl<D: BlockDevice> FileSystem<D> {
    /// Finds a file; symbolic links are followed.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ELOOP`, `EIO` after a shutdown or for an unreadable inode, `EUCLEAN` and a
    /// shutdown for a corrupt one.
    pub fn open(&self, path: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.find(path.as_ref(), true)
    }

    /// Finds what a path names itself: a symbolic link at its end is not followed.
    ///
    /// # Errors
    /// As [`FileSystem::open`].
    pub fn open_nofollow(&self, path: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.find(path.as_ref(), false)
    }

    /// Finds a name in a directory.
    ///
    /// # Errors
    /// As [`FileSystem::open`].
    pub fn lookup(&self, parent: Ino, name: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.core.known(parent)?;
        let found = self.core.lookup(parent.0, name.as_ref());
        found.map(|(ino, _)| Ino(ino)).map_err(|fault| self.core.errno(fault))
    }

    fn find(&self, path: &[u8], is_last_followed: bool) -> Result<Ino, Errno> {
        self.core.check_alive()?;
        let found = self.core.walk(path, is_last_followed);
        found.map(Ino).map_err(|fault| self.core.errno(fault))
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> Ino {
        Ino(self.core.layout.root)
    }
}

/// May a new file have this name?
///
/// # Errors
/// `ENAMETOOLONG`, `EINVAL`.
pub(super) fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.len() > NAME_BYTES_MAX {
        Err(Errno::ENAMETOOLONG)
    } else if is_name(name) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

impl<D: BlockDevice> Core<D> {
    /// What a name in a directory stands for; it is in memory afterwards.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, what reading gives.
    pub(super) fn lookup(&self, parent: u64, name: &[u8]) -> Result<(u64, FileKind), Fault> {
        let above = directory(self, parent)?;
        let ino = match name {
            b"." => parent,
            b".." => above.parent,
            _ => dir::find(self, parent, name)?.ok_or(Errno::ENOENT)?.ino,
        };
        let found = fields(self, ino)?;
        if found.nlink == 0 {
            return Err(self.inconsistent("a name stands for an inode without names").into());
        }
        self.state().inodes.entry(ino).or_default();
        Ok((ino, found.kind))
    }

    /// The inode that a path names.
    ///
    /// # Errors
    /// As [`Core::lookup`]; `ELOOP`.
    pub(super) fn walk(&self, path: &[u8], is_last_followed: bool) -> Result<u64, Fault> {
        if path.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        let mut left: VecDeque<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
        let mut at = self.layout.root;
        let mut links = 0_u32;
        while let Some(name) = left.pop_front() {
            let (ino, kind) = self.lookup(at, &name)?;
            if kind != FileKind::Symlink || (left.is_empty() && !is_last_followed) {
                at = ino;
                continue;
            }
            links = links.saturating_add(1);
            if links > LINKS_MAX {
                return Err(Errno::ELOOP.into());
            }
            let target = self.symlink_target(ino)?;
            if target.first() == Some(&b'/') {
                at = self.layout.root;
            }
            for part in components(&target).rev() {
                left.push_front(part.to_vec());
            }
        }
        Ok(at)
    }

    /// The directory that a path's last name is in, and that name.
    ///
    /// # Errors
    /// As [`Core::walk`].
    pub(super) fn walk_parent<'p>(&self, path: &'p [u8]) -> Result<(u64, &'p [u8]), Fault> {
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
        let path = path.get(..end).unwrap_or(path);
        let name_at =
            path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at.saturating_add(1));
        let (above, name) = path.split_at_checked(name_at).unwrap_or((b"", path));
        let parent = if above.is_empty() { self.layout.root } else { self.walk(above, true)? };
        Ok((parent, name))
    }

    /// Where a symbolic link points to.
    ///
    /// # Errors
    /// `EINVAL` for anything else.
    pub(super) fn symlink_target(&self, ino: u64) -> Result<Vec<u8>, Fault> {
        let image = self.read(Structure::Inode, ino, ino)?;
        let fields = fields_of(self, ino, &image)?;
        if fields.kind != FileKind::Symlink {
            return Err(Errno::EINVAL.into());
        }
        Ok(target(&image, fields.size).to_vec())
    }
}
