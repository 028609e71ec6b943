//! Which rules could be about a command, without asking each of them.
//!
//! Rules are kept by phase, opcode, queue and, where they name blocks, by these. So a command looks at
//! those that share all of that with it: two places of a table, and of thousands of rules about other
//! blocks or queues it sees the bounds, or searches them. Most commands are outside of all bounds, and learn
//! it at one glance ([`Reach`]). A rule is kept under the opcodes that anything could happen to, however many it names. Namespace, bits and data are not indexed: rules that differ in these alone are all asked.

use std::collections::BTreeMap;
use std::ops::Range;

use super::rule::{OpClass, Phase, Rule, Transition};
use super::subject::{Subject, overlaps};

/// What some rules could be about, roughly: nothing outside of it concerns any of them.
#[derive(Clone, Debug, Default)]
struct Reach {
    /// Some rule names neither a range nor a queue.
    is_everything: bool,
    /// Every range that a rule about any queue names is in here.
    ranges: Range<u64>,
    /// Every queue that a rule names.
    queues: Range<u32>,
}

impl Reach {
    fn with(&self, other: &Self) -> Self {
        Self {
            is_everything: self.is_everything || other.is_everything,
            ranges: hull(&self.ranges, &other.ranges),
            queues: hull(&self.queues, &other.queues),
        }
    }

    #[inline]
    fn has(&self, subject: &Subject) -> bool {
        self.is_everything
            || self.queues.contains(&subject.sqid.into())
            || !self.ranges.is_empty() && subject.touched().any(|part| overlaps(&self.ranges, part))
    }
}

