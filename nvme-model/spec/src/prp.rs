//! Physical Region Pages: arithmetic that both sides need.
//!
//! A data buffer is a list of pages; the first may begin anywhere in its page, the others begin at a
//! page start. Up to two pages fit in the command; beyond that PRP2 points to a list.
// Spec: NVMe-Base-2.0c 4.1.1 "Physical Region Page Entry and List"

/// Bytes of a PRP entry.
pub const ENTRY_BYTES: u64 = 8;

/// The offset of `address` in its page. `page_bytes` is a power of two.
#[must_use]
pub const fn page_offset(address: u64, page_bytes: u64) -> u64 {
    address & page_bytes.saturating_sub(1)
}

/// Pages that a buffer of `length_bytes` at `address` touches: the number of PRP entries it takes.
#[must_use]
pub const fn pages_spanned(address: u64, length_bytes: u64, page_bytes: u64) -> u64 {
    page_offset(address, page_bytes).saturating_add(length_bytes).div_ceil(page_bytes)
}

/// Entries from a list pointer to the end of its page. A list may begin anywhere in its page, on an
/// 8-byte boundary; if more entries are needed, the page's last one points to the next list page.
#[must_use]
pub const fn entries_to_page_end(list: u64, page_bytes: u64) -> u64 {
    page_bytes.saturating_sub(page_offset(list, page_bytes)) >> 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_spans_the_pages_it_touches() {
        assert_eq!(pages_spanned(0x1000, 0x1000, 0x1000), 1);
        assert_eq!(pages_spanned(0x1004, 0x1000, 0x1000), 2);
        assert_eq!(pages_spanned(0x1ffc, 0x1008, 0x1000), 3);
    }

    #[test]
    fn a_list_with_an_offset_has_fewer_entries() {
        assert_eq!(entries_to_page_end(0x2000, 0x1000), 512);
        assert_eq!(entries_to_page_end(0x2008, 0x1000), 511);
        assert_eq!(entries_to_page_end(0x2ff8, 0x1000), 1);
    }
}
