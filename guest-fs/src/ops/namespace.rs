//! Names: create, open, unlink in the root directory.

use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::directory::{DirectoryBlock, Place};
use crate::events::Event;
use crate::extents::Lookup;
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::format::directory::{Entry, NAME_BYTES_MAX, is_name};
use crate::format::extent::Extent;
use crate::format::inode::FileKind;
use crate::inode::{Incore, Inode};
use crate::mount::{MountError, load_inode};
use crate::space::{Run, bitmap_indices};
use crate::state::Core;
use crate::txn::Transaction;

/// Blocks that a new name can touch: the new inode, a directory block, the directory's inode with a
/// split of its map, and a bitmap block for each new block.
const CREATE_BLOCKS: u64 = 10;

/// Blocks that a removed name touches besides bitmap blocks: the directory block.
const UNLINK_BLOCKS: u64 = 1;

/// Blocks that a shorter file touches besides bitmap blocks: the inode, its last leaf.
const TRUNCATE_BLOCKS: u64 = 2;

/// Names are made and removed for users only.
const USER: Context = Context::User;

impl<D: BlockDevice> FileSystem<D> {
    /// Creates an empty file.
    ///
    /// # Errors
    /// `EEXIST`, `EINVAL` for a name that is none, `ENAMETOOLONG`, `ENOSPC`, `EIO` after a shutdown.
    pub fn create(&self, name: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        let name = name.as_ref();
        self.core.check_alive()?;
        check_name(name)?;
        let ino = self.core.with_space(USER, || try_create(&self.core, name))?;
        self.core.emit(Event::Create { ino });
        Ok(Ino(ino))
    }

    /// Finds a file by name and brings its map into memory.
    ///
    /// # Errors
    /// `ENOENT`, `EIO` after a shutdown or for an unreadable inode, `EUCLEAN` and a shutdown for a corrupt
    /// one.
    pub fn open(&self, name: impl AsRef<[u8]>) -> Result<Ino, Errno> {
        self.core.check_alive()?;
        let place = self.core.state().directory.find(name.as_ref()).ok_or(Errno::ENOENT)?;
        load(&self.core, place.ino)?;
        Ok(Ino(place.ino))
    }

    /// Removes a name and the file with it.
    ///
    /// # Errors
    /// `ENOENT`, `EPERM` for an active swap file, `EIO` after a shutdown.
    pub fn unlink(&self, name: impl AsRef<[u8]>) -> Result<(), Errno> {
        let name = name.as_ref();
        let core = &*self.core;
        let ino = self.open(name)?.0;
        if core.with_inode(ino, |incore| incore.is_swapfile)? {
            return Err(Errno::EPERM);
        }
        let budget = core.state().log.batch_max().saturating_sub(UNLINK_BLOCKS);
        let mut indices = core.with_inode(ino, |incore| freed_indices(&incore.inode))?;
        indices.extend(bitmap_indices(Run::one(ino)));
        // What one transaction cannot free goes first, while the file still has its name: cut in
        // between, there is a shorter file, never one that nobody can find.
        if indices.len() as u64 > budget {
            truncate_to_fit(core, ino, budget)?;
        }
        let blocks = (indices.len() as u64).min(budget).saturating_add(UNLINK_BLOCKS);
        remove(core, name, ino, blocks)?;
        core.emit(Event::Unlink { ino });
        Ok(())
    }
}

fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.len() > NAME_BYTES_MAX {
        Err(Errno::ENAMETOOLONG)
    } else if is_name(name) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Brings an inode into memory.
fn load<D: BlockDevice>(core: &Core<D>, ino: u64) -> Result<(), Errno> {
    if core.state().inodes.contains_key(&ino) {
        return Ok(());
    }
    let inode = load_inode(&core.layout, ino, |block| core.reserve.read(&*core.device, block));
    let inode = inode.map_err(|error| match error {
        MountError::Corrupt(corruption) => core.corrupt(corruption),
        _ => Errno::EIO,
    })?;
    if inode.kind != FileKind::File {
        return Err(core.inconsistent("a name in the root directory is no file"));
    }
    core.state().inodes.entry(ino).or_insert_with(|| Incore::new(inode));
    Ok(())
}

fn try_create<D: BlockDevice>(core: &Core<D>, name: &[u8]) -> Result<u64, Errno> {
    let root = core.layout.root;
    let mut txn = Transaction::begin(core, CREATE_BLOCKS, USER)?;
    let _lock = core.lock_inode(root, USER, false)?;
    if core.state().directory.find(name).is_some() {
        return Err(Errno::EEXIST);
    }
    let ino = txn.alloc_metadata(root)?;
    txn.put_inode(ino, Inode::new(FileKind::File));
    let entry = Entry { ino, name: name.into() };
    let found = {
        let state = core.state();
        let index = state.directory.room_for(entry.size_bytes());
        index.and_then(|index| Some((index, state.directory.blocks.get(index)?.clone())))
    };
    let (index, block) = match found {
        Some(found) => found,
        None => new_directory_block(core, &mut txn)?,
    };
    let mut entries = block.entries.to_vec();
    entries.push(entry);
    txn.put_directory_block(index, block.with_entries(entries));
    txn.commit()?;
    Ok(ino)
}

