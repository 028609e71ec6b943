//! The mapping of swap I/O: the mail's proposal.
//!
//! Only written or unwritten blocks inside the size of a file whose metadata is clean. It reads the map
//! in memory and does nothing else: no transaction, no inode lock, no metadata I/O, no heap, and it does
//! not ask whether the filesystem is shut down (unless the knob says so). Everything else is refused,
//! with the reason in the trace.
//!
//! With [`Intent::REPORT`] (activation) holes and dirty metadata are described instead of refused, and a
//! shutdown counts: nobody turns swap on over a filesystem that is down.

use alloc::rc::Rc;
use core::fmt;

use block::BlockDevice;
use iomap::{Context, Errno, Intent, Iomap, IomapOps, MapKind};

use super::{describe, is_valid};
use crate::events::{Event, SwapMapRefusal};
use crate::filesystem::Ino;
use crate::format::inode::FileKind;
use crate::state::Core;

/// The callbacks of swap I/O.
pub struct SwapIomap<D: BlockDevice>(Rc<Core<D>>);

impl<D: BlockDevice> SwapIomap<D> {
    pub(crate) const fn new(core: Rc<Core<D>>) -> Self {
        Self(core)
    }

    fn look(&self, ino: u64, pos: u64, is_report: bool) -> Result<Iomap, SwapMapRefusal> {
        let state = self.0.state();
        if !state.is_mounted {
            return Err(SwapMapRefusal::Unmounted);
        }
        if state.shutdown.is_some() && (is_report || self.0.knobs.swap_map_honours_shutdown) {
            return Err(SwapMapRefusal::Shutdown);
        }
        let incore = state.inodes.get(&ino).ok_or(SwapMapRefusal::NotInMemory)?;
        if incore.inode.kind != FileKind::File {
            return Err(SwapMapRefusal::NotAFile);
        }
        if pos >= incore.inode.size {
            return Err(SwapMapRefusal::BeyondSize);
        }
        let mut map = describe(incore, state.is_dirty(incore), pos);
        // Blocks that reach beyond the size are none of swap's business.
        map.length = map.length.min(incore.inode.size.saturating_sub(map.offset));
        if is_report {
            return Ok(map);
        }
        if map.kind == MapKind::Hole {
            return Err(SwapMapRefusal::Hole);
        }
        if state.is_dirty(incore) {
            return Err(SwapMapRefusal::Dirty);
        }
        Ok(map)
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
        let answer = self.look(inode.0, pos, intent.contains(Intent::REPORT));
        answer.map_err(|why| {
            self.0.emit(Event::SwapMapRefused { ino: inode.0, context, why, pos });
            match why {
                SwapMapRefusal::NotInMemory => Errno::ENOENT,
                SwapMapRefusal::NotAFile => Errno::EINVAL,
                SwapMapRefusal::Unmounted => Errno::ENODEV,
                SwapMapRefusal::BeyondSize
                | SwapMapRefusal::Hole
                | SwapMapRefusal::Dirty
                | SwapMapRefusal::Shutdown => Errno::EIO,
            }
        })
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
