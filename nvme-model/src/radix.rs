//! A map from every index below a bound to a value, as a tree that is copied in constant time.
//!
//! Ranges of one value are kept where they fit, at any height, so that setting or clearing a terabyte
//! touches a few nodes. A copy shares all nodes with its original; whichever of the two changes first
//! copies the nodes on the way down, [`FANOUT`] values each, and nothing else.
//!
//! The lowest nodes hold bare values, one after the other: a lookup among many waits for one of them, and the
//! smaller they are, the more of them the processor's caches have. The counts are without weak references: to
//! ask whether a node is shared is then a load and no locked instruction.
//!
//! What it does not do: it never joins equal neighbours into a larger range again, so what was written
//! piece by piece stays in pieces. Readers see that only as shorter runs.
//!
//! Invariant: nodes of slots above the lowest level, values there, neither at height 0: a lookup ends after at
//! most eleven steps.

mod fresh;

use std::ops::Range;

use fresh::Fresh;
use triomphe::Arc;

const FANOUT_BITS: u32 = 6;

/// Children of a node.
pub(crate) const FANOUT: usize = 1 << FANOUT_BITS;

#[derive(Clone, Debug)]
enum Slot<T> {
    /// All indices below here have this value.
    Same(T),
    Node(Arc<Node<T>>),
    Values(Arc<[T; FANOUT]>),
}

#[derive(Clone, Debug)]
struct Node<T>([Slot<T>; FANOUT]);

/// The map. Cloning it costs one reference count.
#[derive(Clone, Debug)]
pub(crate) struct Radix<T> {
    root: Slot<T>,
    /// Levels of nodes above the values, were there no ranges. Heights are counted in bits of an index, of which
    /// each level takes [`FANOUT_BITS`].
    height: u32,
    fresh: Fresh<T>,
}

/// Consecutive indices with one value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a, T> {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) value: &'a T,
}

impl<T: Clone> Radix<T> {
    /// All of `size` indices have this value.
    pub(crate) fn new(size: u64, value: T) -> Self {
        let bits = u64::BITS.saturating_sub(size.saturating_sub(1).leading_zeros());
        let height = bits.next_multiple_of(FANOUT_BITS);
        Self { root: Slot::Same(value), height, fresh: Fresh::default() }
    }

    /// The value at `index`, and how many indices from there on are known to have it.
    pub(crate) fn get(&self, index: u64) -> (&T, u64) {
        let mut slot = &self.root;
        let mut height = self.height;
        loop {
            match slot {
                Slot::Same(value) => {
                    let span = span(height);
                    return (value, span.saturating_sub(index & span.saturating_sub(1)));
                }
                Slot::Node(node) => {
                    height = height.saturating_sub(FANOUT_BITS);
                    slot = child(&node.0, index, height);
                }
                Slot::Values(values) => return (child(values, index, 0), 1),
            }
        }
    }

    /// The runs of a range, in order. Neighbours may have the same value.
    pub(crate) fn runs(&self, range: Range<u64>) -> impl Iterator<Item = Run<'_, T>> {
        let mut first = range.start;
        std::iter::from_fn(move || {
            let left = range.end.saturating_sub(first);
            if left == 0 {
                return None;
            }
            let (value, count) = self.get(first);
            let run = Run { first, count: count.clamp(1, left), value };
            first = first.saturating_add(run.count);
            Some(run)
        })
    }

    /// The parts of a range whose value is not `value`, ascending and never adjacent.
    pub(crate) fn parts_without(&self, range: Range<u64>, value: &T) -> Vec<Range<u64>>
    where
        T: PartialEq,
    {
        let mut parts: Vec<Range<u64>> = Vec::new();
        for run in self.runs(range).filter(|run| run.value != value) {
            let end = run.first.saturating_add(run.count);
            match parts.last_mut() {
                Some(last) if last.end == run.first => last.end = end,
                _ => parts.push(run.first..end),
            }
        }
        parts
    }

    /// The place of one value.
    pub(crate) fn get_mut(&mut self, index: u64) -> &mut T {
        let is_single = self.height == 0;
        let mut slot = &mut self.root;
        let mut height = self.height;
        while height > FANOUT_BITS {
            height = height.saturating_sub(FANOUT_BITS);
            slot = child_mut(slot.slots(), index, height);
        }
        if is_single {
            return slot.value();
        }
        child_mut(slot.values(&mut self.fresh), index, 0)
    }

    /// Gives all indices one value.
    pub(crate) fn set_all(&mut self, value: T) {
        self.root = Slot::Same(value);
    }

    /// Gives all of a range one value.
    pub(crate) fn set(&mut self, range: Range<u64>, value: &T) {
        if !range.is_empty() {
            self.root.set(self.height, 0, &range, value, &mut self.fresh);
        }
    }
}

impl<T: Clone> Slot<T> {
    /// The value of this slot, which is at height 0.
    fn value(&mut self) -> &mut T {
        match self {
            Self::Same(value) => value,
            Self::Node(_) | Self::Values(_) => unreachable!("nothing is below height 0"),
        }
    }

