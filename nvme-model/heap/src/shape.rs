//! Where in a slab its blocks are.

use crate::slab::{FreeSlot, Head};

/// What a slab takes: a huge page, which begins at a multiple of that.
pub(crate) const SLAB_BYTES: usize = 2 << 20;

/// What the caches fetch at once.
const LINE_BYTES: usize = 64;

/// With fewer slots a slab would mostly be what lies between them.
const SLOTS_MIN: usize = 8;

/// Where the slots of a slab are: the first one at the first place behind the slab's own words by which the bytes of its
/// block begin with a line, the others at multiples of whole lines behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Offset of the first slot.
    first: usize,
    /// From one slot to the next.
    stride: usize,
    /// How many slots there are.
    pub(crate) slots: usize,
    /// What every slot is aligned to.
    pub(crate) align: usize,
}

impl Shape {
    /// The slots for blocks of `block_bytes` with `header_bytes` before them.
    ///
    /// # Panics
    /// If a free slot could not hold what connects it with others, or if a slab holds fewer than eight.
    pub(crate) const fn new(header_bytes: usize, block_bytes: usize) -> Self {
        let first = (size_of::<Head>() + header_bytes).next_multiple_of(LINE_BYTES) - header_bytes;
        let stride = (header_bytes + block_bytes).next_multiple_of(LINE_BYTES);
        // Bytes begin with a line, and a slot as far before it as the header is long.
        let align = 1 << (LINE_BYTES | header_bytes).trailing_zeros();
        let slots = (SLAB_BYTES - first) / stride;
        assert!(slots >= SLOTS_MIN, "a slab holds too few blocks");
        assert!(align >= align_of::<FreeSlot>(), "a slot cannot hold a word");
        assert!(header_bytes + block_bytes >= size_of::<FreeSlot>(), "a slot is too short");
        Self { first, stride, slots, align }
    }

    /// Where a slot begins, from the beginning of its slab; for slots that there are.
    pub(crate) const fn offset(&self, slot: usize) -> usize {
        self.first + slot * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_begin_with_a_line_and_slots_fit_whatever_the_sizes_are() {
        for header_bytes in (0..=256).step_by(8) {
            for block_bytes in [8, 512, 4096, 4104, 65_536] {
                let shape = Shape::new(header_bytes, block_bytes);
                assert!(shape.first >= size_of::<Head>());
                for slot in 0..shape.slots {
                    let offset = shape.offset(slot);
                    assert_eq!((offset + header_bytes) % LINE_BYTES, 0);
                    assert_eq!(offset % shape.align, 0);
                    assert!(shape.offset(slot + 1) - offset >= header_bytes + block_bytes);
                }
                assert!(shape.offset(shape.slots - 1) + shape.stride <= SLAB_BYTES);
                assert!(shape.offset(shape.slots) + shape.stride > SLAB_BYTES, "one more fits");
            }
        }
    }

    #[test]
    fn a_slab_holds_504_blocks_of_4096_bytes_with_two_words() {
        assert_eq!(Shape::new(16, 4096), Shape { first: 48, stride: 4160, slots: 504, align: 16 });
    }
}
