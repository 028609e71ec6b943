//! Another name for a file.

use block::BlockDevice;
use iomap::{Context, Errno};

use super::directory;
use super::path::check_name;
use crate::dir;
use crate::filesystem::FileSystem;
use crate::format::inode::FileKind;
use crate::inode::{fields, update};
use crate::meta::Fault;
use crate::planted::Planted;
use crate::state::Core;
use crate::txn::{Transaction, cost};

const USER: Context = Context::User;

impl<D: BlockDevice> FileSystem<D> {
    /// Gives the file at `existing` the additional name `path`. Allowed for an active swap file, as in
    /// Linux.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `EPERM` for a directory, `EMLINK`, `ENOSPC`, `EIO` after a shutdown.
    pub fn link(&self, existing: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Result<(), Errno> {
        let ino = self.open_nofollow(existing)?;
        let (parent, name) =
            self.core.walk_parent(path.as_ref()).map_err(|fault| self.core.errno(fault))?;
        check_name(name)?;
        self.core.with_space(USER, || try_link(&self.core, ino.0, parent, name))
    }
}

fn try_link<D: BlockDevice>(
    core: &Core<D>,
    ino: u64,
    parent: u64,
    name: &[u8],
) -> Result<(), Fault> {
    directory(core, parent)?;
    let reserved = cost::name(core, parent)?.saturating_add(cost::INODE);
    let mut txn = Transaction::begin(core, reserved, USER)?;
    let _lock = core.lock_inode(parent, USER, false)?;
    let below = fields(&txn, ino)?;
    match below.kind {
        FileKind::Directory => return Err(Errno::EPERM.into()),
        _ if below.nlink == 0 => return Err(Errno::ENOENT.into()),
        _ if below.nlink == u32::MAX => return Err(Errno::EMLINK.into()),
        _ => {}
    }
    let _below = core.lock_inode(ino, USER, false)?;
    if dir::find(&txn, parent, name)?.is_some() {
        return Err(Errno::EEXIST.into());
    }
    dir::add(&mut txn, parent, name, ino, below.kind)?;
    let now = core.now_ns();
    let count = u32::from(!core.plant.has(Planted::LinkNotCounted));
    update(&mut txn, ino, |fields| {
        fields.nlink = fields.nlink.saturating_add(count);
        fields.times.ctime_ns = now;
    })?;
    update(&mut txn, parent, |above| {
        above.size = above.size.saturating_add(1);
        (above.times.mtime_ns, above.times.ctime_ns) = (now, now);
    })?;
    txn.commit()?;
    Ok(())
}
