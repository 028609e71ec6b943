//! Arrays for the lowest nodes of a tree, before they are part of it.
//!
//! They are allocated several at a time, so that they lie side by side. Allocated one by one as they are needed,
//! each would lie among what its neighbours' values point to, on a page of its own: a lookup in a large tree then
//! waits for the page's address to be translated, which a processor remembers of some thousand pages.
//!
//! What it does not do: an array that is copied because two trees share it comes from wherever it comes.

use triomphe::Arc;

use super::FANOUT;

/// So many are allocated at once at the most; the first times fewer, since most trees are small.
const BATCH_MAX: usize = 64;

/// The arrays that are left of the last batch. What they hold means nothing.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    arrays: Vec<Arc<[T; FANOUT]>>,
    batch: usize,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { arrays: Vec::new(), batch: 1 }
    }
}

/// A copy of a tree gets its own.
impl<T> Clone for Fresh<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Clone> Fresh<T> {
    /// An array that nobody shares, with this value everywhere.
    pub(super) fn take(&mut self, value: &T) -> Arc<[T; FANOUT]> {
        let filled = || Arc::new(std::array::from_fn(|_| value.clone()));
        let Some(mut array) = self.arrays.pop() else {
            self.arrays.extend((1..self.batch).map(|_| filled()));
            self.batch = self.batch.saturating_mul(2).min(BATCH_MAX);
            return filled();
        };
        Arc::make_mut(&mut array).fill(value.clone());
        array
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_array_is_its_own_and_holds_what_was_asked_for() {
        let mut fresh = Fresh::default();
        let arrays: Vec<_> = (0..300_u32).map(|value| fresh.take(&value)).collect();
        for (array, value) in arrays.iter().zip(0..) {
            assert_eq!(**array, [value; FANOUT]);
            assert!(array.is_unique());
        }
        assert!(fresh.clone().take(&1).is_unique(), "a copy has none of the original's");
    }
}
