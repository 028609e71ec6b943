//! Where file ranges are: the two mapping callbacks, and the changes of a map.

mod buffered_iomap;
mod change;
mod cow;
mod dio_iomap;
mod host;
mod reserve;
mod swap_iomap;
mod unmap;
mod writeback;

use block::BlockDevice;
pub(crate) use buffered_iomap::BufferedIomap;
pub use dio_iomap::DioIomap;
pub(crate) use dio_iomap::OwnDio;
use iomap::{Iomap, MapFlags, MapKind};
pub(crate) use reserve::Reserved;
pub use swap_iomap::SwapIomap;

use crate::extent::{self, Extent, Lookup};
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::format::inode::Fields;
use crate::inode::fields;
use crate::meta::{Fault, MetaRead};
use crate::refcount;
use crate::space::Run;
use crate::state::Core;

/// Is a mapping of this inode still true?
fn is_valid<D: BlockDevice>(core: &Core<D>, inode: Ino, map: &Iomap) -> bool {
    core.with_inode(inode.0, |incore| incore.cookie == map.validity_cookie).unwrap_or(false)
}

impl<D: BlockDevice> Core<D> {
    /// The fields of an inode, read once for each of its cookies.
    ///
    /// # Errors
    /// What reading its block gives.
    pub(crate) fn inode_fields(&self, ino: u64) -> Result<Fields, Fault> {
        let known = self.state().inodes.get(&ino).map(|incore| (incore.cookie, incore.seen.fields));
        if let Some((cookie, Some((seen_at, fields)))) = known
            && seen_at == cookie
        {
            return Ok(fields);
        }
        let fields = fields(self, ino)?;
        // The cookie of before: while the block was read, another task may have changed it.
        if let (Some((cookie, _)), Some(incore)) = (known, self.state().inodes.get_mut(&ino)) {
            incore.seen.fields = Some((cookie, fields));
        }
        Ok(fields)
    }
}

/// What is only in memory of an inode, and goes into its mappings.
#[derive(Clone, Copy, Debug)]
struct Marks {
    is_dirty: bool,
    cookie: u64,
    /// It is for a report: neighbours that differ in nothing that is reported are one mapping.
    is_report: bool,
}

/// Pieces of an extent that are looked at for one mapping of a report.
const MERGED_MAX: u32 = 64;

/// The mapping at byte `pos`. A hole ends where the next extent begins, or with the address space; a
/// mapping of a file with shared blocks where sharing begins or ends.
fn describe<M: MetaRead + ?Sized>(
    meta: &M,
    ino: u64,
    fields: &Fields,
    marks: Marks,
    pos: u64,
) -> Result<Iomap, Fault> {
    let file_block = pos / BLOCK_BYTES;
    let mut flags = MapFlags::empty();
    flags.set(MapFlags::DIRTY, marks.is_dirty);
    let (kind, first, blocks, block) = match extent::lookup(meta, ino, file_block)? {
        Lookup::Extent(mut extent) => {
            let kind = if extent.is_unwritten { MapKind::Unwritten } else { MapKind::Mapped };
            if fields.is_reflink() {
                let (alike, is_shared) = alike_at(meta, extent, file_block)?;
                let whole = core::mem::replace(&mut extent, alike);
                flags.set(MapFlags::SHARED, is_shared);
                if marks.is_report && is_shared {
                    extent.blocks = merged(meta, whole, alike)?;
                    flags.set(MapFlags::MERGED, extent.blocks > alike.blocks);
                }
            }
            (kind, extent.file_block, extent.blocks, Some(extent.block))
        }
        Lookup::HoleUpTo(end) => {
            let end = end.min(u64::MAX / BLOCK_BYTES);
            (MapKind::Hole, file_block, end.saturating_sub(file_block), None)
        }
    };
    Ok(Iomap {
        kind,
        flags,
        offset: first.saturating_mul(BLOCK_BYTES),
        length: blocks.saturating_mul(BLOCK_BYTES),
        block,
        validity_cookie: marks.cookie,
    })
}

/// The part of an extent from `file_block` on that has one number of owners, and whether that is more
/// than one.
fn alike_at<M: MetaRead + ?Sized>(
    meta: &M,
    extent: Extent,
    file_block: u64,
) -> Result<(Extent, bool), Fault> {
    let mut part = extent.part(file_block, u64::MAX);
    let run = Run { start: part.block, blocks: part.blocks };
    let alike = refcount::first_alike(meta, run)?;
    part.blocks = alike.run.blocks;
    Ok((part, alike.owners > 1))
}

/// Blocks of `whole` from the start of its shared part `first` on that are shared, with however many owners.
fn merged<M: MetaRead + ?Sized>(meta: &M, whole: Extent, first: Extent) -> Result<u64, Fault> {
    let mut end = first.file_end();
    for _ in 0..MERGED_MAX {
        if end >= whole.file_end() {
            break;
        }
        let (next, is_shared) = alike_at(meta, whole, end)?;
        if !is_shared {
            break;
        }
        end = next.file_end();
    }
    Ok(end.saturating_sub(first.file_block))
}
