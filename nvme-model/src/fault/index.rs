//! Which rules could be about a command, without asking each of them.
//!
//! Rules are kept by phase, opcode, queue and, where they name blocks, by these. So a command looks at
//! those that share all of that with it, and thousands of rules about other blocks cost a search.
//! Namespace, bits and data are not indexed: rules that differ in these alone are all asked.

use std::collections::BTreeMap;
use std::ops::Range;

use super::rule::{OpClass, Phase, Rule, Transition};
use super::subject::Subject;

/// What rules of one bucket have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OpKey {
    Any,
    Io,
    Admin,
    IoOpcode(u8),
    AdminOpcode(u8),
    Transition(Transition),
}

impl From<OpClass> for OpKey {
    fn from(op: OpClass) -> Self {
        match op {
            OpClass::Any => Self::Any,
            OpClass::AnyIo => Self::Io,
            OpClass::AnyAdmin => Self::Admin,
            OpClass::Io(opcode) => Self::IoOpcode(opcode.0),
            OpClass::Admin(opcode) => Self::AdminOpcode(opcode.0),
            OpClass::Transition(transition) => Self::Transition(transition),
        }
    }
}

impl OpKey {
    /// The keys that rules about this subject can have.
    fn of(subject: &Subject) -> [Option<Self>; 3] {
        match subject.transition {
            Some(transition) => [Some(Self::Transition(transition)), None, None],
            None if subject.sqid == nvme_spec::ADMIN_QID => {
                [Some(Self::Any), Some(Self::Admin), Some(Self::AdminOpcode(subject.opcode))]
            }
            None => [Some(Self::Any), Some(Self::Io), Some(Self::IoOpcode(subject.opcode))],
        }
    }
}

/// A rule about a range.
#[derive(Clone, Debug)]
struct Ranged {
    range: Range<u64>,
    /// The highest end of this range and of those before it.
    end_max: u64,
    rule: u32,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    /// Rules about no range.
    plain: Vec<u32>,
    /// The others by their beginning.
    ranged: Vec<Ranged>,
}

impl Bucket {
    fn sort(&mut self) {
        self.ranged.sort_by_key(|entry| (entry.range.start, entry.rule));
        let mut end_max = 0;
        for entry in &mut self.ranged {
            end_max = entry.range.end.max(end_max);
            entry.end_max = end_max;
        }
    }

    /// Adds the rules whose range has something in common with so many from `first` on.
    fn overlapping(&self, first: u64, count: u64, found: &mut Vec<u32>) {
        let end = first.saturating_add(count);
        let begun = self.ranged.partition_point(|entry| entry.range.start < end);
        let begun = self.ranged.get(..begun).unwrap_or(&[]).iter().rev();
        let candidates = begun.take_while(|entry| entry.end_max > first);
        found.extend(candidates.filter(|e| e.range.end > first).map(|entry| entry.rule));
    }
}

type Key = (bool, OpKey, Option<u16>);

/// The index of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    buckets: BTreeMap<Key, Bucket>,
    /// How many of the buckets are about one queue only.
    with_queue: usize,
}

impl Index {
    /// The index of these rules; each with its number.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (u32, &'a Rule)>) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules {
            let matcher = &rule.matcher;
            let key = (rule.phase == Phase::Completion, OpKey::from(matcher.op), matcher.queue);
            let bucket = index.buckets.entry(key).or_default();
            match matcher.lba.as_ref().or(matcher.reg.as_ref()) {
                Some(range) => {
                    bucket.ranged.push(Ranged { range: range.clone(), end_max: 0, rule: number });
                }
                None => bucket.plain.push(number),
            }
        }
        index.buckets.values_mut().for_each(Bucket::sort);
        index.with_queue = index.buckets.keys().filter(|(_, _, queue)| queue.is_some()).count();
        index
    }

    /// Whether any rule is about this transition.
    pub(super) fn has_transition(&self, transition: Transition) -> bool {
        let is_it = |key: &Key| key.1 == OpKey::Transition(transition);
        self.buckets.keys().any(is_it)
    }

    /// Puts the rules that could be about `subject` into `found`, in the plan's order.
    pub(super) fn candidates(&self, phase: Phase, subject: &Subject, found: &mut Vec<u32>) {
        found.clear();
        if self.buckets.is_empty() {
            return;
        }
        let queues = [None, Some(subject.sqid)];
        let queues = if self.with_queue == 0 { &queues[..1] } else { &queues[..] };
        let is_completion = phase == Phase::Completion;
        for op in OpKey::of(subject).into_iter().flatten() {
            for queue in queues {
                if let Some(bucket) = self.buckets.get(&(is_completion, op, *queue)) {
                    found.extend(&bucket.plain);
                    for (first, count) in subject.touched() {
                        bucket.overlapping(first, count, found);
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
    }
}
