//! The first page of a swap file, as Linux's mkswap(8) writes it (version 1).
//!
//! Layout (`union swap_header`), little-endian: 1024 bytes of boot code, then `version: u32,
//! last_page: u32, nr_badpages: u32, uuid: [u8; 16], label: [u8; 16]`, a gap, the bad pages from byte
//! 1536 on, and the signature in the last 10 bytes of the page.

use alloc::vec::Vec;
use core::fmt;

use hal::PAGE_BYTES;

use super::mkswap::{MkswapError, last_page, padded};

/// The last bytes of the page.
const SIGNATURE: &[u8; 10] = b"SWAPSPACE2";
const SIGNATURE_AT: usize = PAGE_BYTES - SIGNATURE.len();
const VERSION_AT: usize = 1024;
const LAST_PAGE_AT: usize = 1028;
const BAD_PAGES_AT: usize = 1032;
const BAD_LIST_AT: usize = 1536;
const UUID_AT: usize = 1036;
const LABEL_AT: usize = 1052;

/// The only version that Linux knows.
const VERSION: u32 = 1;

/// The most bad pages a header can name (Linux `MAX_SWAP_BADPAGES`).
const BAD_PAGES_MAX: u32 = ((SIGNATURE_AT - BAD_LIST_AT) / 4) as u32;

/// The longest label, in bytes.
pub const LABEL_BYTES_MAX: usize = 16;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapHeader {
    /// The last page of the area; page 0 is the header.
    pub last_page: u32,
    /// Identifies the area to its users.
    pub uuid: [u8; 16],
    /// A name, padded with zeros.
    pub label: [u8; LABEL_BYTES_MAX],
}

/// Why a first page is not the header of a usable area. The texts are Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The signature is missing.
    NoSignature,
    /// A version that nobody knows.
    UnknownVersion(u32),
    /// No page but the header.
    Empty,
    /// The file ends before the area does.
    AreaShorter {
        /// Pages that the header speaks of.
        header_pages: u64,
        /// Whole pages in the file.
        file_pages: u64,
    },
    /// A list of bad pages, which makes no sense in a file.
    BadPages(u32),
    /// More bad pages than there is room for.
    TooManyBadPages(u32),
    /// A bad page that is the header, or behind the end.
    BadPageOutside(u32),
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSignature => f.write_str("Unable to find swap-space signature"),
            Self::UnknownVersion(version) => {
                write!(f, "Unable to handle swap header version {version}")
            }
            Self::Empty => f.write_str("Empty swap-file"),
            Self::AreaShorter { header_pages, file_pages } => write!(
                f,
                "Swap area shorter than signature indicates ({file_pages} of {header_pages} pages)"
            ),
            Self::BadPages(count) => write!(f, "swap file with {count} bad pages"),
            Self::TooManyBadPages(count) => {
                write!(f, "{count} bad pages, at most {BAD_PAGES_MAX} are possible")
            }
            Self::BadPageOutside(page) => write!(f, "bad page {page} is outside of the area"),
        }
    }
}

impl core::error::Error for HeaderError {}

impl SwapHeader {
    /// The header of an area of `pages` pages, itself included.
    ///
    /// # Errors
    /// [`MkswapError`] for a size or label that mkswap(8) refuses.
    pub fn new(pages: u64, uuid: [u8; 16], label: &str) -> Result<Self, MkswapError> {
        Ok(Self { last_page: last_page(pages)?, uuid, label: padded(label)? })
    }

    /// Pages of the area, header included.
    #[must_use]
    pub const fn size_pages(&self) -> u64 {
        self.last_page as u64 + 1
    }

