//! Transactions: all of a change or nothing of it.
//!
//! A transaction reserves its share of the next log batch before it does anything; this is where it may
//! wait for the log. Then it changes private copies of metadata blocks, which it holds against other
//! transactions, until `commit` puts all of them in place. Dropped without commit, it leaves nothing.
//!
//! Invariant: a transaction never changes more blocks than it reserved; one that would is a bug, and
//! shuts the filesystem down instead of overflowing the log.

mod charge;
pub(crate) mod cost;
mod space;

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::mem::take;

use block::{BLOCK_BYTES, BlockDevice};
use hal::Instant;
use iomap::{Context, Errno};
use tasks::{Resource, ResourceKind};

use crate::events::Event;
use crate::format::bytes::get_u64;
use crate::format::group::GroupInfo;
use crate::format::superblock::Layout;
use crate::format::{Image, Structure, begin, verify_cached};
use crate::inode::update;
use crate::meta::{Fault, MetaRead, MetaWrite};
use crate::planted::Planted;
use crate::space::Run;
use crate::state::Core;
use charge::Charge;

/// Where the owner is in every header.
const OWNER_AT: usize = 40;

/// Bytes of a transaction, its log ticket and its items (Linux `xfs_trans`, `xlog_ticket`).
const TXN_BYTES: usize = 512;

/// A change in the making.
pub(crate) struct Transaction<'a, D: BlockDevice> {
    core: &'a Core<D>,
    id: u64,
    context: Context,
    reserved: u64,
    /// Blocks as they will be.
    dirty: BTreeMap<u64, Rc<Image>>,
    groups: BTreeMap<u64, GroupInfo>,
    freed: Vec<Run>,
    /// Freed blocks that held metadata: images of them in the journal become void.
    revoked: Vec<u64>,
    /// Runs that lost an owner and still have one.
    unshared: Vec<Run>,
    /// Blocks that were allocated.
    taken: u64,
    /// It has what all files share: see `own_space`.
    owns_space: Cell<bool>,
    may_use_reserve: bool,
    /// Changes nothing but times of inodes.
    is_times_only: bool,
    /// Memory that the change needs until it is made.
    memory: Charge,
    is_open: bool,
}

impl<'a, D: BlockDevice> Transaction<'a, D> {
    /// Reserves room for `blocks` changed blocks in the log. May force the log to make room.
    ///
    /// # Errors
    /// `EIO` after a shutdown; what a log force gives; `EFBIG` for more than a batch can hold; what
    /// [`Core::wait_thawed`] gives.
    pub(crate) fn begin(core: &'a Core<D>, blocks: u64, context: Context) -> Result<Self, Errno> {
        core.check_alive()?;
        if blocks > core.state().log.batch_max() {
            return Err(Errno::EFBIG);
        }
        core.wait_thawed(context)?;
        let memory = Charge::new(core.tasks());
        memory.more(TXN_BYTES);
        if !core.state().log.has_room(blocks) {
            core.log_force(context)?;
            core.check_alive()?;
        }
        let id = reserve(core, blocks)?;
        core.emit(Event::TxnBegin { context, reserved: u32::try_from(blocks).unwrap_or(u32::MAX) });
        Ok(Self {
            core,
            id,
            context,
            reserved: blocks,
            dirty: BTreeMap::new(),
            groups: BTreeMap::new(),
            freed: Vec::new(),
            revoked: Vec::new(),
            unshared: Vec::new(),
            taken: 0,
            owns_space: Cell::new(false),
            may_use_reserve: false,
            is_times_only: false,
            memory,
            is_open: true,
        })
    }

    /// This change gives space back or keeps a promise: it may use the last blocks.
    pub(crate) fn with_reserve(mut self) -> Self {
        self.may_use_reserve = !self.core.plant.has(Planted::ReserveForgotten);
        self
    }

    /// The run lost an owner and has another one, who may not write to it in place before that is durable.
    pub(crate) fn note_unshared(&mut self, run: Run) {
        self.unshared.push(run);
    }

    /// This change is of times only: fdatasync need not wait for it, and swap may go on.
    pub(crate) const fn of_times_only(mut self) -> Self {
        self.is_times_only = true;
        self
    }

