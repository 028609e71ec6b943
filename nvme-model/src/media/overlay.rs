//! Copy-on-write media: what is written stays in memory, the rest comes from a base.

use std::sync::Arc;

use super::blocks::Blocks;
use super::{Access, Media, MediaError};
use crate::{BlockBytes, Rest};

/// Media over a base that nobody changes any more. Any number of them can share one base; a snapshot
/// takes constant time, whatever was written.
#[derive(Clone, Debug)]
pub struct OverlayMedia {
    base: Arc<dyn Media>,
    blocks: Blocks,
}

impl OverlayMedia {
    /// Media that holds what `base` holds.
    #[must_use]
    pub fn new(base: Arc<dyn Media>) -> Self {
        let blocks = Blocks::new(base.size_blocks(), base.block_bytes());
        Self { base, blocks }
    }

    /// Media of another size that holds what `base` holds as far as both reach, and zeros beyond.
    #[must_use]
    pub fn resized(base: Arc<dyn Media>, size_blocks: u64) -> Self {
        let blocks = Blocks::new(size_blocks, base.block_bytes());
        Self { base, blocks }
    }

    /// The base.
    #[must_use]
    pub fn base(&self) -> &Arc<dyn Media> {
        &self.base
    }

    /// Writes everything that differs from the base to `target`, which then holds what this holds if
    /// it held what the base holds.
    ///
    /// # Errors
    /// [`MediaError`] of the target; it then holds a part.
    pub fn write_to(&self, target: &mut dyn Media) -> Result<(), MediaError> {
        self.blocks.held().try_for_each(|held| match held.bytes {
            Some(bytes) => target.write(held.lba, bytes),
            None => target.discard(held.lba, held.blocks),
        })
    }
}

/// What the base holds; zeros past its end.
fn read_base(base: &Arc<dyn Media>) -> impl Fn(u64, &mut [u8]) -> Result<(), MediaError> {
    move |lba, dst| {
        let there = base.size_blocks().saturating_sub(lba);
        let bytes = there.saturating_mul(base.block_bytes().into());
        let inside = usize::try_from(bytes).unwrap_or(usize::MAX).min(dst.len());
        let (held, beyond) = dst.split_at_mut(inside);
        beyond.fill(0);
        if held.is_empty() { Ok(()) } else { base.read(lba, held) }
    }
}

impl Media for OverlayMedia {
    fn block_bytes(&self) -> u32 {
        self.blocks.block_bytes()
    }

    fn size_blocks(&self) -> u64 {
        self.blocks.size_blocks()
    }

    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        self.blocks.read(lba, dst, &read_base(&self.base))
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        self.blocks.write(lba, src, &read_base(&self.base))
    }

    fn write_shared(
        &mut self,
        lba: u64,
        src: BlockBytes,
    ) -> Result<Option<BlockBytes>, MediaError> {
        self.blocks.write_shared(lba, src, &read_base(&self.base))
    }

    fn view(&self, lba: u64, length: usize) -> Option<&[u8]> {
        self.blocks.view(lba, length)
    }

    fn seek(&self, lba: u64) {
        self.blocks.seek(lba);
    }

    fn warm(&self, lba: u64, access: Access) -> Rest {
        self.blocks.warm(lba, access)
    }

    fn outgrows_caches(&self) -> bool {
        self.blocks.outgrow_caches()
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        self.blocks.discard(lba, blocks, Some(&read_base(&self.base)))
    }

    fn is_blank(&self) -> bool {
        self.base.is_blank() && self.blocks.held().next().is_none()
    }

    fn reshape(&mut self, size_blocks: u64, block_bytes: u32) -> Result<u64, MediaError> {
        self.blocks = Blocks::zeros(size_blocks, block_bytes);
        Ok(size_blocks)
    }

    fn snapshot(&self) -> Box<dyn Media> {
        Box::new(self.clone())
    }
}
