//! New names for new inodes: files, directories, symbolic links.

use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{Context, Errno};

use super::directory;
use super::path::check_name;
use crate::btree::Tree;
use crate::dir;
use crate::events::Event;
use crate::filesystem::{FileSystem, Ino};
use crate::format::inode::{self, Fields, FileKind, SYMLINK_BYTES_MAX, Times};
use crate::inode::{Incore, update};
use crate::meta::Fault;
use crate::state::Core;
use crate::txn::{Transaction, cost};

/// Names are made for users only.
const USER: Context = Context::User;

/// What a new inode is to be.
#[derive(Clone, Copy)]
struct New<'a> {
    kind: FileKind,
    /// Of a symbolic link.
    target: &'a [u8],
}

impl<D: BlockDevice> FileSystem<D> {
    /// Creates an empty file.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT` or `ENOTDIR` for the way there, `EINVAL` for a name that is none,
    /// `ENAMETOOLONG`, `ENOSPC`, `EIO` after a shutdown.
    pub fn create(&self, path: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.make(path.as_ref(), New { kind: FileKind::File, target: b"" })
    }

    /// Creates an empty file in a directory.
    ///
    /// # Errors
    /// As [`FileSystem::create`].
    pub fn create_at(&self, parent: Ino, name: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.core.known(parent)?;
        self.make_in(parent.0, name.as_ref(), New { kind: FileKind::File, target: b"" })
    }

    /// Creates an empty directory.
    ///
    /// # Errors
    /// As [`FileSystem::create`]; `EMLINK` for too many directories in one.
    pub fn mkdir(&self, path: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.make(path.as_ref(), New { kind: FileKind::Directory, target: b"" })
    }

    /// Creates a symbolic link at `path`.
    ///
    /// # Errors
    /// As [`FileSystem::create`]; `ENOENT` for an empty target, `ENAMETOOLONG` for one of more than
    /// 3904 bytes.
    pub fn symlink(&self, target: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        let target = target.as_ref();
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() > SYMLINK_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.make(path.as_ref(), New { kind: FileKind::Symlink, target })
    }

    /// Where a symbolic link points to.
    ///
    /// # Errors
    /// `EINVAL` for anything else; as [`FileSystem::open`].
    pub fn readlink(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Errno> {
        let ino = self.open_nofollow(path)?;
        self.core.symlink_target(ino.0).map_err(|fault| self.core.errno(fault))
    }

    fn make(&self, path: &[u8], new: New<'_>) -> Result<Ino, Errno> {
        self.core.check_alive()?;
        let (parent, name) = self.core.walk_parent(path).map_err(|fault| self.core.errno(fault))?;
        self.make_in(parent, name, new)
    }

    fn make_in(&self, parent: u64, name: &[u8], new: New<'_>) -> Result<Ino, Errno> {
        check_name(name)?;
        let ino = self.core.with_space(USER, || try_make(&self.core, parent, name, new))?;
        self.core.emit(Event::Create { ino });
        Ok(Ino(ino))
    }
}

fn try_make<D: BlockDevice>(
    core: &Core<D>,
    parent: u64,
    name: &[u8],
    new: New<'_>,
) -> Result<u64, Fault> {
    directory(core, parent)?;
    let reserved = cost::name(core, parent)?.saturating_add(cost::INODE + cost::SPACE);
    let mut txn = Transaction::begin(core, reserved, USER)?;
    let _lock = core.lock_inode(parent, USER, false)?;
    if dir::find(&txn, parent, name)?.is_some() {
        return Err(Errno::EEXIST.into());
    }
    let now = core.now_ns();
    // The log's head has moved on since a block could last have been an inode, so this never repeats.
    let generation = core.state().log.head;
    let is_directory = new.kind == FileKind::Directory;
    let fields = Fields {
        kind: new.kind,
        nlink: if is_directory { 2 } else { 1 },
        flags: 0,
        size: new.target.len() as u64,
        blocks: 0,
        generation,
        parent: if is_directory { parent } else { 0 },
        times: Times { atime_ns: now, mtime_ns: now, ctime_ns: now, btime_ns: now },
    };
    let ino = txn.create_inode(parent, |layout, ino| {
        let mut image = inode::encode(layout, ino, &fields);
        match new.kind {
            FileKind::File => Tree::extents(ino).init(&mut image),
            FileKind::Directory => Tree::directory(ino).init(&mut image),
            FileKind::Symlink => inode::store_target(&mut image, new.target),
        }
        image
    })?;
    dir::add(&mut txn, parent, name, ino, new.kind)?;
    let mut is_full = false;
    update(&mut txn, parent, |above| {
        above.size = above.size.saturating_add(1);
        is_full = above.nlink == u32::MAX;
        above.nlink = above.nlink.saturating_add(u32::from(is_directory));
        (above.times.mtime_ns, above.times.ctime_ns) = (now, now);
    })?;
    if is_full && is_directory {
        return Err(Errno::EMLINK.into());
    }
    txn.commit()?;
    let state = &mut *core.state();
    let epoch = state.log.epoch;
    let incore = Incore { epoch, data_epoch: epoch, ..Incore::default() };
    state.inodes.insert(ino, incore);
    Ok(ino)
}
