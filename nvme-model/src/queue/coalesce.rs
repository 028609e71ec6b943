//! Interrupt coalescing: fewer interrupts for many completions, in virtual time.
//!
//! A vector is held back from its first completion until as many have come as the threshold says, or
//! the time has passed. Completions of the admin queue are never held back.
// Spec: NVMe-Base-2.0c 5.27.1.6 "Interrupt Coalescing"

use std::collections::{BTreeMap, BTreeSet};

use nvme_spec::feature::InterruptCoalescing;

/// The unit of the aggregation time.
const TIME_UNIT_NS: u64 = 100_000;

/// A vector that is held back.
#[derive(Clone, Copy, Debug)]
struct Held {
    completions: u32,
    until_ns: u64,
}

/// What is held back, and the rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coalescing {
    threshold: u32,
    time_ns: u64,
    exempt: BTreeSet<u16>,
    held: BTreeMap<u16, Held>,
}

impl Coalescing {
    /// The value of the feature Interrupt Coalescing. What is held back keeps its old time.
    pub(crate) fn configure(&mut self, value: InterruptCoalescing) {
        self.threshold = value.thr_z().saturating_add(1);
        self.time_ns = u64::from(value.time()).saturating_mul(TIME_UNIT_NS);
    }

    /// The bit Coalescing Disable of the feature Interrupt Vector Configuration.
    pub(crate) fn set_exempt(&mut self, vector: u16, is_exempt: bool) {
        if is_exempt {
            self.exempt.insert(vector);
        } else {
            self.exempt.remove(&vector);
        }
    }

    /// A completion was posted; `true` if its vector is to be raised now.
    pub(crate) fn completed(&mut self, vector: u16, now_ns: u64) -> bool {
        if self.threshold <= 1 || self.time_ns == 0 || self.exempt.contains(&vector) {
            return true;
        }
        let until_ns = now_ns.saturating_add(self.time_ns);
        let held = self.held.entry(vector).or_insert(Held { completions: 0, until_ns });
        held.completions = held.completions.saturating_add(1);
        held.completions >= self.threshold
    }

    /// The vector was raised, for whatever reason: nothing of it is held back any more.
    pub(crate) fn raised(&mut self, vector: u16) {
        self.held.remove(&vector);
    }

    /// The vectors whose time has passed.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> impl Iterator<Item = u16> {
        let is_due = move |_: &u16, held: &mut Held| held.until_ns <= now_ns;
        self.held.extract_if(.., is_due).map(|(vector, _)| vector)
    }

    /// When the next vector's time passes.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.held.values().map(|held| held.until_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coalescing(threshold: u32, units: u32) -> Coalescing {
        let mut coalescing = Coalescing::default();
        coalescing.configure(InterruptCoalescing(0).with_thr_z(threshold - 1).with_time(units));
        coalescing
    }

    #[test]
    fn a_vector_is_held_until_the_threshold_or_its_time() {
        let mut coalescing = coalescing(3, 2);
        assert!(!coalescing.completed(1, 10) && !coalescing.completed(1, 20));
        assert_eq!(coalescing.next_due(), Some(200_010), "from the first completion on");
        assert!(coalescing.completed(1, 30));
        coalescing.raised(1);
        assert_eq!(coalescing.next_due(), None);
        assert!(!coalescing.completed(1, 40));
        assert_eq!(coalescing.take_due(200_039).count(), 0);
        assert_eq!(coalescing.take_due(200_040).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn without_a_time_or_a_threshold_or_for_an_exempt_vector_nothing_is_held() {
        assert!(coalescing(3, 0).completed(1, 0));
        assert!(coalescing(1, 5).completed(1, 0));
        let mut coalescing = coalescing(3, 5);
        coalescing.set_exempt(1, true);
        assert!(coalescing.completed(1, 0) && !coalescing.completed(2, 0));
        coalescing.set_exempt(1, false);
        assert!(!coalescing.completed(1, 0));
    }
}
