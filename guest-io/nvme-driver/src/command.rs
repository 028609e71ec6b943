//! From a bio to the command that carries it out, or its next piece.

use block::{Bio, BlockError, DeviceStatus, Op};
use hal::DmaBuf;
use nvme_spec::Sqe;
use nvme_spec::dsm::DsmRange;

use crate::identity::NamespaceLimits;
use crate::prp;

/// Says why a bio can never be executed here.
pub(crate) fn refuse<D: DmaBuf>(bio: &Bio<D>, limits: &NamespaceLimits) -> Result<(), BlockError> {
    let blocks = bio.size_blocks();
    let end = bio.block.checked_add(blocks).ok_or(BlockError::Invalid)?;
    let is_whole = bio.pages.iter().all(|page| page.size_bytes() == block::BLOCK_BYTES);
    let is_fine = match bio.op {
        Op::Read | Op::Write { .. } => {
            blocks > 0 && blocks <= u64::from(limits.geometry.transfer_blocks_max) && is_whole
        }
        Op::Flush => bio.pages.is_empty(),
        Op::WriteZeroes { .. } | Op::Discard { .. } => blocks > 0 && bio.pages.is_empty(),
    };
    if !is_fine || end > limits.geometry.size_blocks {
        return Err(BlockError::Invalid);
    }
    let is_known = match bio.op {
        Op::WriteZeroes { .. } => limits.zeroes_blocks_max > 0,
        Op::Discard { .. } => limits.discard_blocks_max > 0,
        Op::Read | Op::Write { .. } | Op::Flush => true,
    };
    if is_known { Ok(()) } else { Err(BlockError::NotSupported(DeviceStatus(0))) }
}

/// The command for `bio` after `done_blocks` of it are done, and how many blocks it covers. Uses
/// `list` for the PRP list or the deallocate range. `None` cannot happen for a bio that
/// [`refuse`] let pass.
#[inline]
pub(crate) fn build<D: DmaBuf>(
    bio: &Bio<D>,
    done_blocks: u64,
    limits: &NamespaceLimits,
    nsid: u32,
    list: &D,
) -> Option<(Sqe, u64)> {
    let shift = u32::from(limits.lba_shift);
    let block = bio.block.checked_add(done_blocks)?;
    let left = bio.size_blocks().checked_sub(done_blocks)?;
    let slba = block.checked_mul(1_u64.checked_shl(shift)?)?;
    let nlb = |blocks: u64| blocks.checked_mul(1_u64.checked_shl(shift)?);
    let nlb_z = |blocks: u64| u16::try_from(nlb(blocks)?.checked_sub(1)?).ok();
    Some(match bio.op {
        Op::Flush => (Sqe::flush(nsid), 0),
        Op::Read => {
            let (prp1, prp2) = prp::build(&bio.pages, list)?;
            (Sqe::read(nsid, slba, nlb_z(left)?).with_prp(prp1, prp2), left)
        }
        Op::Write { fua } => {
            let (prp1, prp2) = prp::build(&bio.pages, list)?;
            (Sqe::write(nsid, slba, nlb_z(left)?, fua).with_prp(prp1, prp2), left)
        }
        Op::WriteZeroes { .. } => {
            let piece = left.min(u64::from(limits.zeroes_blocks_max));
            (Sqe::write_zeroes(nsid, slba, nlb_z(piece)?), piece)
        }
        Op::Discard { .. } => {
            let piece = left.min(u64::from(limits.discard_blocks_max));
            let range = DsmRange::new(slba, u32::try_from(nlb(piece)?).ok()?);
            list.write(0, &range.to_bytes());
            (Sqe::deallocate(nsid, 0).with_prp(list.iova().0, 0), piece)
        }
    })
}

#[cfg(test)]
mod tests;
