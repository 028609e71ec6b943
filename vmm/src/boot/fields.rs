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
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(bytes) = self.0.get(from..from.saturating_add(N)) else {
            return Err(self.truncated(what, offset, offset.saturating_add(N as u64)));
        };
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
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
