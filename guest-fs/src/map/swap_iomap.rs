//! The mapping of swap I/O: the mail's proposal.
//!
//! Only written or unwritten blocks inside the size of a file whose metadata is clean. It reads the map
//! in memory and does nothing else: no transaction, no inode lock, no metadata I/O, no heap, and it does
//! not ask whether the filesystem is shut down (unless the knob says so). Everything else, shared blocks
//! too, is refused with the reason in the trace. A claim on the file brings its whole map into memory and
//! keeps it there.
//!
//! With [`Intent::REPORT`] (activation) holes and dirty metadata are described instead of refused, and a
//! shutdown counts: nobody turns swap on over a filesystem that is down.

use alloc::rc::Rc;
use core::fmt;

use block::BlockDevice;
use iomap::{Context, Errno, Intent, Iomap, IomapOps, MapFlags, MapKind};

use super::{Marks, describe, is_valid};
use crate::events::{Event, SwapMapRefusal};
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::format::inode::FileKind;
use crate::inode::fields;
use crate::meta::Fault;
use crate::state::{Core, InMemory, State};

/// The callbacks of swap I/O.
pub struct SwapIomap<D: BlockDevice>(Rc<Core<D>>);

impl<D: BlockDevice> SwapIomap<D> {
    pub(crate) const fn new(core: Rc<Core<D>>) -> Self {
        Self(core)
    }

    /// Reads what is in memory and nothing else. A piece that was found good is kept with the inode's cookie: a swap
    /// file's map does not change, and its extents are long.
    #[inline]
    fn look(&self, ino: u64, pos: u64, intent: Intent) -> Result<Iomap, SwapMapRefusal> {
        let state = &mut *self.0.state();
        if !state.is_mounted {
            return Err(SwapMapRefusal::Unmounted);
        }
        let is_report = intent.contains(Intent::REPORT);
        if state.shutdown.is_some() && (is_report || self.0.knobs.swap_map_honours_shutdown) {
            return Err(SwapMapRefusal::Shutdown);
        }
        let incore = state.inodes.get(&ino).ok_or(SwapMapRefusal::NotInMemory)?;
        let is_dirty = state.is_data_dirty(incore);
        let is_plain = !is_report && !is_dirty && incore.moving.is_empty();
        if is_plain && let Some(map) = incore.seen.swap_at(pos, incore.cookie) {
            return Ok(map);
        }
        let (map, is_kept) = self.look_closely(state, ino, pos, intent)?;
        if let Some(incore) = state.inodes.get_mut(&ino).filter(|_| is_plain && is_kept) {
            incore.seen.swap = Some(map);
        }
        Ok(map)
    }

    /// The mapping at `pos` out of the tree, and whether it stays true as long as the inode's cookie: sharing does not.
    #[inline(never)]
    fn look_closely(
        &self,
        state: &State,
        ino: u64,
        pos: u64,
        intent: Intent,
    ) -> Result<(Iomap, bool), SwapMapRefusal> {
        let incore = state.inodes.get(&ino).ok_or(SwapMapRefusal::NotInMemory)?;
        let is_report = intent.contains(Intent::REPORT);
        let is_dirty = state.is_data_dirty(incore);
        let marks = Marks { is_dirty, cookie: incore.cookie, is_report };
        let meta = InMemory { state, layout: &self.0.layout };
        let fields = fields(&meta, ino).map_err(refusal)?;
        if fields.kind != FileKind::File {
            return Err(SwapMapRefusal::NotAFile);
        }
        if pos >= fields.size {
            return Err(SwapMapRefusal::BeyondSize);
        }
        let map = describe(&meta, ino, &fields, marks, pos).map_err(refusal)?;
        let mut map = incore.reserved.overlay(map, pos);
        // Blocks that reach beyond the size are none of swap's business.
        map.length = map.length.min(fields.size.saturating_sub(map.offset));
        if is_report {
            return Ok((map, false));
        }
        if self.0.knobs.swap_map_ignores_sharing {
            map.flags.remove(MapFlags::SHARED);
        }
        match map.kind {
            MapKind::Hole => return Err(SwapMapRefusal::Hole),
            MapKind::Delalloc => return Err(SwapMapRefusal::Delalloc),
            MapKind::Mapped | MapKind::Unwritten => {}
        }
        if map.flags.contains(MapFlags::SHARED) {
            return Err(SwapMapRefusal::Shared);
        }
        if marks.is_dirty {
            return Err(SwapMapRefusal::Dirty);
        }
        if incore.moving.contains(&(pos / BLOCK_BYTES)) && intent.contains(Intent::WRITE) {
            return Err(SwapMapRefusal::Moving);
        }
        if incore.moving.start > pos / BLOCK_BYTES {
            let limit = incore.moving.start.saturating_mul(BLOCK_BYTES);
            map.length = map.length.min(limit.saturating_sub(map.offset));
        }
        Ok((map, !fields.is_reflink()))
    }

