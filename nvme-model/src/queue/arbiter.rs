//! Whose turn it is: round robin, or weighted round robin with an urgent class.
//!
//! Deterministic: within a class the queues take turns by number, a burst each; between the weighted
//! classes a round gives each its weight in commands, high before medium before low. A class that has
//! nothing to do loses nothing but its turn: a round ends when nobody with credit has a command.
// Spec: NVMe-Base-2.0c 3.4.4 "Command Arbitration"

use nvme_spec::ADMIN_QID;
use nvme_spec::feature::Arbitration;

use super::{CompletionQueue, Slot, SubmissionQueue};
use crate::numbered::Numbered;

/// Arbitration Burst that means "no limit".
const BURST_UNLIMITED: u32 = 7;

/// The priority of a submission queue, as Create I/O Submission Queue numbers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Priority {
    #[default]
    Urgent,
    High,
    Medium,
    Low,
}

impl Priority {
    /// The priority of QPRIO, a field of two bits.
    pub(crate) fn from_field(qprio: u32) -> Self {
        match qprio & 3 {
            0 => Self::Urgent,
            1 => Self::High,
            2 => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// Queues that take turns.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    last: u16,
    /// Commands that the last one may still launch in its burst.
    left: u32,
}

/// A class with a weight.
#[derive(Clone, Copy, Debug)]
struct Weighted {
    priority: Priority,
    turns: Turns,
    weight: u32,
    credit: u32,
}

/// The arbiter.
#[derive(Clone, Debug)]
pub(crate) struct Arbiter {
    is_weighted: bool,
    burst: u32,
    /// All queues in round robin; the urgent ones in weighted round robin.
    first: Turns,
    classes: [Weighted; 3],
}

impl Default for Arbiter {
    fn default() -> Self {
        let class = |priority| Weighted { priority, turns: Turns::default(), weight: 1, credit: 1 };
        Self {
            is_weighted: false,
            burst: 1,
            first: Turns::default(),
            classes: [class(Priority::High), class(Priority::Medium), class(Priority::Low)],
        }
    }
}

type Sqs = Numbered<SubmissionQueue>;
type Cqs = Numbered<CompletionQueue>;

impl Arbiter {
    /// The mechanism that CC.AMS selects.
    pub(crate) fn set_weighted(&mut self, is_weighted: bool) {
        self.is_weighted = is_weighted;
    }

    /// The value of the feature Arbitration.
    // Spec: NVMe-Base-2.0c 5.27.1.1 "Arbitration"
    pub(crate) fn configure(&mut self, value: Arbitration) {
        self.burst =
            if value.ab() == BURST_UNLIMITED { u32::MAX } else { 1_u32.wrapping_shl(value.ab()) };
        let weights_z = [value.hpw_z(), value.mpw_z(), value.lpw_z()];
        for (class, weight_z) in self.classes.iter_mut().zip(weights_z) {
            class.weight = weight_z.saturating_add(1);
            class.credit = class.weight;
        }
    }

    /// The next queue that has a command and a place for its completion; the place is reserved.
    pub(crate) fn next(&mut self, sqs: &Sqs, cqs: &mut Cqs) -> Option<(u16, Slot)> {
        if !self.is_weighted {
            return self.first.next(self.burst, sqs, cqs, |_, _| true);
        }
        let is_admin = |sqid, _: &SubmissionQueue| sqid == ADMIN_QID;
        let is_urgent =
            |sqid, sq: &SubmissionQueue| sqid != ADMIN_QID && sq.priority == Priority::Urgent;
        Turns::default()
            .next(1, sqs, cqs, is_admin)
            .or_else(|| self.first.next(self.burst, sqs, cqs, is_urgent))
            .or_else(|| self.next_weighted(sqs, cqs))
            .or_else(|| {
                // A round is over: everybody gets its credit anew.
                self.classes.iter_mut().for_each(|class| class.credit = class.weight);
                self.next_weighted(sqs, cqs)
            })
    }

    fn next_weighted(&mut self, sqs: &Sqs, cqs: &mut Cqs) -> Option<(u16, Slot)> {
        let burst = self.burst;
        self.classes.iter_mut().filter(|class| class.credit > 0).find_map(|class| {
            let priority = class.priority;
            let is_member =
                |sqid, sq: &SubmissionQueue| sqid != ADMIN_QID && sq.priority == priority;
            let chosen = class.turns.next(burst, sqs, cqs, is_member)?;
            class.credit = class.credit.saturating_sub(1);
            Some(chosen)
        })
    }
}

impl Turns {
    // Spec: NVMe-Base-2.0c 3.4.4.1 "Round Robin Arbitration"
    fn next(
        &mut self,
        burst: u32,
        sqs: &Sqs,
        cqs: &mut Cqs,
        is_member: impl Fn(u16, &SubmissionQueue) -> bool,
    ) -> Option<(u16, Slot)> {
        // A burst goes on with the queue that was served last.
        let from = if self.left > 0 { self.last } else { self.last.saturating_add(1) };
        for place in sqs.places_around(from) {
            let Some((sqid, sq)) = sqs.at(place) else { break };
            if sq.is_empty() || !is_member(sqid, sq) {
                continue;
            }
            if let Some(slot) = cqs.get_mut(sq.cqid).and_then(CompletionQueue::reserve) {
                let is_same = sqid == self.last && self.left > 0;
                self.left = if is_same { self.left } else { burst }.saturating_sub(1);
                self.last = sqid;
                return Some((sqid, slot));
            }
        }
        None
    }
}
