//! "In this context, never that."

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;

use iomap::Context;

use super::{Auditor, Deeds};
use crate::events::Event;

/// Somebody did what was forbidden in that context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// In which context.
    pub context: Context,
    /// What.
    pub deed: Deeds,
    /// How it showed.
    pub event: Event,
}

/// An auditor that counts deeds by context and keeps those that were forbidden.
#[derive(Debug, Default)]
pub struct Never {
    rules: Vec<(Context, Deeds)>,
    counts: RefCell<BTreeMap<(u8, Deeds), u64>>,
    found: RefCell<Vec<Violation>>,
}

impl Never {
    /// An auditor that forbids nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `deeds` are forbidden in `context`, too.
    #[must_use]
    pub fn forbid(mut self, context: Context, deeds: Deeds) -> Self {
        self.rules.push((context, deeds));
        self
    }

    /// What the mail asks of swap I/O and of reclaim: nothing that could wait for memory, for the log, or for a
    /// lock whose holder waits for memory.
    #[must_use]
    pub fn in_swap_io() -> Self {
        let all = [Context::SwapOut, Context::SwapIn, Context::Reclaim];
        all.into_iter().fold(Self::new(), |rules, context| rules.forbid(context, Deeds::all()))
    }

    /// What direct I/O of users keeps away from: pages of the cache, and space that is claimed but not allocated. It
    /// does allocate, convert and lock; see [`Never::forbid`] for an overwrite, which does none of them.
    #[must_use]
    pub fn in_direct_io() -> Self {
        Self::new().forbid(Context::Dio, Deeds::PAGE_ALLOC | Deeds::CLAIM)
    }

    /// What was forbidden and happened, in order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.found.borrow().clone()
    }

    /// How often `deed` happened in `context`, forbidden or not.
    #[must_use]
    pub fn count(&self, context: Context, deed: Deeds) -> u64 {
        self.counts.borrow().get(&(context as u8, deed)).copied().unwrap_or(0)
    }
}

impl Auditor for Never {
    fn saw(&self, event: &Event) {
        let Some((context, deed)) = event.deed() else { return };
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry((context as u8, deed)).or_default();
        *count = count.saturating_add(1);
        let is_forbidden =
            |(place, deeds): &(Context, Deeds)| *place == context && deeds.contains(deed);
        if self.rules.iter().any(is_forbidden) {
            self.found.borrow_mut().push(Violation { context, deed, event: *event });
        }
    }
}