/// Adds an empty block to the root directory.
fn new_directory_block<D: BlockDevice>(
    core: &Core<D>,
    txn: &mut Transaction<'_, D>,
) -> Result<(usize, DirectoryBlock), Errno> {
    let root = core.layout.root;
    let mut inode = core.inode(root)?;
    let index = core.state().directory.blocks.len();
    let file_block = index as u64;
    let goal = inode.map.before(file_block).map(|extent| extent.end());
    let block = txn.alloc(root, goal, 1)?.start;
    let extent = Extent { file_block, block, blocks: 1, is_unwritten: false };
    debug_assert_eq!(inode.map.lookup(file_block), Lookup::HoleUpTo(u64::MAX));
    inode.map.insert(extent, || txn.alloc_metadata(root))?;
    inode.size = file_block.saturating_add(1).saturating_mul(BLOCK_BYTES);
    txn.put_inode(root, inode);
    Ok((index, DirectoryBlock { block, entries: Rc::new(Vec::new()) }))
}

/// Runs that go when the file goes, without the inode itself.
fn file_runs(inode: &Inode) -> impl Iterator<Item = (Run, bool)> + '_ {
    let data = inode.map.iter().map(|e| (Run { start: e.block, blocks: e.blocks }, false));
    let leaves = inode.map.leaves().iter().map(|leaf| leaf.block);
    let leaves = leaves.filter(|block| *block != crate::extents::IN_INODE);
    data.chain(leaves.map(|block| (Run::one(block), true)))
}

fn freed_indices(inode: &Inode) -> BTreeSet<u64> {
    file_runs(inode).flat_map(|(run, _)| bitmap_indices(run)).collect()
}

fn remove<D: BlockDevice>(core: &Core<D>, name: &[u8], ino: u64, blocks: u64) -> Result<(), Errno> {
    let root = core.layout.root;
    let mut txn = Transaction::begin(core, blocks, USER)?;
    let _lock = core.lock_inode(root, USER, false)?;
    let _file_lock = core.lock_inode(ino, USER, false)?;
    let (place, block) = {
        let state = core.state();
        let place = state.directory.find(name).filter(|place| place.ino == ino);
        let place: Place = place.ok_or(Errno::ENOENT)?;
        let block = state.directory.blocks.get(place.index).cloned();
        (place, block.ok_or(Errno::ENOENT)?)
    };
    let mut entries = block.entries.to_vec();
    entries.remove(place.slot);
    txn.put_directory_block(place.index, block.with_entries(entries));
    let inode = core.inode(ino)?;
    for (run, is_metadata) in file_runs(&inode) {
        txn.free(ino, run, is_metadata)?;
    }
    txn.free(ino, Run::one(ino), true)?;
    txn.remove_inode(ino);
    txn.commit()
}

/// Takes extents off the end until what is left lies in at most `budget` bitmap blocks.
fn truncate_to_fit<D: BlockDevice>(core: &Core<D>, ino: u64, budget: u64) -> Result<(), Errno> {
    let step = core.state().log.batch_max().saturating_sub(TRUNCATE_BLOCKS);
    loop {
        let mut txn = Transaction::begin(core, step.saturating_add(TRUNCATE_BLOCKS), USER)?;
        let _lock = core.lock_inode(ino, USER, false)?;
        let mut inode = core.inode(ino)?;
        let mut left = freed_indices(&inode);
        left.extend(bitmap_indices(Run::one(ino)));
        if left.len() as u64 <= budget {
            return Ok(());
        }
        let mut touched = BTreeSet::new();
        // An extent and a leaf lie in at most three bitmap blocks.
        while (touched.len() as u64).saturating_add(3) <= step {
            let Some((extent, leaf)) = inode.map.pop() else {
                break;
            };
            let run = Run { start: extent.block, blocks: extent.blocks };
            txn.free(ino, run, false)?;
            touched.extend(bitmap_indices(run));
            if let Some(block) = leaf {
                txn.free(ino, Run::one(block), true)?;
                touched.extend(bitmap_indices(Run::one(block)));
            }
            inode.size = inode.size.min(extent.file_block.saturating_mul(BLOCK_BYTES));
        }
        txn.put_inode(ino, inode);
        txn.commit()?;
    }
}