    /// May the transaction change or free `blocks` metadata blocks more?
    pub(crate) fn has_room(&self, blocks: u64) -> bool {
        self.size_blocks().saturating_add(blocks) <= self.reserved
    }

    /// Metadata blocks that were changed or freed: a batch has room for so many of each.
    fn size_blocks(&self) -> u64 {
        self.dirty.len().max(self.revoked.len()) as u64
    }

    /// Makes the change real, in memory; a log force makes it durable.
    ///
    /// # Errors
    /// `EIO` after a shutdown; `EUCLEAN` and a shutdown if the reservation was too small. Nothing has
    /// changed then.
    pub(crate) fn commit(mut self) -> Result<(), Errno> {
        self.core.check_alive()?;
        let core = self.core;
        if self.size_blocks() > self.reserved {
            return Err(core.inconsistent("a transaction is larger than its reservation"));
        }
        let blocks = u32::try_from(self.dirty.len()).unwrap_or(u32::MAX);
        self.install();
        core.emit(Event::TxnCommit { context: self.context, blocks });
        Ok(())
    }

    fn install(&mut self) {
        let state = &mut *self.core.state();
        let epoch = state.log.epoch;
        for (block, image) in take(&mut self.dirty) {
            let owner = get_u64(&image[..], OWNER_AT);
            if let Some(incore) = state.inodes.get_mut(&owner) {
                incore.epoch = epoch;
                if !self.is_times_only {
                    incore.data_epoch = epoch;
                }
                incore.cookie = incore.cookie.saturating_add(1);
            }
            state.cache.remove(block);
            state.log.pending.insert(block, image);
        }
        for (group, info) in take(&mut self.groups) {
            state.groups.set(group, info);
        }
        for run in take(&mut self.freed) {
            if !self.core.plant.has(Planted::EarlyReuse) {
                state.busy.add(run);
            }
            state.log.freed_pending.push(run);
        }
        for run in take(&mut self.unshared) {
            state.log.note_unshared(run);
        }
        for block in take(&mut self.revoked) {
            state.cache.remove(block);
            state.log.revoke(block);
        }
        self.close(state);
    }

    fn close(&mut self, state: &mut crate::state::State) {
        self.is_open = false;
        state.log.reserved = state.log.reserved.saturating_sub(self.reserved);
        state.taken = state.taken.saturating_sub(self.taken);
        let tasks = self.core.tasks();
        let is_mine = |_: &u64, holder: &mut u64| *holder == self.id;
        for (block, _) in state.held_blocks.extract_if(.., is_mine) {
            tasks.unclaim(Resource::new(ResourceKind::MetaBlock, block));
        }
        tasks.wake_all(Resource::only(ResourceKind::LogSpace));
    }

    /// Holds what all files share, before any of it is looked at: bitmaps, their table, the trees of shared blocks and of
    /// orphans. What was read before a wait would be old after it, and two who hold parts of it could wait for each
    /// other. XFS: the lock of the AGF, which everything of an allocation group follows; here it is the first block of
    /// the table of groups. Taken after the inodes' locks.
    fn own_space(&self) -> Result<(), Errno> {
        if !self.owns_space.get() {
            self.hold(self.core.layout.table_start)?;
            self.owns_space.set(true);
        }
        Ok(())
    }

    /// Holds a block against other transactions until the end.
    fn hold(&self, block: u64) -> Result<(), Errno> {
        let holder = *self.core.state().held_blocks.entry(block).or_insert(self.id);
        if holder == self.id {
            self.core.audit(Event::BlockHold { block, context: self.context });
            self.core.tasks().claim(Resource::new(ResourceKind::MetaBlock, block));
            return Ok(());
        }
        self.core.emit(Event::BlockHeld { block, context: self.context });
        // Outside of a task the holder could not go on while we wait for it.
        let (tasks, resource) = (self.core.tasks(), Resource::new(ResourceKind::MetaBlock, block));
        tasks.wait(resource, Instant::NEVER).map_err(|_alone| Errno::EDEADLK)?;
        self.hold(block)
    }

