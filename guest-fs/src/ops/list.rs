//! Looking: directories, files, the filesystem.

use alloc::vec::Vec;

use block::BlockDevice;
use iomap::Errno;

use super::directory;
use crate::btree::Tree;
use crate::dir;
use crate::extent::Extent;
use crate::filesystem::{FileExtent, FileSystem, Ino, Stat, StatFs};
use crate::format::BLOCK_BYTES;
use crate::format::inode::FileKind;
use crate::space::RESERVED_BLOCKS;
use iomap::MapKind;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name.
    pub name: Vec<u8>,
    /// What it stands for. Valid for other calls after a `lookup`.
    pub ino: Ino,
    /// What that is.
    pub kind: FileKind,
    /// Where to go on after this entry: stays right whatever happens to other names.
    pub cookie: u64,
}

impl<D: BlockDevice> FileSystem<D> {
    /// The next entries of a directory, at most `count`, from `cookie` on (0 at first). `.` and `..` are
    /// not among them.
    ///
    /// # Errors
    /// `ENOTDIR`, `EIO` after a shutdown.
    pub fn read_dir(
        &self,
        ino: Ino,
        cookie: u64,
        count: usize,
    ) -> Result<Vec<DirectoryEntry>, Errno> {
        self.core.known(ino)?;
        let mut entries = Vec::new();
        let read = || {
            directory(&self.core, ino.0)?;
            Tree::directory(ino.0).scan(&*self.core, cookie, |key, value| {
                if entries.len() >= count {
                    return Ok(false);
                }
                if let Some((entry, name)) = dir::decode(key, value) {
                    entries.push(DirectoryEntry {
                        name: name.to_vec(),
                        ino: Ino(entry.ino),
                        kind: entry.kind,
                        cookie: key.saturating_add(1),
                    });
                }
                Ok(true)
            })
        };
        let mut read = read;
        read().map_err(|fault| self.core.errno(fault))?;
        Ok(entries)
    }

    /// The names in the root directory, in the order of the disk.
    ///
    /// # Errors
    /// `EIO` after a shutdown.
    pub fn names(&self) -> Result<Vec<Vec<u8>>, Errno> {
        let entries = self.read_dir(self.root(), 0, usize::MAX)?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` for a file that was not opened.
    pub fn stat(&self, ino: Ino) -> Result<Stat, Errno> {
        let fields = self.core.known(ino)?;
        let state = self.core.state();
        let incore = state.inodes.get(&ino.0).ok_or(Errno::ENOENT)?;
        Ok(Stat {
            ino,
            kind: fields.kind,
            size_bytes: fields.size,
            blocks: fields.blocks.saturating_add(incore.reserved.blocks()),
            nlink: fields.nlink,
            generation: fields.generation,
            times: fields.times,
            is_swapfile: incore.is_swapfile,
            is_dirty: state.is_dirty(incore),
        })
    }

    /// What is known of the filesystem.
    ///
    /// # Errors
    /// `EIO` after a shutdown.
    pub fn statfs(&self) -> Result<StatFs, Errno> {
        let root = self.core.known(self.root())?;
        let state = self.core.state();
        Ok(StatFs {
            block_bytes: BLOCK_BYTES,
            blocks: self.core.layout.blocks,
            blocks_free: state
                .groups
                .free()
                .saturating_sub(RESERVED_BLOCKS.saturating_add(state.promised)),
            files: root.size,
        })
    }

    /// The file's map as FIEMAP reports it: all extents in file order, holes left out.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` for a file that was not opened.
    pub fn map(&self, ino: Ino) -> Result<Vec<FileExtent>, Errno> {
        self.core.known_file(ino)?;
        let mut extents = Vec::new();
        let tree = Tree::extents(ino.0);
        let scanned = tree.scan(&*self.core, 0, |key, value| {
            let extent = Extent::from_record(key, value);
            extents.push(FileExtent {
                pos: extent.file_block.saturating_mul(BLOCK_BYTES),
                length: extent.blocks.saturating_mul(BLOCK_BYTES),
                kind: if extent.is_unwritten { MapKind::Unwritten } else { MapKind::Mapped },
                block: extent.block,
            });
            Ok(true)
        });
        scanned.map_err(|fault| self.core.errno(fault))?;
        Ok(extents)
    }
}
