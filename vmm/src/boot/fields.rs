//! A guest image as numbers at offsets, none of which is trusted.

use crate::ImageError;

/// A file as numbers at offsets.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    /// A little-endian number of `N` bytes.
    pub(super) fn get<const N: usize>(
        &self,
        what: &'static str,
        offset: u64,
    ) -> Result<u64, ImageError> {
        self.number(what, offset, N as u64)
    }

    /// A little-endian number of `size` bytes, of which only the lower eight count.
    pub(super) fn number(
        &self,
        what: &'static str,
        offset: u64,
        size: u64,
    ) -> Result<u64, ImageError> {
        let end = offset.saturating_add(size);
        let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(bytes) = self.0.get(at(offset)..at(end)) else {
            return Err(self.truncated(what, offset, end));
        };
        Ok(bytes.iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn truncated(&self, what: &'static str, from: u64, to: u64) -> ImageError {
        ImageError::Truncated { what, from, to, size: self.0.len() as u64 }
    }

    /// Checks that `offset..offset + size` lies in the file.
    pub(super) fn check(
        &self,
        what: &'static str,
        offset: u64,
        size: u64,
    ) -> Result<(), ImageError> {
        match offset.checked_add(size) {
            Some(end) if end <= self.0.len() as u64 => Ok(()),
            end => Err(self.truncated(what, offset, end.unwrap_or(u64::MAX))),
        }
    }
}
