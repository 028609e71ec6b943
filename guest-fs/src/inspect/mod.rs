//! Looking into an unmounted filesystem without changing anything: for people, and for tools.
//!
//! Metadata are shown as they will be after the journal's replay. What it does not do: it does not compare
//! structures with each other; that is the check's work.

mod journal;

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{Errno, MapKind};

pub use journal::{Batch, Journal};

use crate::btree::Tree;
use crate::dir;
use crate::extent::Extent;
use crate::filesystem::{FileExtent, Ino};
use crate::format::inode::{FileKind, Times, target};
use crate::format::superblock::Layout;
use crate::format::{BLOCK_BYTES, Image, Structure, group, verify};
use crate::fsck::FsckError;
use crate::inode::fields;
use crate::meta::{Fault, MetaRead, read_verified};
use crate::mount::{MountError, check_superblock, find_superblock};
use crate::ops::DirectoryEntry;
use crate::refcount;
use crate::store::Reserve;

/// What the superblock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Version of the format.
    pub version: u32,
    /// Tells this filesystem from others.
    pub uuid: [u8; 16],
    /// A name for people, zero-padded.
    pub label: [u8; 32],
    /// Feature bits: compatible, read-only-compatible, incompatible.
    pub features: [u64; 3],
    /// Blocks of the filesystem.
    pub blocks: u64,
    /// Blocks of the journal's ring.
    pub journal_blocks: u64,
    /// Groups.
    pub groups: u64,
    /// The first block of the group table, and how many there are.
    pub table: (u64, u64),
    /// The root of the tree of shared blocks.
    pub refcounts: u64,
    /// The root of the tree of orphans.
    pub orphans: u64,
    /// The inode of the root directory.
    pub root: u64,
}

/// What the group table says of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub number: u64,
    /// Its first block.
    pub start: u64,
    /// Its blocks.
    pub blocks: u64,
    /// Free blocks.
    pub free: u32,
    /// Blocks of the longest free run.
    pub longest: u32,
    /// Its bitmap is on the device; otherwise nothing was ever allocated in it.
    pub has_bitmap: bool,
}

/// An inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Its number: its block.
    pub ino: Ino,
    /// What it is.
    pub kind: FileKind,
    /// Names.
    pub nlink: u32,
    /// Flag bits: bit 0 may have shared blocks.
    pub flags: u64,
    /// Bytes; of a directory its entries.
    pub size: u64,
    /// Blocks of its extents and tree nodes.
    pub blocks: u64,
    /// Tells the inodes apart that had this number.
    pub generation: u64,
    /// The directory that a directory is in.
    pub parent: Ino,
    /// When what was changed.
    pub times: Times,
    /// Where a symbolic link points to.
    pub target: Vec<u8>,
}

/// Blocks that are all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedRun {
    /// The first.
    pub block: u64,
    /// How many.
    pub blocks: u64,
    /// How many files they belong to; 1: allocated for a copy on write that is not finished.
    pub owners: u32,
}

/// An unmounted filesystem that is only looked at.
pub struct Inspector<'a, D: BlockDevice> {
    device: &'a D,
    reserve: Reserve<D::Page>,
    layout: Layout,
    overlay: BTreeMap<u64, Image>,
    journal: Journal,
}

impl<'a, D: BlockDevice> Inspector<'a, D> {
    /// Reads superblock and journal.
    ///
    /// # Errors
    /// [`FsckError`] if there is no filesystem, or its journal cannot be read.
    pub fn new(device: &'a D) -> Result<Self, FsckError> {
        let reserve = Reserve::new(device).map_err(|_| FsckError(MountError::OutOfMemory))?;
        let layout = find_superblock(device, &reserve).map_err(FsckError)?;
        check_superblock(&layout, device.geometry().size_blocks).map_err(FsckError)?;
        let read = journal::read(&layout, |block| reserve.read(device, block));
        let (journal, overlay) = read.map_err(|error| FsckError(error.into()))?;
        Ok(Self { device, reserve, layout, overlay, journal })
    }

    /// The superblock.
    #[must_use]
    pub fn superblock(&self) -> Superblock {
        let layout = &self.layout;
        Superblock {
            version: layout.version,
            uuid: layout.uuid,
            label: layout.label,
            features: [layout.compat, layout.ro_compat, layout.incompat],
            blocks: layout.blocks,
            journal_blocks: layout.journal_blocks,
            groups: layout.groups(),
            table: (layout.table_start, layout.table_blocks),
            refcounts: layout.refcounts,
            orphans: layout.orphans,
            root: layout.root,
        }
    }