    /// What becomes of a refusal: activation may read what is not in memory, everything else is an error.
    #[cold]
    fn refused(
        &self,
        inode: Ino,
        pos: u64,
        intent: Intent,
        context: Context,
        mut why: SwapMapRefusal,
    ) -> Result<Iomap, Errno> {
        let is_known = self.0.with_inode(inode.0, |_| ()).is_ok();
        if why == SwapMapRefusal::NotInMemory && is_known && intent.contains(Intent::REPORT) {
            self.bring(inode.0, pos)?;
            match self.look(inode.0, pos, intent) {
                Ok(map) => return Ok(map),
                Err(again) => why = again,
            }
        }
        self.0.emit(Event::SwapMapRefused { ino: inode.0, context, why, pos });
        Err(match why {
            SwapMapRefusal::NotInMemory if is_known => Errno::EIO,
            SwapMapRefusal::NotInMemory => Errno::ENOENT,
            SwapMapRefusal::NotAFile => Errno::EINVAL,
            SwapMapRefusal::Unmounted => Errno::ENODEV,
            SwapMapRefusal::Corrupt => Errno::EUCLEAN,
            SwapMapRefusal::Moving => Errno::EBUSY,
            SwapMapRefusal::BeyondSize
            | SwapMapRefusal::Shared
            | SwapMapRefusal::Hole
            | SwapMapRefusal::Delalloc
            | SwapMapRefusal::Dirty
            | SwapMapRefusal::Shutdown => Errno::EIO,
        })
    }

    /// Brings the map at `pos` into memory: for activation, which may read.
    fn bring(&self, ino: u64, pos: u64) -> Result<(), Errno> {
        self.0.check_alive()?;
        let marks = Marks { is_dirty: false, cookie: 0, is_report: true };
        let read = || describe(&*self.0, ino, &fields(&*self.0, ino)?, marks, pos);
        read().map(|_| ()).map_err(|fault| self.0.errno(fault))
    }
}

/// A mapping that is not in memory cannot be given; one that is corrupt neither.
const fn refusal(fault: Fault) -> SwapMapRefusal {
    match fault {
        Fault::Corrupt(_) => SwapMapRefusal::Corrupt,
        Fault::Absent | Fault::Io(_) | Fault::Errno(_) => SwapMapRefusal::NotInMemory,
    }
}

impl<D: BlockDevice> IomapOps for SwapIomap<D> {
    type Inode = Ino;

    fn iomap_begin(
        &self,
        inode: Ino,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        // The answer covers what there is from `pos` on, however much the caller wants.
        let _ = length;
        match self.look(inode.0, pos, intent) {
            Ok(map) => Ok(map),
            Err(why) => self.refused(inode, pos, intent, context, why),
        }
    }

    fn iomap_valid(&self, inode: Ino, map: &Iomap) -> bool {
        is_valid(&self.0, inode, map)
    }
}

impl<D: BlockDevice> fmt::Debug for SwapIomap<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SwapIomap")
    }
}
