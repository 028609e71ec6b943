//! Writes and reads that go wrong without saying so.

use super::transfer::Extent;
use crate::Controller;
use crate::buffer::Buffer;
use crate::failure::Failure;
use crate::fault::{Faults, Torn, value_of};
use crate::namespace::Namespace;

impl Controller {
    /// Where blocks go whose protection information is complete, how much of them and in which form, as the
    /// rules want it; `None` if nothing is stored.
    ///
    /// A write that is torn and misdirected is torn first.
    pub(super) fn what_is_stored(
        &mut self,
        nsid: u32,
        extent: &Extent,
        mut data: Buffer,
        faults: &Faults,
    ) -> Result<Option<(u64, Buffer)>, Failure> {
        extent.make_stored(&mut data, faults);
        let slba = extent.slba;
        if faults.is_empty() {
            return Ok(Some((slba, data)));
        }
        if faults.is_lost_write() {
            return Ok(None);
        }
        let Some(ns) = self.namespaces.get_mut(nsid) else {
            return Ok(None);
        };
        let torn = value_of!(faults, Torn).or_else(|| value_of!(faults, PowerCutAt));
        let kept = torn.map(|torn| tear(*torn, ns.block_bytes()));
        let cut = kept.map(|kept| cut_data(ns, slba, &mut data, kept));
        let target = match value_of!(faults, Misdirect) {
            None => slba,
            // As far as the namespace reaches, so that the blocks are there.
            Some(lba) => {
                let last = ns.size_blocks().saturating_sub(ns.blocks_of(data.len()));
                last.min(*lba)
            }
        };
        cut.map_or(Ok(()), |cut| self.host_result(cut))?;
        Ok((!data.is_empty()).then_some((target, data)))
    }

    /// Replaces blocks that were read by what they held before.
    pub(super) fn make_stale(&self, nsid: u32, slba: u64, data: &mut [u8]) {
        if let Some(ns) = self.namespaces.get(nsid) {
            ns.recall(slba, data);
        }
    }
}

/// How many bytes are kept.
fn tear(torn: Torn, block_bytes: u32) -> u64 {
    match torn {
        Torn::Blocks(blocks) => u64::from(blocks).saturating_mul(block_bytes.into()),
        Torn::Bytes(bytes) => bytes,
    }
}

/// Keeps the first `kept` bytes of `data`, and fills up the block in which they end with what is there.
fn cut_data(
    ns: &mut Namespace,
    slba: u64,
    data: &mut Buffer,
    kept: u64,
) -> Result<(), crate::MediaError> {
    let Some(kept) = usize::try_from(kept).ok().filter(|kept| *kept < data.len()) else {
        return Ok(());
    };
    let block_bytes = ns.block_bytes().max(1) as usize;
    let whole = kept.checked_div(block_bytes).unwrap_or(0);
    let split = whole.saturating_mul(block_bytes);
    if split == kept {
        *data = data.get(..kept).unwrap_or_default().to_vec().into();
        return Ok(());
    }
    let mut old = vec![0; block_bytes];
    ns.peek(slba.saturating_add(whole as u64), &mut old)?;
    let new = data.iter().take(kept);
    let old = old.iter().skip(kept.saturating_sub(split));
    *data = new.chain(old).copied().collect::<Vec<u8>>().into();
    Ok(())
}