    /// The slots below this one, which is above the lowest nodes; a range becomes a node of such ranges.
    fn slots(&mut self) -> &mut [Self; FANOUT] {
        if let Self::Same(value) = self {
            let node = Node(std::array::from_fn(|_| Self::Same(value.clone())));
            *self = Self::Node(Arc::new(node));
        }
        match self {
            Self::Node(node) => &mut Arc::make_mut(node).0,
            Self::Same(_) | Self::Values(_) => {
                unreachable!("above the lowest nodes there are nodes")
            }
        }
    }

    /// The values below this slot, whose node is one of the lowest.
    fn values(&mut self, fresh: &mut Fresh<T>) -> &mut [T; FANOUT] {
        if let Self::Same(value) = self {
            *self = Self::Values(fresh.take(value));
        }
        match self {
            Self::Values(values) => Arc::make_mut(values),
            Self::Same(_) | Self::Node(_) => unreachable!("the lowest nodes have values"),
        }
    }

    fn set(&mut self, height: u32, base: u64, range: &Range<u64>, value: &T, fresh: &mut Fresh<T>) {
        let end = base.saturating_add(span(height).saturating_sub(1));
        if range.start <= base && end < range.end {
            *self = Self::Same(value.clone());
            return;
        }
        let below = height.saturating_sub(FANOUT_BITS);
        let step = span(below);
        let first = place(range.start.max(base), below);
        let last = place(range.end.saturating_sub(1).min(end), below);
        if below == 0 {
            return self
                .values(fresh)
                .get_mut(first..=last)
                .unwrap_or_default()
                .fill(value.clone());
        }
        for (slot, number) in self.slots().get_mut(first..=last).into_iter().flatten().zip(first..)
        {
            let first = base.saturating_add(step.saturating_mul(number as u64));
            slot.set(below, first, range, value, fresh);
        }
    }
}

/// Indices below a slot at this height.
fn span(height: u32) -> u64 {
    1_u64.checked_shl(height).unwrap_or(u64::MAX)
}

/// Which child has `index`: always below [`FANOUT`].
fn place(index: u64, height: u32) -> usize {
    const DIGIT: u64 = FANOUT as u64 - 1;
    let digit = index.wrapping_shr(height) & DIGIT;
    usize::try_from(digit).unwrap_or(0)
}

fn child<T>(slots: &[T; FANOUT], index: u64, height: u32) -> &T {
    let [first, ..] = slots;
    slots.get(place(index, height)).unwrap_or(first)
}

fn child_mut<T>(slots: &mut [T; FANOUT], index: u64, height: u32) -> &mut T {
    match slots.get_mut(place(index, height)) {
        Some(slot) => slot,
        None => unreachable!("six bits are below the fanout"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_an_array_holds(
            changes in prop::collection::vec((0_u64..5000, 0_u64..5000, 1_u8..), 0..20),
        ) {
            let mut tree = Radix::new(5000, 0_u8);
            let mut array = [0_u8; 5000];
            for (first, end, value) in changes {
                tree.set(first..end, &value);
                array.iter_mut().take(end as usize).skip(first as usize).for_each(|v| *v = value);
                *tree.get_mut(first) = 255 - value;
                array[first as usize] = 255 - value;
            }
            let mut seen = Vec::new();
            for run in tree.runs(0..5000) {
                prop_assert_eq!(run.first, seen.len() as u64);
                seen.extend((0..run.count).map(|_| *run.value));
            }
            prop_assert_eq!(seen, array.to_vec());
        }
    }

    /// Nodes that two trees do not share, counted in the first.
    fn own_nodes(a: &Slot<u8>, b: &Slot<u8>) -> usize {
        match (a, b) {
            (Slot::Node(a), Slot::Node(b)) if Arc::ptr_eq(a, b) => 0,
            (Slot::Node(a), Slot::Node(b)) => {
                1 + a.0.iter().zip(&b.0).map(|(a, b)| own_nodes(a, b)).sum::<usize>()
            }
            (Slot::Values(a), Slot::Values(b)) => usize::from(!Arc::ptr_eq(a, b)),
            (Slot::Node(_) | Slot::Values(_), _) => 1,
            (Slot::Same(_), _) => 0,
        }
    }

    #[test]
    fn a_copy_shares_everything_but_the_way_to_a_change_whatever_the_size() {
        for size in [1 << 12, 1 << 18, 1 << 30, 1 << 48] {
            let mut tree = Radix::new(size, 0_u8);
            for index in (0..1000).map(|i| i * (size / 1000)) {
                *tree.get_mut(index) = 1;
            }
            let mut copy = tree.clone();
            assert_eq!(own_nodes(&copy.root, &tree.root), 0);
            *copy.get_mut(size - 1) = 2;
            assert!(own_nodes(&copy.root, &tree.root) <= (tree.height / FANOUT_BITS) as usize);
            assert_eq!((copy.get(size - 1).0, tree.get(size - 1).0), (&2, &0));
        }
    }

    #[test]
    fn clearing_the_largest_drive_makes_no_nodes() {
        let mut tree = Radix::new(1 << 48, 1_u8);
        tree.set(0..1 << 48, &0);
        assert!(matches!(tree.root, Slot::Same(0)));
        assert_eq!(tree.get(5).1, (1 << 48) - 5);
    }
}