    /// The journal.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Every group, as the table has it.
    ///
    /// # Errors
    /// [`MountError`] for a block of the table that cannot be read.
    pub fn groups(&self) -> Result<Vec<Group>, MountError> {
        let mut groups = Vec::new();
        for index in 0..self.layout.table_blocks {
            let block = self.layout.table_start.saturating_add(index);
            let image = match self.overlay.get(&block) {
                Some(image) => image.clone(),
                None => self.reserve.read(self.device, block)?,
            };
            verify(&image, self.layout.identity(Structure::GroupTable, block, 0))?;
            for info in group::infos(&self.layout, index, &image)? {
                let number = groups.len() as u64;
                groups.push(Group {
                    number,
                    start: Layout::group_start(number),
                    blocks: self.layout.group_blocks(number),
                    free: info.free,
                    longest: info.longest,
                    has_bitmap: info.has_bitmap,
                });
            }
        }
        Ok(groups)
    }

    /// What a path names; symbolic links are not followed.
    ///
    /// # Errors
    /// [`MountError::Unfinished`] with `ENOENT` or `ENOTDIR`; what cannot be read.
    pub fn lookup(&self, path: &[u8]) -> Result<Ino, MountError> {
        let mut at = self.layout.root;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            if fields(self, at)?.kind != FileKind::Directory {
                return Err(MountError::Unfinished(Errno::ENOTDIR));
            }
            let entry = dir::find(self, at, name)?;
            at = entry.ok_or(MountError::Unfinished(Errno::ENOENT))?.ino;
        }
        Ok(Ino(at))
    }

    /// An inode.
    ///
    /// # Errors
    /// [`MountError`] if it is none or cannot be read.
    pub fn inode(&self, ino: Ino) -> Result<Inode, MountError> {
        let found = fields(self, ino.0)?;
        let image = self.read(Structure::Inode, ino.0, ino.0)?;
        let is_link = found.kind == FileKind::Symlink;
        Ok(Inode {
            ino,
            kind: found.kind,
            nlink: found.nlink,
            flags: found.flags,
            size: found.size,
            blocks: found.blocks,
            generation: found.generation,
            parent: Ino(found.parent),
            times: found.times,
            target: if is_link { target(&image, found.size).to_vec() } else { Vec::new() },
        })
    }

    /// The entries of a directory.
    ///
    /// # Errors
    /// [`MountError`] for what cannot be read.
    pub fn entries(&self, directory: Ino) -> Result<Vec<DirectoryEntry>, MountError> {
        let mut entries = Vec::new();
        Tree::directory(directory.0).scan(self, 0, |key, value| {
            entries.extend(dir::decode(key, value).map(|(entry, name)| DirectoryEntry {
                name: name.to_vec(),
                ino: Ino(entry.ino),
                kind: entry.kind,
                cookie: key.saturating_add(1),
            }));
            Ok(true)
        })?;
        Ok(entries)
    }

    /// The extents of a file.
    ///
    /// # Errors
    /// [`MountError`] for what cannot be read.
    pub fn extents(&self, file: Ino) -> Result<Vec<FileExtent>, MountError> {
        let mut extents = Vec::new();
        Tree::extents(file.0).scan(self, 0, |key, value| {
            let extent = Extent::from_record(key, value);
            extents.push(FileExtent {
                pos: extent.file_block.saturating_mul(BLOCK_BYTES),
                length: extent.blocks.saturating_mul(BLOCK_BYTES),
                kind: if extent.is_unwritten { MapKind::Unwritten } else { MapKind::Mapped },
                block: extent.block,
            });
            Ok(true)
        })?;
        Ok(extents)
    }

    /// Inodes that the next mount finishes.
    ///
    /// # Errors
    /// [`MountError`] for what cannot be read.
    pub fn orphans(&self) -> Result<Vec<Ino>, MountError> {
        let mut orphans = Vec::new();
        Tree::orphans(&self.layout).scan(self, 0, |key, _| {
            orphans.push(Ino(key));
            Ok(true)
        })?;
        Ok(orphans)
    }

    /// Blocks that several files have, and those of unfinished copies on write.
    ///
    /// # Errors
    /// [`MountError`] for what cannot be read.
    pub fn shared(&self) -> Result<Vec<SharedRun>, MountError> {
        let mut shared = Vec::new();
        Tree::refcounts(&self.layout).scan(self, 0, |key, value| {
            let (record, _) = refcount::decode(key, value);
            let (block, blocks) = (record.run.start, record.run.blocks);
            shared.push(SharedRun { block, blocks, owners: record.owners });
            Ok(true)
        })?;
        Ok(shared)
    }
}

impl<D: BlockDevice> MetaRead for Inspector<'_, D> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault> {
        read_verified(&self.layout, structure, block, owner, |block| {
            match self.overlay.get(&block) {
                Some(image) => Ok(image.clone()),
                None => self.reserve.read(self.device, block),
            }
        })
    }
}

impl<D: BlockDevice> core::fmt::Debug for Inspector<'_, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inspector").field("layout", &self.layout).finish_non_exhaustive()
    }
}