    /// The page as it is on media.
    #[must_use]
    pub fn to_page(&self) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        page[VERSION_AT..LAST_PAGE_AT].copy_from_slice(&VERSION.to_le_bytes());
        page[LAST_PAGE_AT..BAD_PAGES_AT].copy_from_slice(&self.last_page.to_le_bytes());
        page[UUID_AT..LABEL_AT].copy_from_slice(&self.uuid);
        page[LABEL_AT..LABEL_AT + LABEL_BYTES_MAX].copy_from_slice(&self.label);
        page[SIGNATURE_AT..].copy_from_slice(SIGNATURE);
        page
    }

    /// Reads and checks a first page of a file of `file_pages` whole pages, in the order of Linux
    /// `read_swap_header`; also one written with the other byte order.
    ///
    /// # Errors
    /// [`HeaderError`], all of them `EINVAL` to the caller of swapon(2).
    pub fn from_page(page: &[u8; PAGE_BYTES], file_pages: u64) -> Result<Self, HeaderError> {
        if page[SIGNATURE_AT..] != *SIGNATURE {
            return Err(HeaderError::NoSignature);
        }
        let raw = |at| u32::from_le_bytes(array(page, at));
        let is_swapped = raw(VERSION_AT) == VERSION.swap_bytes();
        let number = |at| {
            if is_swapped { raw(at).swap_bytes() } else { raw(at) }
        };
        if number(VERSION_AT) != VERSION {
            return Err(HeaderError::UnknownVersion(number(VERSION_AT)));
        }
        let header = Self {
            last_page: number(LAST_PAGE_AT),
            uuid: array(page, UUID_AT),
            label: array(page, LABEL_AT),
        };
        if header.last_page == 0 {
            return Err(HeaderError::Empty);
        }
        if header.size_pages() > file_pages {
            return Err(HeaderError::AreaShorter { header_pages: header.size_pages(), file_pages });
        }
        Ok(header)
    }

    /// The pages that are not to be used, from the page that this header was read from, checked as Linux
    /// does (`read_swap_header`, `setup_swap_map_and_extents`): a file may have none, a partition may.
    ///
    /// # Errors
    /// [`HeaderError`], all of them `EINVAL` and silent in Linux.
    pub fn bad_pages(
        &self,
        page: &[u8; PAGE_BYTES],
        is_partition: bool,
    ) -> Result<Vec<u32>, HeaderError> {
        let is_swapped = u32::from_le_bytes(array(page, VERSION_AT)) != VERSION;
        let number = |at| {
            let raw = u32::from_le_bytes(array(page, at));
            if is_swapped { raw.swap_bytes() } else { raw }
        };
        let count = number(BAD_PAGES_AT);
        if count > 0 && !is_partition {
            return Err(HeaderError::BadPages(count));
        }
        if count > BAD_PAGES_MAX {
            return Err(HeaderError::TooManyBadPages(count));
        }
        let listed = (0..count as usize).map(|index| number(BAD_LIST_AT + 4 * index));
        let check = |bad: u32| {
            let is_inside = (1..=self.last_page).contains(&bad);
            if is_inside { Ok(bad) } else { Err(HeaderError::BadPageOutside(bad)) }
        };
        listed.map(check).collect()
    }

    /// The page as it is on media, with a list of bad pages; what is beyond the room for it is left out.
    #[must_use]
    pub fn to_page_with_bad(&self, bad: &[u32]) -> [u8; PAGE_BYTES] {
        let mut page = self.to_page();
        let bad = &bad[..bad.len().min(BAD_PAGES_MAX as usize)];
        page[BAD_PAGES_AT..UUID_AT].copy_from_slice(&(bad.len() as u32).to_le_bytes());
        for (index, bad) in bad.iter().enumerate() {
            page[BAD_LIST_AT + 4 * index..][..4].copy_from_slice(&bad.to_le_bytes());
        }
        page
    }
}

