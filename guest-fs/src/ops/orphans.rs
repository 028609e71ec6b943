//! What a crash may leave half done: inodes without names, truncations, copies on write.
//!
//! Such an inode stands in the tree of orphans from the transaction that began the work to the one
//! that ends it. A mount finishes what it finds there.

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::btree::Tree;
use crate::events::Event;
use crate::filesystem::Ino;
use crate::format::Structure;
use crate::format::inode::{FILE_BLOCKS_MAX, FILE_BYTES_MAX, FileKind};
use crate::inode::{Incore, fields};
use crate::meta::Fault;
use crate::mount::MountError;
use crate::planted::Planted;
use crate::refcount;
use crate::state::Core;
use crate::txn::{Transaction, cost};

impl<D: BlockDevice> Core<D> {
    /// An inode lost its last name. It goes now, unless somebody holds it.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what a log force gives.
    pub(super) fn orphaned(&self, ino: u64) -> Result<(), Errno> {
        self.emit(Event::OrphanAdd { ino });
        let is_held = self.with_inode(ino, |incore| {
            incore.is_orphan = true;
            incore.holds > 0
        })?;
        if is_held { Ok(()) } else { self.finish_orphan(ino) }
    }

    /// Frees an inode that has no name and no holder.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what a log force gives. The next mount goes on then.
    pub(super) fn finish_orphan(&self, ino: u64) -> Result<(), Errno> {
        let context = Context::User;
        let kind = fields(self, ino).map_err(|fault| self.errno(fault))?.kind;
        if kind == FileKind::File {
            self.wait_dio(Ino(ino))?;
            self.hold_back_pages(ino, 0)?;
            self.drop_pages(ino, &(0..FILE_BYTES_MAX));
            self.pages.remove_file(Ino(ino));
            self.let_pages_go(ino);
            self.unmap(ino, 0, FILE_BLOCKS_MAX, context)?;
        }
        self.with_space(context, || self.free_inode(ino, kind, context))?;
        self.emit(Event::OrphanDone { ino });
        Ok(())
    }

    fn free_inode(&self, ino: u64, kind: FileKind, context: Context) -> Result<(), Fault> {
        if kind == FileKind::Directory && Tree::directory(ino).height(self)? > 0 {
            return Err(self.inconsistent("a directory that goes is not empty").into());
        }
        let reserved = cost::orphan(self)?.saturating_add(cost::INODE + cost::SPACE);
        let mut txn = Transaction::begin(self, reserved, context)?.with_reserve();
        Tree::orphans(&self.layout).remove(&mut txn, ino)?;
        txn.destroy_inode(ino)?;
        txn.commit()?;
        self.state().inodes.remove(&ino);
        Ok(())
    }

    /// Takes an inode whose work is done off the list.
    ///
    /// # Errors
    /// What the tree gives.
    pub(super) fn forget_orphan(&self, ino: u64, context: Context) -> Result<(), Errno> {
        self.with_space(context, || {
            let mut txn = Transaction::begin(self, cost::orphan(self)?, context)?.with_reserve();
            Tree::orphans(&self.layout).remove(&mut txn, ino)?;
            txn.commit()?;
            Ok(())
        })?;
        self.emit(Event::OrphanDone { ino });
        Ok(())
    }

    /// Finishes what a crash left. Cut off by another crash, the next mount goes on.
    ///
    /// # Errors
    /// [`MountError`] for trees that make no sense, and if the device fails.
    pub(crate) fn finish_crashed(&self) -> Result<(), MountError> {
        if self.plant.has(Planted::OrphansForgotten) {
            return Ok(());
        }
        while let Some(run) = refcount::first_staged(self)? {
            self.free_staged(0, run, Context::User)?;
        }
        let mut from = 0;
        while let Some(record) = Tree::orphans(&self.layout).ceiling(self, from)? {
            let ino = record.key;
            from = ino.saturating_add(1);
            self.finish_crashed_inode(ino)?;
        }
        Ok(())
    }

    fn finish_crashed_inode(&self, ino: u64) -> Result<(), Fault> {
        let fields = fields(self, ino)?;
        let identity = self.layout.identity(Structure::Inode, ino, ino);
        self.state().inodes.insert(ino, Incore::default());
        let result = if fields.nlink == 0 {
            self.finish_orphan(ino)
        } else if fields.kind == FileKind::File {
            self.finish_truncate(ino, fields.size, Context::User)
        } else {
            return Err(identity.field("an orphan that is a file or has no name").into());
        };
        // The reason of a shutdown says more than an errno.
        match self.state().shutdown {
            Some(crate::ShutdownReason::Corrupt(corruption)) => Err(corruption.into()),
            _ => Ok(result?),
        }
    }
}

#[cfg(test)]
impl<D: BlockDevice> Core<D> {
    /// How many inodes wait to be finished.
    pub(crate) fn orphans(&self) -> usize {
        let mut count = 0;
        let visit = |_, _: &[u8]| {
            count += 1;
            Ok(true)
        };
        Tree::orphans(&self.layout).scan(self, 0, visit).unwrap();
        count
    }
}