    /// A block whose old content does not matter.
    fn overwrite(&mut self, block: u64, image: Image) -> Result<(), Errno> {
        self.hold(block)?;
        self.memory.more(BLOCK_BYTES);
        self.dirty.insert(block, Rc::new(image));
        Ok(())
    }

    /// Makes a new inode.
    ///
    /// # Errors
    /// `ENOSPC`, and what reading a bitmap gives.
    pub(crate) fn create_inode(
        &mut self,
        goal: u64,
        encode: impl FnOnce(&Layout, u64) -> Image,
    ) -> Result<u64, Fault> {
        let ino = self.alloc(goal, Some(goal), 1)?.start;
        let image = encode(&self.core.layout, ino);
        self.overwrite(ino, image)?;
        Ok(ino)
    }

    /// The inode is gone: its block is free.
    ///
    /// # Errors
    /// What reading a bitmap gives.
    pub(crate) fn destroy_inode(&mut self, ino: u64) -> Result<(), Fault> {
        self.free(ino, Run::one(ino))?;
        self.dirty.remove(&ino);
        self.revoked.push(ino);
        Ok(())
    }

    /// A tree's nodes count as blocks of its inode; the fixed trees have none.
    fn count_blocks(&mut self, owner: u64, change: i64) -> Result<(), Fault> {
        let layout = &self.core.layout;
        if owner == layout.refcounts || owner == layout.orphans {
            return Ok(());
        }
        update(self, owner, |fields| fields.blocks = fields.blocks.saturating_add_signed(change))
    }
}

/// Takes room for `blocks` in the next log batch, when others have given theirs back. Returns the
/// transaction's number.
fn reserve<D: BlockDevice>(core: &Core<D>, blocks: u64) -> Result<u64, Errno> {
    loop {
        {
            let state = &mut *core.state();
            if state.log.has_room(blocks) {
                state.log.reserved = state.log.reserved.saturating_add(blocks);
                state.next_txn = state.next_txn.saturating_add(1);
                return Ok(state.next_txn);
            }
        }
        // Other open transactions hold the rest; outside of a task there are none that could end.
        let room = Resource::only(ResourceKind::LogSpace);
        core.tasks().wait(room, Instant::NEVER).map_err(|_alone| Errno::EDEADLK)?;
        core.check_alive()?;
    }
}

impl<D: BlockDevice> MetaRead for Transaction<'_, D> {
    fn layout(&self) -> &Layout {
        &self.core.layout
    }

    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault> {
        if structure.is_shared() {
            self.own_space()?;
        }
        match self.dirty.get(&block) {
            Some(image) => {
                verify_cached(image, self.core.layout.identity(structure, block, owner))?;
                Ok(Rc::clone(image))
            }
            None => self.core.read(structure, block, owner),
        }
    }
}

impl<D: BlockDevice> MetaWrite for Transaction<'_, D> {
    fn edit(&mut self, structure: Structure, block: u64, owner: u64) -> Result<&mut Image, Fault> {
        if structure.is_shared() {
            self.own_space()?;
        }
        if !self.dirty.contains_key(&block) {
            self.hold(block)?;
            // A private copy, made under the inode's lock (Linux: `xfs_bmbt_init_cursor` and its like).
            self.memory.more(BLOCK_BYTES);
        }
        let image = self.read(structure, block, owner)?;
        Ok(Rc::make_mut(self.dirty.entry(block).or_insert(image)))
    }

    fn create(&mut self, structure: Structure, owner: u64) -> Result<u64, Fault> {
        let block = self.alloc(owner, Some(owner), 1)?.start;
        let image = begin(self.core.layout.identity(structure, block, owner));
        self.overwrite(block, image)?;
        self.count_blocks(owner, 1)?;
        Ok(block)
    }

    fn destroy(&mut self, block: u64, owner: u64) -> Result<(), Fault> {
        self.free(owner, Run::one(block))?;
        self.dirty.remove(&block);
        self.revoked.push(block);
        self.count_blocks(owner, -1)
    }
}

impl<D: BlockDevice> Drop for Transaction<'_, D> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        {
            let core = self.core;
            self.close(&mut core.state());
        }
        self.core.emit(Event::TxnCancel { context: self.context });
    }
}
