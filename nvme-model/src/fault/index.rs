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

/// Rules of one phase and opcode.
#[derive(Clone, Debug, Default)]
struct Queues {
    /// Rules about any queue.
    any: Bucket,
    /// Rules about one queue, by its number.
    one: Vec<(u16, Bucket)>,
}

impl Queues {
    fn of(&mut self, queue: Option<u16>) -> &mut Bucket {
        let Some(queue) = queue else {
            return &mut self.any;
        };
        let found = self.one.binary_search_by_key(&queue, |(number, _)| *number);
        let place = found.unwrap_or_else(|place| {
            self.one.insert(place, (queue, Bucket::default()));
            place
        });
        self.one.get_mut(place).map_or(&mut self.any, |(_, bucket)| bucket)
    }

    /// The rules that may be about a command of this queue.
    fn about(&self, queue: u16) -> impl Iterator<Item = &Bucket> {
        let found = self.one.binary_search_by_key(&queue, |(number, _)| *number);
        let one = found.ok().and_then(|place| self.one.get(place));
        std::iter::once(&self.any).chain(one.map(|(_, bucket)| bucket))
    }
}

/// The index of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// By whether they look at completions, and by opcode: few, whatever the plan.
    queues: BTreeMap<(bool, OpKey), Queues>,
}

impl Index {
    /// The index of these rules; each with its number.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (u32, &'a Rule)>) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules {
            let matcher = &rule.matcher;
            let key = (rule.phase == Phase::Completion, OpKey::from(matcher.op));
            let bucket = index.queues.entry(key).or_default().of(matcher.queue);
            match matcher.lba.as_ref().or(matcher.reg.as_ref()) {
                Some(range) => {
                    bucket.ranged.push(Ranged { range: range.clone(), end_max: 0, rule: number });
                }
                None => bucket.plain.push(number),
            }
        }
        for queues in index.queues.values_mut() {
            queues.any.sort();
            queues.one.iter_mut().for_each(|(_, bucket)| bucket.sort());
        }
        index
    }

    /// Whether any rule is about this transition.
    pub(super) fn has_transition(&self, transition: Transition) -> bool {
        self.queues.keys().any(|(_, op)| *op == OpKey::Transition(transition))
    }

    /// Puts the rules that could be about `subject` into `found`, in the plan's order.
    pub(super) fn candidates(&self, phase: Phase, subject: &Subject, found: &mut Vec<u32>) {
        found.clear();
        let is_completion = phase == Phase::Completion;
        if self.queues.is_empty() {
            return;
        }
        for op in OpKey::of(subject).into_iter().flatten() {
            let Some(queues) = self.queues.get(&(is_completion, op)) else {
                continue;
            };
            for bucket in queues.about(subject.sqid) {
                found.extend(&bucket.plain);
                if bucket.ranged.is_empty() {
                    continue;
                }
                for (first, count) in subject.touched() {
                    bucket.overlapping(first, count, found);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
    }
}
