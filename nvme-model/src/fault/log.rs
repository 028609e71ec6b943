//! The log of decisions: the last so many of them.

use std::collections::VecDeque;

use super::kinds::ActionKind;

/// How many decisions are kept; older ones are counted only.
pub const LOG_DECISIONS_MAX: usize = 16 << 10;

/// One time that a rule fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule's index in the plan.
    pub rule: u32,
    /// The number of the command, from 1 over the controller's life; of anything else, that of the last
    /// command before it.
    pub command: u64,
    /// Virtual time.
    pub now_ns: u64,
    /// What was done.
    pub action: ActionKind,
    /// How often the rule has fired, this time included.
    pub fired: u64,
}

/// The last decisions, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionLog {
    ring: VecDeque<Decision>,
    dropped: u64,
}

impl DecisionLog {
    pub(super) fn push(&mut self, decision: Decision) {
        if self.ring.len() >= LOG_DECISIONS_MAX {
            self.ring.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.ring.push_back(decision);
    }

    /// The decisions that are kept, each with its number from 0 since the engine was made.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Decision)> {
        let last = self.dropped.saturating_add(self.ring.len() as u64);
        (self.dropped..last).zip(&self.ring)
    }

    /// Decisions that are no longer kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_last_decisions_and_counts_the_others() {
        let mut log = DecisionLog::default();
        for command in 0..LOG_DECISIONS_MAX as u64 + 3 {
            let action = ActionKind::Drop;
            log.push(Decision { rule: 0, command, now_ns: 0, action, fired: command });
        }
        assert_eq!(log.dropped(), 3);
        let first = log.iter().next().map(|(number, decision)| (number, decision.command));
        assert_eq!(first, Some((3, 3)));
        assert_eq!(log.iter().count(), LOG_DECISIONS_MAX);
    }
}