/// `N` bytes of the page; the offsets are constants of the layout.
fn array<const N: usize>(page: &[u8; PAGE_BYTES], at: usize) -> [u8; N] {
    core::array::from_fn(|index| page[at + index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const HEADER: SwapHeader = SwapHeader {
        last_page: 0x0102_0304,
        uuid: *b"0123456789abcdef",
        label: *b"lab\0\0\0\0\0\0\0\0\0\0\0\0\0",
    };
    const PAGES: u64 = HEADER.size_pages();

    #[test]
    fn the_page_has_the_layout_of_mkswap() {
        let page = HEADER.to_page();
        assert_eq!(page[..1024], [0; 1024]);
        assert_eq!(page[1024..1036], [1, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(&page[1036..1052], b"0123456789abcdef");
        assert_eq!(&page[1052..1055], b"lab");
        assert_eq!(&page[4086..], b"SWAPSPACE2");
        assert_eq!(SwapHeader::from_page(&page, PAGES), Ok(HEADER));
    }

    /// What `mkswap -L swaplab -U 01234567-89ab-cdef-0123-456789abcdef` of util-linux leaves on a file of 1 MiB: every
    /// byte that is not zero, at its place in `union swap_header`.
    #[test]
    fn a_header_that_util_linux_made_is_read_with_size_label_and_uuid() {
        let mut page = [0; PAGE_BYTES];
        let (version, last_page) = ([1, 0, 0, 0], [0xff, 0, 0, 0]);
        let uuid = [
            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
            0xcd, 0xef,
        ];
        let made: [(usize, &[u8]); 5] = [
            (1024, &version),
            (1028, &last_page),
            (1036, &uuid),
            (1052, b"swaplab"),
            (4086, b"SWAPSPACE2"),
        ];
        for (at, bytes) in made {
            page[at..at + bytes.len()].copy_from_slice(bytes);
        }
        let header = SwapHeader::from_page(&page, 256).unwrap();
        assert_eq!((header.last_page, header.size_pages(), header.uuid), (255, 256, uuid));
        assert_eq!(&header.label[..8], b"swaplab\0");
        assert_eq!(header.bad_pages(&page, false).unwrap(), []);
        assert_eq!(header.to_page(), page, "what we write is the same byte for byte");
    }

    #[test]
    fn a_header_of_the_other_byte_order_is_read() {
        let mut page = HEADER.to_page();
        page[1024..1028].reverse();
        page[1028..1032].reverse();
        assert_eq!(SwapHeader::from_page(&page, PAGES), Ok(HEADER));
    }

    #[test]
    fn every_byte_of_the_signature_matters() {
        for at in 4086..4096 {
            let mut page = HEADER.to_page();
            page[at] ^= 1;
            let error = SwapHeader::from_page(&page, PAGES).unwrap_err();
            assert_eq!(error.to_string(), "Unable to find swap-space signature");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut page = HEADER.to_page();
        page[1024] = 2;
        let error = SwapHeader::from_page(&page, PAGES).unwrap_err();
        assert_eq!(error.to_string(), "Unable to handle swap header version 2");
    }

    #[test]
    fn a_header_alone_is_empty() {
        let header = SwapHeader { last_page: 0, ..HEADER };
        let error = SwapHeader::from_page(&header.to_page(), PAGES).unwrap_err();
        assert_eq!(error.to_string(), "Empty swap-file");
    }

    #[test]
    fn a_file_that_ends_early_is_refused_and_a_longer_one_is_not() {
        let page = HEADER.to_page();
        assert_eq!(
            SwapHeader::from_page(&page, PAGES - 1),
            Err(HeaderError::AreaShorter { header_pages: PAGES, file_pages: PAGES - 1 })
        );
        assert_eq!(SwapHeader::from_page(&page, PAGES + 1), Ok(HEADER));
    }

    #[test]
    fn bad_pages_are_refused_in_a_file_and_read_from_a_partition() {
        let page = HEADER.to_page_with_bad(&[7, 9, HEADER.last_page]);
        assert_eq!(SwapHeader::from_page(&page, PAGES), Ok(HEADER));
        assert_eq!(HEADER.bad_pages(&page, false), Err(HeaderError::BadPages(3)));
        assert_eq!(HEADER.bad_pages(&page, true).unwrap(), [7, 9, HEADER.last_page]);
        assert_eq!(HEADER.bad_pages(&HEADER.to_page(), false).unwrap(), []);
    }

    #[test]
    fn the_other_byte_order_holds_for_bad_pages_too() {
        let mut page = HEADER.to_page_with_bad(&[0x0102]);
        for at in [1024, 1028, 1032, 1536] {
            page[at..at + 4].reverse();
        }
        let header = SwapHeader::from_page(&page, PAGES).unwrap();
        assert_eq!(header.bad_pages(&page, true).unwrap(), [0x0102]);
    }

    #[test]
    fn bad_pages_outside_and_too_many_of_them_are_refused() {
        for bad in [0, HEADER.last_page + 1] {
            let page = HEADER.to_page_with_bad(&[bad]);
            assert_eq!(HEADER.bad_pages(&page, true), Err(HeaderError::BadPageOutside(bad)));
        }
        assert_eq!(BAD_PAGES_MAX, 637, "Linux MAX_SWAP_BADPAGES");
        let mut page = HEADER.to_page_with_bad(&[5; 637]);
        assert_eq!(HEADER.bad_pages(&page, true).unwrap().len(), 637);
        page[1032..1036].copy_from_slice(&638_u32.to_le_bytes());
        assert_eq!(HEADER.bad_pages(&page, true), Err(HeaderError::TooManyBadPages(638)));
    }
}