/// The smallest range that has both in it.
fn hull<T: Copy + Ord>(one: &Range<T>, other: &Range<T>) -> Range<T> {
    if one.is_empty() {
        other.clone()
    } else if other.is_empty() {
        one.clone()
    } else {
        one.start.min(other.start)..one.end.max(other.end)
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
    /// From the beginning of the first range to the end of the last: most commands are about none of the places
    /// that rules name, and learn it here.
    bounds: Range<u64>,
}

impl Bucket {
    fn sort(&mut self) {
        self.ranged.sort_by_key(|entry| (entry.range.start, entry.rule));
        let mut end_max = 0;
        for entry in &mut self.ranged {
            end_max = entry.range.end.max(end_max);
            entry.end_max = end_max;
        }
        self.bounds = self.ranged.first().map_or(0, |entry| entry.range.start)..end_max;
    }

    /// Adds the rules that may be about this.
    fn collect(&self, subject: &Subject, found: &mut Vec<u32>) {
        found.extend_from_slice(&self.plain);
        if !self.bounds.is_empty() {
            subject.touched().for_each(|(first, count)| self.overlapping(first, count, found));
        }
    }

    /// Adds the rules whose range has something in common with so many from `first` on.
    fn overlapping(&self, first: u64, count: u64, found: &mut Vec<u32>) {
        let end = first.saturating_add(count);
        if end <= self.bounds.start || self.bounds.end <= first {
            return;
        }
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
    /// From the first of these numbers to behind the last.
    bounds: Range<u32>,
}

impl Queues {
    fn add(&mut self, number: u32, rule: &Rule) {
        let bucket = self.bucket(rule.matcher.queue);
        match rule.matcher.lba.as_ref().or(rule.matcher.reg.as_ref()) {
            Some(range) => {
                bucket.ranged.push(Ranged { range: range.clone(), end_max: 0, rule: number });
            }
            None => bucket.plain.push(number),
        }
    }

    fn bucket(&mut self, queue: Option<u16>) -> &mut Bucket {
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

    fn sort(&mut self) {
        self.any.sort();
        self.one.iter_mut().for_each(|(_, bucket)| bucket.sort());
        let number = |entry: Option<&(u16, Bucket)>| entry.map(|(number, _)| u32::from(*number));
        let behind = number(self.one.last()).map_or(0, |last| last.saturating_add(1));
        self.bounds = number(self.one.first()).unwrap_or(0)..behind;
    }

    /// Once they are sorted.
    fn reach(&self) -> Reach {
        Reach {
            is_everything: !self.any.plain.is_empty(),
            ranges: self.any.bounds.clone(),
            queues: self.bounds.clone(),
        }
    }

    /// Adds the rules that may be about this.
    fn collect(&self, subject: &Subject, found: &mut Vec<u32>) {
        self.any.collect(subject, found);
        if !self.bounds.contains(&subject.sqid.into()) {
            return;
        }
        let place = self.one.binary_search_by_key(&subject.sqid, |(number, _)| *number);
        if let Some((_, bucket)) = place.ok().and_then(|place| self.one.get(place)) {
            bucket.collect(subject, found);
        }
    }
}

/// Rules about I/O commands or about admin commands.
#[derive(Clone, Debug, Default)]
struct Class {
    /// Rules about any opcode.
    any: Queues,
    /// Rules about one opcode, by it; as many as the highest that a rule names.
    opcodes: Vec<Queues>,
    /// Of the rules about any opcode.
    reach: Reach,
    /// Of these and of the rules about one opcode, by it.
    reaches: Vec<Reach>,
}

impl Class {
    fn opcode(&mut self, opcode: u8) -> &mut Queues {
        let place = usize::from(opcode);
        if self.opcodes.len() <= place {
            self.opcodes.resize_with(place.saturating_add(1), Queues::default);
        }
        self.opcodes.get_mut(place).unwrap_or(&mut self.any)
    }

    fn sort(&mut self) {
        self.any.sort();
        self.opcodes.iter_mut().for_each(Queues::sort);
        self.reach = self.any.reach();
        self.reaches = self.opcodes.iter().map(|one| self.reach.with(&one.reach())).collect();
    }

    fn may_concern(&self, subject: &Subject) -> bool {
        self.reaches.get(usize::from(subject.opcode())).unwrap_or(&self.reach).has(subject)
    }

    fn collect(&self, subject: &Subject, found: &mut Vec<u32>) {
        self.any.collect(subject, found);
        if let Some(queues) = self.opcodes.get(usize::from(subject.opcode())) {
            queues.collect(subject, found);
        }
    }
}

/// Rules of one phase.
#[derive(Clone, Debug, Default)]
struct PhaseIndex {
    has_rules: bool,
    io: Class,
    admin: Class,
    transitions: BTreeMap<Transition, Queues>,
}

impl PhaseIndex {
    fn add(&mut self, number: u32, rule: &Rule) {
        self.has_rules = true;
        rule.ops().into_iter().for_each(|op| self.add_at(op, number, rule));
    }

    fn add_at(&mut self, op: OpClass, number: u32, rule: &Rule) {
        match op {
            OpClass::Any => {
                self.io.any.add(number, rule);
                self.admin.any.add(number, rule);
            }
            OpClass::AnyIo => self.io.any.add(number, rule),
            OpClass::AnyAdmin => self.admin.any.add(number, rule),
            OpClass::Io(opcode) => self.io.opcode(opcode.0).add(number, rule),
            OpClass::Admin(opcode) => self.admin.opcode(opcode.0).add(number, rule),
            OpClass::Transition(transition) => {
                self.transitions.entry(transition).or_default().add(number, rule);
            }
        }
    }

    fn sort(&mut self) {
        self.io.sort();
        self.admin.sort();
        self.transitions.values_mut().for_each(Queues::sort);
    }

    fn may_concern(&self, subject: &Subject) -> bool {
        match subject.transition {
            Some(transition) => self.transitions.contains_key(&transition),
            None if subject.sqid == nvme_spec::ADMIN_QID => self.admin.may_concern(subject),
            None => self.io.may_concern(subject),
        }
    }

    fn collect(&self, subject: &Subject, found: &mut Vec<u32>) {
        match subject.transition {
            Some(transition) => {
                if let Some(queues) = self.transitions.get(&transition) {
                    queues.collect(subject, found);
                }
            }
            None if subject.sqid == nvme_spec::ADMIN_QID => self.admin.collect(subject, found),
            None => self.io.collect(subject, found),
        }
    }
}

/// The index of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    submission: PhaseIndex,
    completion: PhaseIndex,
}

impl Index {
    /// The index of these rules; each with its number.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (u32, &'a Rule)>) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules {
            match rule.phase {
                Phase::Submission => index.submission.add(number, rule),
                Phase::Completion => index.completion.add(number, rule),
            }
        }
        index.submission.sort();
        index.completion.sort();
        index
    }

    fn phase(&self, phase: Phase) -> &PhaseIndex {
        match phase {
            Phase::Submission => &self.submission,
            Phase::Completion => &self.completion,
        }
    }

    /// Whether any rule of this phase could be about `subject`. Mostly there are no rules.
    #[inline]
    pub(super) fn may_concern(&self, phase: Phase, subject: &Subject) -> bool {
        let phase = self.phase(phase);
        phase.has_rules && phase.may_concern(subject)
    }

    /// Whether any rule is about this transition.
    pub(super) fn has_transition(&self, transition: Transition) -> bool {
        [&self.submission, &self.completion]
            .iter()
            .any(|phase| phase.transitions.contains_key(&transition))
    }

    /// Puts the rules that could be about `subject` into `found`, in the plan's order.
    pub(super) fn candidates(&self, phase: Phase, subject: &Subject, found: &mut Vec<u32>) {
        found.clear();
        self.phase(phase).collect(subject, found);
        if found.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
    }
}

#[cfg(test)]
mod tests;
