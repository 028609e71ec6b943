//! The values of features that somebody has set.

use std::collections::BTreeMap;

/// Values by feature and by what the feature selects with: a vector, a namespace, a threshold, or 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    set: BTreeMap<(u8, u32), u32>,
    /// A bit for each feature that has any: every command asks for some, and mostly there is none.
    features: [u64; 4],
}

fn place(fid: u8) -> (usize, u64) {
    (usize::from(fid >> 6), 1_u64.wrapping_shl(u32::from(fid & 63)))
}

impl Values {
    pub(super) fn insert(&mut self, fid: u8, selector: u32, value: u32) {
        let (word, bit) = place(fid);
        if let Some(word) = self.features.get_mut(word) {
            *word |= bit;
        }
        self.set.insert((fid, selector), value);
    }

    pub(super) fn get(&self, fid: u8, selector: u32) -> Option<u32> {
        let (word, bit) = place(fid);
        let has_any = self.features.get(word).is_some_and(|word| word & bit != 0);
        if has_any { self.set.get(&(fid, selector)).copied() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_where_it_was_set_and_nowhere_else() {
        let mut values = Values::default();
        for (fid, selector) in [(0, 0), (63, 1), (64, 0), (0xff, u32::MAX)] {
            assert_eq!(values.get(fid, selector), None);
            values.insert(fid, selector, 7);
            values.insert(fid, selector, 8);
            assert_eq!(values.get(fid, selector), Some(8));
            assert_eq!(values.get(fid, selector ^ 2), None);
            assert_eq!(values.get(fid ^ 1, selector), None);
        }
    }
}
