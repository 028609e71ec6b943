//! Placing base address registers that firmware left unplaced.

use core::ops::Range;

/// Deals out addresses of the PCI window, bottom up.
#[derive(Clone, Debug)]
pub struct BarWindow {
    free: Range<u64>,
}

impl BarWindow {
    /// A window in which nothing is placed yet.
    #[must_use]
    pub fn new(window: Range<u64>) -> Self {
        Self { free: window }
    }

    /// Marks `taken` (placed by firmware) as used, as far as it lies above what is dealt out.
    pub fn skip(&mut self, taken: Range<u64>) {
        if taken.end > self.free.start && taken.start < self.free.end {
            self.free.start = taken.end;
        }
    }

    /// Places a BAR of `size_bytes`, aligned to its size as the registers demand; a BAR smaller than
    /// a page gets a page of its own.
    ///
    /// `None` if the size is no power of two or the window is full.
    // Spec: PCI-3.0 6.2.5.1 "Address Maps"
    pub fn place(&mut self, size_bytes: u64) -> Option<u64> {
        if !size_bytes.is_power_of_two() {
            return None;
        }
        let size_bytes = size_bytes.max(hal::PAGE_BYTES as u64);
        let start = self.free.start.checked_next_multiple_of(size_bytes)?;
        let end = start.checked_add(size_bytes).filter(|end| *end <= self.free.end)?;
        self.free.start = end;
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_aligned_to_their_size_and_do_not_overlap() {
        let mut window = BarWindow::new(0xc000_0000..0xe000_0000);
        assert_eq!(window.place(16), Some(0xc000_0000));
        assert_eq!(window.place(0x4000), Some(0xc000_4000));
        assert_eq!(window.place(0x1000), Some(0xc000_8000));
    }

    #[test]
    fn what_firmware_placed_is_skipped() {
        let mut window = BarWindow::new(0xc000_0000..0xe000_0000);
        window.skip(0xfe00_0000..0xfe00_1000);
        window.skip(0xc000_0000..0xc000_4000);
        assert_eq!(window.place(0x1000), Some(0xc000_4000));
    }

    #[test]
    fn a_full_window_and_an_impossible_size_are_refused() {
        let mut window = BarWindow::new(0xc000_0000..0xc000_2000);
        assert_eq!(window.place(0x3000), None);
        assert_eq!(window.place(0), None);
        assert_eq!(window.place(1 << 63), None);
        assert_eq!(window.place(0x2000), Some(0xc000_0000));
        assert_eq!(window.place(16), None);
    }
}
