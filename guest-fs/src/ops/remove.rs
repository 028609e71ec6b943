//! Names that go: unlink and rmdir. An inode without names goes when nobody holds it any more.

use block::BlockDevice;
use iomap::{Context, Errno};

use super::directory;
use super::path::check_name;
use crate::btree::Tree;
use crate::dir;
use crate::events::Event;
use crate::filesystem::{FileSystem, Ino};
use crate::format::inode::FileKind;
use crate::inode::{fields, update};
use crate::meta::Fault;
use crate::state::Core;
use crate::txn::{Transaction, cost};

const USER: Context = Context::User;

impl<D: BlockDevice> FileSystem<D> {
    /// Removes a name. With the last one the file goes, or when the last holder gives it up.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR`, `EPERM` for an active swap file, `EIO` after a shutdown.
    pub fn unlink(&self, path: impl AsRef<[u8]>) -> Result<(), Errno> {
        self.remove(path.as_ref(), false)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENOTEMPTY`, `EBUSY` for the root, `EINVAL` for `.`, `EIO` after a shutdown.
    pub fn rmdir(&self, path: impl AsRef<[u8]>) -> Result<(), Errno> {
        self.remove(path.as_ref(), true)
    }

    /// Keeps an inode although its last name may go (Linux: an open file).
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` for an inode that nobody looked up.
    pub fn hold(&self, ino: Ino) -> Result<(), Errno> {
        self.core.known(ino)?;
        self.core.with_inode(ino.0, |incore| incore.holds = incore.holds.saturating_add(1))
    }

    /// Gives up an inode that was held. If it has no name any more, it goes.
    ///
    /// # Errors
    /// `EIO` after a shutdown: the next mount finishes it. `EINVAL` if nobody holds it.
    pub fn release(&self, ino: Ino) -> Result<(), Errno> {
        let is_gone = self.core.with_inode(ino.0, |incore| {
            let left = incore.holds.checked_sub(1)?;
            incore.holds = left;
            Some(left == 0 && incore.is_orphan)
        })?;
        if is_gone.ok_or(Errno::EINVAL)? {
            self.core.check_alive()?;
            self.core.finish_orphan(ino.0)?;
        }
        Ok(())
    }

    fn remove(&self, path: &[u8], is_rmdir: bool) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        let (parent, name) = core.walk_parent(path).map_err(|fault| core.errno(fault))?;
        if name.is_empty() && is_rmdir {
            return Err(Errno::EBUSY);
        }
        check_name(name)?;
        let remove = || try_remove(core, parent, name, is_rmdir);
        let (ino, is_orphan) = core.with_space(USER, remove)?;
        core.emit(Event::Unlink { ino });
        if is_orphan {
            core.orphaned(ino)?;
        }
        Ok(())
    }
}

/// Takes a name away. Gives its inode, and whether that has no name any more.
fn try_remove<D: BlockDevice>(
    core: &Core<D>,
    parent: u64,
    name: &[u8],
    is_rmdir: bool,
) -> Result<(u64, bool), Fault> {
    directory(core, parent)?;
    let (ino, _) = core.lookup(parent, name)?;
    let reserved = cost::name(core, parent)?.saturating_add(cost::orphan(core)?);
    let mut txn = Transaction::begin(core, reserved.saturating_add(cost::INODE), USER)?;
    txn = txn.with_reserve();
    let _lock = core.lock_inode(parent, USER, false)?;
    let _below = core.lock_inode(ino, USER, false)?;
    let entry = dir::find(&txn, parent, name)?.filter(|entry| entry.ino == ino);
    let entry = entry.ok_or(Errno::ENOENT)?;
    check_removable(core, &txn, ino, is_rmdir)?;
    dir::remove(&mut txn, parent, entry.cookie)?;
    let is_orphan = drop_name(core, &mut txn, ino)?;
    let now = core.now_ns();
    update(&mut txn, parent, |above| {
        above.size = above.size.saturating_sub(1);
        above.nlink = above.nlink.saturating_sub(u32::from(is_rmdir));
        (above.times.mtime_ns, above.times.ctime_ns) = (now, now);
    })?;
    txn.commit()?;
    Ok((ino, is_orphan))
}

/// May a name of this inode go?
pub(super) fn check_removable<D: BlockDevice>(
    core: &Core<D>,
    txn: &Transaction<'_, D>,
    ino: u64,
    is_rmdir: bool,
) -> Result<(), Fault> {
    if core.with_inode(ino, |incore| incore.is_swapfile)? {
        return Err(Errno::EPERM.into());
    }
    let fields = fields(txn, ino)?;
    match (fields.kind, is_rmdir) {
        (FileKind::Directory, false) => Err(Errno::EISDIR.into()),
        (FileKind::Directory, true) if fields.size > 0 => Err(Errno::ENOTEMPTY.into()),
        (FileKind::Directory, true) | (_, false) => Ok(()),
        (_, true) => Err(Errno::ENOTDIR.into()),
    }
}

/// An inode has one name less. True if that was the last: it is an orphan then.
pub(super) fn drop_name<D: BlockDevice>(
    core: &Core<D>,
    txn: &mut Transaction<'_, D>,
    ino: u64,
) -> Result<bool, Fault> {
    let now = core.now_ns();
    let mut is_orphan = false;
    update(txn, ino, |fields| {
        let names = if fields.kind == FileKind::Directory { 2 } else { 1 };
        fields.nlink = fields.nlink.saturating_sub(names);
        fields.times.ctime_ns = now;
        is_orphan = fields.nlink == 0;
    })?;
    if is_orphan {
        Tree::orphans(&core.layout).insert(txn, ino, &[])?;
    }
    Ok(is_orphan)
}
