//! Where file ranges are: the two mapping callbacks, and the changes of a map.

mod change;
mod dio_iomap;
mod host;
mod swap_iomap;

use alloc::rc::Rc;

use block::BlockDevice;
pub use dio_iomap::DioIomap;
use iomap::{Iomap, MapFlags, MapKind};
pub use swap_iomap::SwapIomap;

use crate::extents::Lookup;
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::inode::Incore;
use crate::state::Core;

/// Is a mapping of this inode still true?
fn is_valid<D: BlockDevice>(core: &Rc<Core<D>>, inode: Ino, map: &Iomap) -> bool {
    core.with_inode(inode.0, |incore| incore.cookie == map.validity_cookie).unwrap_or(false)
}

/// The mapping at byte `pos`. A hole ends where the next extent begins, or with the address space.
fn describe(incore: &Incore, is_dirty: bool, pos: u64) -> Iomap {
    let file_block = pos / BLOCK_BYTES;
    let (kind, first, blocks, block) = match incore.inode.map.lookup(file_block) {
        Lookup::Extent(extent) => {
            let kind = if extent.is_unwritten { MapKind::Unwritten } else { MapKind::Mapped };
            (kind, extent.file_block, extent.blocks, Some(extent.block))
        }
        Lookup::HoleUpTo(end) => {
            let end = end.min(u64::MAX / BLOCK_BYTES);
            (MapKind::Hole, file_block, end.saturating_sub(file_block), None)
        }
    };
    let mut flags = MapFlags::empty();
    flags.set(MapFlags::DIRTY, is_dirty);
    Iomap {
        kind,
        flags,
        offset: first.saturating_mul(BLOCK_BYTES),
        length: blocks.saturating_mul(BLOCK_BYTES),
        block,
        validity_cookie: incore.cookie,
    }
}
