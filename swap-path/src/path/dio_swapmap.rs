//! The direct-I/O engine over a read-only swap mapping: the mail's `IOMAP_SWAP` obeyed by the mapping
//! callback, everything else as in `dio`.
//!
//! No transaction any more, at submission or completion. But the filesystem still refuses all I/O once
//! it is shut down, and the engine still takes its memory from the heap.

use iomap::{Context, DioEnd, DioOps, Errno, Intent, Iomap, IomapOps, MapKind, SwapHost};

use super::PathKind;
use super::engine::{Callbacks, EnginePath};

/// Swap I/O by the direct-I/O engine and the filesystem's swap mapping.
pub(crate) type DioSwapMapPath<H, D> = EnginePath<H, D, SwapMap>;

/// The filesystem's callbacks of swap, for an engine of direct I/O.
pub(crate) struct SwapMap;

impl<H: SwapHost> Callbacks<H> for SwapMap {
    const KIND: PathKind = PathKind::DioSwapMap;

    type Ops<'a>
        = AliveSwapMap<'a, H>
    where
        H: 'a;

    fn of(host: &H) -> Self::Ops<'_> {
        AliveSwapMap(host)
    }
}

/// The swap mapping behind the check that every direct I/O begins with.
pub(crate) struct AliveSwapMap<'a, H>(&'a H);

impl<H: SwapHost> IomapOps for AliveSwapMap<'_, H> {
    type Inode = H::Inode;

    /// An unwritten block is reported as mapped: it is overwritten in place and read back as it is, so
    /// nothing is left to convert.
    fn iomap_begin(
        &self,
        inode: H::Inode,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.0.check_alive()?;
        let mut map = self.0.swap_ops().iomap_begin(inode, pos, length, intent, context)?;
        if map.kind == MapKind::Unwritten {
            map.kind = MapKind::Mapped;
        }
        Ok(map)
    }

    fn iomap_valid(&self, inode: H::Inode, map: &Iomap) -> bool {
        self.0.swap_ops().iomap_valid(inode, map)
    }
}

impl<H: SwapHost> DioOps for AliveSwapMap<'_, H> {
    fn end_io(&self, _: H::Inode, _: u64, _: u64, _: DioEnd, _: Context) -> Result<(), Errno> {
        Ok(())
    }
}
