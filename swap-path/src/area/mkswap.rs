//! Makes a file a swap file by writing its header, as mkswap(8) does: through the file.

use core::fmt;

use alloc::vec;
use block::BlockDevice;
use hal::{DmaBuf, PAGE_BYTES};
use iomap::{Direction, Errno, IoFailure, Kiocb, SwapHost, Transfer, dio_rw};

use super::header::{LABEL_BYTES_MAX, SwapHeader};

/// The least pages of an area without its header (mkswap's `MIN_GOODPAGES`).
const GOOD_PAGES_MIN: u64 = 9;

/// Why no header was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MkswapError {
    /// The filesystem refused.
    Host(Errno),
    /// Writing the header failed.
    Write(IoFailure),
    /// The file is too small for an area.
    TooSmall {
        /// Whole pages in the file.
        pages: u64,
    },
    /// More pages than a header can say.
    TooLarge {
        /// Whole pages in the file.
        pages: u64,
    },
    /// The label does not fit.
    LabelTooLong {
        /// Its length.
        bytes: usize,
    },
    /// No memory for the header's page.
    OutOfMemory,
}

impl MkswapError {
    /// The error number that belongs to it.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Host(errno) => *errno,
            Self::Write(failure) => failure.errno,
            Self::TooSmall { .. } | Self::TooLarge { .. } | Self::LabelTooLong { .. } => {
                Errno::EINVAL
            }
            Self::OutOfMemory => Errno::ENOMEM,
        }
    }
}

impl fmt::Display for MkswapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(errno) => write!(f, "mkswap: file not usable: {errno}"),
            Self::Write(failure) => write!(f, "mkswap: header not written: {failure}"),
            Self::TooSmall { pages } => write!(
                f,
                "mkswap: swap area of {pages} pages, at least {} are needed",
                GOOD_PAGES_MIN + 1
            ),
            Self::TooLarge { pages } => write!(
                f,
                "mkswap: swap area of {pages} pages, at most {} are possible",
                u64::from(u32::MAX) + 1
            ),
            Self::LabelTooLong { bytes } => {
                write!(f, "mkswap: label of {bytes} bytes, at most {LABEL_BYTES_MAX} fit")
            }
            Self::OutOfMemory => f.write_str("mkswap: no page of memory for the header"),
        }
    }
}

impl core::error::Error for MkswapError {}

/// Writes a header that makes the whole file one area, and brings it to media.
///
/// # Errors
/// [`MkswapError`]; the file may have been written to if it is of kind `Write` or `Host`.
pub fn mkswap<H: SwapHost, D: BlockDevice>(
    host: &H,
    device: &D,
    inode: H::Inode,
    uuid: [u8; 16],
    label: &str,
) -> Result<SwapHeader, MkswapError> {
    let pages = host.size_bytes(inode).map_err(MkswapError::Host)? / PAGE_BYTES as u64;
    let header = SwapHeader::new(pages, uuid, label)?;
    let page = device.alloc_page().map_err(|_| MkswapError::OutOfMemory)?;
    page.write(0, &header.to_page());
    let mut transfer = Transfer { direction: Direction::Write, pos: 0, pages: vec![page] };
    dio_rw(host.dio_ops(), device, inode, &mut transfer, Kiocb::DIRECT)
        .map_err(MkswapError::Write)?;
    host.sync(inode).map_err(MkswapError::Host)?;
    Ok(header)
}

pub(super) fn last_page(pages: u64) -> Result<u32, MkswapError> {
    let last = pages
        .checked_sub(1)
        .filter(|&last| last >= GOOD_PAGES_MIN)
        .ok_or(MkswapError::TooSmall { pages })?;
    u32::try_from(last).map_err(|_| MkswapError::TooLarge { pages })
}

pub(super) fn padded(label: &str) -> Result<[u8; LABEL_BYTES_MAX], MkswapError> {
    let mut bytes = [0; LABEL_BYTES_MAX];
    bytes
        .get_mut(..label.len())
        .ok_or(MkswapError::LabelTooLong { bytes: label.len() })?
        .copy_from_slice(label.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_at_the_limits() {
        assert_eq!(last_page(0), Err(MkswapError::TooSmall { pages: 0 }));
        assert_eq!(last_page(9), Err(MkswapError::TooSmall { pages: 9 }));
        assert_eq!(last_page(10), Ok(9));
        assert_eq!(last_page(1 << 32), Ok(u32::MAX));
        let pages = (1 << 32) + 1;
        assert_eq!(last_page(pages), Err(MkswapError::TooLarge { pages }));
    }

    #[test]
    fn a_label_of_sixteen_bytes_fits_and_no_longer_one() {
        assert_eq!(padded("0123456789abcdef"), Ok(*b"0123456789abcdef"));
        assert_eq!(padded("0123456789abcdefg"), Err(MkswapError::LabelTooLong { bytes: 17 }));
    }
}
