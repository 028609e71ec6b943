//! Rename: atomic, across directories, replacing what was there.

use bitflags::bitflags;
use block::BlockDevice;
use iomap::{Context, Errno};

use super::directory;
use super::path::check_name;
use super::remove::{check_removable, drop_name};
use crate::dir::{self, Entry};
use crate::events::Event;
use crate::filesystem::FileSystem;
use crate::format::inode::FileKind;
use crate::inode::{fields, update};
use crate::meta::Fault;
use crate::planted::Planted;
use crate::state::Core;
use crate::txn::{Transaction, cost};

const USER: Context = Context::User;

/// The deepest directory that can be moved into another one.
const DEPTH_MAX: u32 = 1 << 16;

bitflags! {
    /// How to rename (Linux `renameat2`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RenameFlags: u8 {
        /// `EEXIST` if the new name is there.
        const NOREPLACE = 1 << 0;
    }
}

/// A name in a directory.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: u64,
    name: &'a [u8],
}

/// What is moved, and what it replaces.
struct Move {
    source: Entry,
    target: Option<Entry>,
}

impl<D: BlockDevice> FileSystem<D> {
    /// Gives a file or directory another name, in one step. A file that has the new name already goes;
    /// so does an empty directory, if a directory is moved there.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST` with [`RenameFlags::NOREPLACE`], `EISDIR`, `ENOTDIR`, `ENOTEMPTY`, `EINVAL` for a
    /// directory that would come to be below itself, `EPERM` for an active swap file, `ENOSPC`, `EIO`
    /// after a shutdown.
    pub fn rename(
        &self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        flags: RenameFlags,
    ) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        if core.plant.has(Planted::RenameInTwoSteps)
            && self.open_nofollow(to.as_ref()).is_err()
            && self.link(from.as_ref(), to.as_ref()).is_ok()
        {
            return core.log_force(USER).and_then(|()| self.unlink(from));
        }
        let place = |path| -> Result<Place<'_>, Errno> {
            let (parent, name) = core.walk_parent(path).map_err(|fault| core.errno(fault))?;
            check_name(name)?;
            Ok(Place { parent, name })
        };
        let (from, to) = (place(from.as_ref())?, place(to.as_ref())?);
        let (moved, orphan) = core.with_space(USER, || try_rename(core, from, to, flags))?;
        core.emit(Event::Rename { ino: moved });
        orphan.map_or(Ok(()), |ino| core.orphaned(ino))
    }
}

/// Gives the inode that moved, and the one that lost its last name.
fn try_rename<D: BlockDevice>(
    core: &Core<D>,
    from: Place<'_>,
    to: Place<'_>,
    flags: RenameFlags,
) -> Result<(u64, Option<u64>), Fault> {
    directory(core, from.parent)?;
    directory(core, to.parent)?;
    let moved = find(core, from, to)?;
    let ino = moved.source.ino;
    let names = cost::name(core, from.parent)?.saturating_add(cost::name(core, to.parent)?);
    let reserved = names.saturating_add(cost::orphan(core)?).saturating_add(2 * cost::INODE);
    let mut txn = Transaction::begin(core, reserved, USER)?;
    // Always the lower number first: two renames in opposite directions must not wait for each other.
    let (low, high) = (from.parent.min(to.parent), from.parent.max(to.parent));
    let _low = core.lock_inode(low, USER, false)?;
    let _high = if low == high { None } else { Some(core.lock_inode(high, USER, false)?) };
    if flags.contains(RenameFlags::NOREPLACE) && moved.target.is_some() {
        return Err(Errno::EEXIST.into());
    }
    if moved.target.is_some_and(|target| target.ino == ino) {
        // Two names of one file: nothing to do, says POSIX.
        return Ok((ino, None));
    }
    check_source(core, &txn, &moved, to)?;
    let is_directory = moved.source.kind == FileKind::Directory;
    let mut orphan = None;
    if let Some(target) = moved.target {
        check_target(core, &txn, &moved, target)?;
        dir::retarget(&mut txn, to.parent, to.name, target.cookie, ino, moved.source.kind)?;
        orphan = drop_name(core, &mut txn, target.ino)?.then_some(target.ino);
    } else {
        dir::add(&mut txn, to.parent, to.name, ino, moved.source.kind)?;
    }
    dir::remove(&mut txn, from.parent, moved.source.cookie)?;
    let now = core.now_ns();
    update(&mut txn, ino, |fields| {
        fields.times.ctime_ns = now;
        fields.parent = if is_directory { to.parent } else { 0 };
    })?;
    update(&mut txn, from.parent, |above| {
        above.size = above.size.saturating_sub(1);
        above.nlink = above.nlink.saturating_sub(u32::from(is_directory));
        (above.times.mtime_ns, above.times.ctime_ns) = (now, now);
    })?;
    let is_replaced = moved.target.is_some();
    update(&mut txn, to.parent, |above| {
        above.size = above.size.saturating_add(u64::from(!is_replaced));
        above.nlink = above.nlink.saturating_add(u32::from(is_directory && !is_replaced));
        (above.times.mtime_ns, above.times.ctime_ns) = (now, now);
    })?;
    txn.commit()?;
    Ok((ino, orphan))
}

/// Both entries, with their inodes in memory.
fn find<D: BlockDevice>(core: &Core<D>, from: Place<'_>, to: Place<'_>) -> Result<Move, Fault> {
    core.lookup(from.parent, from.name)?;
    let source = dir::find(core, from.parent, from.name)?.ok_or(Errno::ENOENT)?;
    let target = dir::find(core, to.parent, to.name)?;
    if target.is_some() {
        core.lookup(to.parent, to.name)?;
    }
    Ok(Move { source, target })
}

/// May the source come to be in that directory?
fn check_source<D: BlockDevice>(
    core: &Core<D>,
    txn: &Transaction<'_, D>,
    moved: &Move,
    to: Place<'_>,
) -> Result<(), Fault> {
    if core.with_inode(moved.source.ino, |incore| incore.is_swapfile)? {
        return Err(Errno::EPERM.into());
    }
    if moved.source.kind != FileKind::Directory {
        return Ok(());
    }
    // Up from the new place: whoever meets itself there would cut a loop off the tree.
    let mut above = to.parent;
    for _ in 0..DEPTH_MAX {
        if above == moved.source.ino {
            return Err(Errno::EINVAL.into());
        }
        if above == core.layout.root {
            return Ok(());
        }
        above = fields(txn, above)?.parent;
    }
    Err(core.inconsistent("a directory is below itself").into())
}

/// May the source replace that?
fn check_target<D: BlockDevice>(
    core: &Core<D>,
    txn: &Transaction<'_, D>,
    moved: &Move,
    target: Entry,
) -> Result<(), Fault> {
    let is_directory = moved.source.kind == FileKind::Directory;
    check_removable(core, txn, target.ino, is_directory)
}
