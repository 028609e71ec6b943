//! What a power failure never tears.

/// The atomic write unit of a namespace for power failures.
///
/// A write within it is on the media whole or not at all. Of a larger write, or one that crosses a
/// boundary, each logical block is old or new by itself. By the letter of the standard such blocks
/// might hold anything; no drive that is sold and no filesystem that is used takes it so.
// Spec: NVM-CS-1.0c 2.1.4.2 "AWUPF/NAWUPF"
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atomicity {
    /// Blocks (AWUPF + 1), at least 1.
    pub unit_blocks: u32,
    /// Blocks between boundaries (NABSPF + 1); 0 if there are none.
    pub boundary_blocks: u32,
    /// The first boundary's block (NABO).
    pub boundary_offset: u32,
}

impl Default for Atomicity {
    /// One block, no boundaries: what every drive can do.
    fn default() -> Self {
        Self { unit_blocks: 1, boundary_blocks: 0, boundary_offset: 0 }
    }
}

impl Atomicity {
    /// Whether a write of these blocks is one piece.
    #[must_use]
    pub fn is_whole(&self, slba: u64, blocks: u64) -> bool {
        blocks <= u64::from(self.unit_blocks.max(1)) && !self.crosses(slba, blocks)
    }

    /// Whether there is a boundary between the first and the last of these blocks.
    fn crosses(&self, slba: u64, blocks: u64) -> bool {
        let size = i128::from(self.boundary_blocks);
        let offset = i128::from(self.boundary_offset);
        // Boundaries lie at the offset and every size blocks from there, in both directions.
        let area = |lba: u64| i128::from(lba).saturating_sub(offset).checked_div_euclid(size);
        let last = slba.saturating_add(blocks.saturating_sub(1));
        area(slba) != area(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_whole_up_to_the_unit_and_between_boundaries() {
        for (slba, blocks) in (0..40).flat_map(|slba| (1..12).map(move |blocks| (slba, blocks))) {
            let plain = Atomicity { unit_blocks: 4, ..Atomicity::default() };
            assert_eq!(plain.is_whole(slba, blocks), blocks <= 4);
            let bounded = Atomicity { boundary_blocks: 8, boundary_offset: 3, ..plain };
            let crosses = (slba + 1..slba + blocks).any(|lba| lba % 8 == 3);
            assert_eq!(bounded.is_whole(slba, blocks), blocks <= 4 && !crosses, "{slba} {blocks}");
        }
    }
}
