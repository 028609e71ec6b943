//! Asks the rules about a request, and counts.

use nvme_model::fault::Flip;
use p9_wire::Request;

use super::rule::{Action, Op, ServerPlan, ServerRule};
use crate::errno::Errno;
use crate::store::BLOCK_BYTES;

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Fires that the plan promises at the least.
    pub planned: u64,
    /// Requests that it matched.
    pub matched: u64,
    /// Times that it fired.
    pub fired: u64,
}

/// What becomes of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) delay_ns: u64,
    pub(crate) error: Option<Errno>,
    pub(crate) is_request_lost: bool,
    pub(crate) is_reply_lost: bool,
    pub(crate) disconnect_ns: Option<u64>,
    pub(crate) is_filesystem_down: bool,
    pub(crate) bytes_max: Option<u32>,
    pub(crate) has_wrong_tag: bool,
    pub(crate) flip: Option<Flip>,
    pub(crate) is_elsewhere: bool,
}

impl Fate {
    fn add(&mut self, action: &Action, delay_ns: u64) {
        match *action {
            Action::Delay(_) => self.delay_ns = self.delay_ns.saturating_add(delay_ns),
            Action::Error(errno) => self.error = Some(errno),
            Action::DropRequest => self.is_request_lost = true,
            Action::DropReply => self.is_reply_lost = true,
            Action::Disconnect(away_ns) => self.disconnect_ns = Some(away_ns),
            Action::FilesystemDown => self.is_filesystem_down = true,
            Action::Short(bytes) => self.bytes_max = Some(bytes),
            Action::WrongTag => self.has_wrong_tag = true,
            Action::Corrupt(flip) => self.flip = Some(flip),
            Action::Elsewhere => self.is_elsewhere = true,
        }
    }
}

/// The rules of a plan, with their counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    plan: ServerPlan,
    counts: Vec<RuleCounts>,
}

impl Faults {
    pub(crate) fn new(plan: ServerPlan) -> Self {
        let planned = |rule: &ServerRule| RuleCounts {
            planned: rule.count.unwrap_or(1),
            ..RuleCounts::default()
        };
        let counts = plan.rules.iter().map(planned).collect();
        Self { plan, counts }
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = (&ServerRule, &RuleCounts)> {
        self.plan.rules.iter().zip(&self.counts)
    }

    pub(crate) fn counts(&self) -> &[RuleCounts] {
        &self.counts
    }

    /// Asks every rule; calls `fired` with the number and the action of each that fires.
    pub(crate) fn ask(
        &mut self,
        request: &Request<'_>,
        now_ns: u64,
        mut fired: impl FnMut(u32, &Action),
    ) -> Fate {
        let mut fate = Fate::default();
        for index in 0..self.plan.rules.len() {
            let is_open = self.is_open(index);
            let Some((rule, counts)) = self.plan.rules.get(index).zip(self.counts.get_mut(index))
            else {
                continue;
            };
            if !is_open || !rule.is_about(request) {
                continue;
            }
            counts.matched += 1;
            let number = index as u64;
            if !rule.fires(counts, self.plan.seed, number) {
                continue;
            }
            counts.fired += 1;
            let delay_ns = match &rule.action {
                Action::Delay(delay) => delay.sample(now_ns, counts.fired, self.plan.seed, number),
                _ => 0,
            };
            fate.add(&rule.action, delay_ns);
            fired(u32::try_from(index).unwrap_or(u32::MAX), &rule.action);
        }
        fate
    }

    /// The rule that this one waits for has fired.
    fn is_open(&self, index: usize) -> bool {
        let Some(after) = self.plan.rules.get(index).and_then(|rule| rule.after.as_ref()) else {
            return true;
        };
        let rules = self.plan.rules.iter().zip(&self.counts);
        rules
            .into_iter()
            .any(|(rule, counts)| rule.name.as_ref() == Some(after) && counts.fired > 0)
    }
}

impl ServerRule {
    fn is_about(&self, request: &Request<'_>) -> bool {
        let range = match *request {
            Request::Read { offset, count, .. } | Request::Write { offset, count, .. } => {
                let end = offset.saturating_add(count.into()).div_ceil(BLOCK_BYTES);
                Some(offset / BLOCK_BYTES..end)
            }
            _ => None,
        };
        let is_op = match self.op {
            Op::Any => true,
            Op::Io => range.is_some(),
            Op::Kind(kind) => request.kind() == kind,
        };
        is_op
            && self.pages.as_ref().is_none_or(|pages| {
                range.is_some_and(|range| pages.start < range.end && range.start < pages.end)
            })
    }

    fn fires(&self, counts: &RuleCounts, seed: u64, number: u64) -> bool {
        let matched = counts.matched;
        self.count.is_none_or(|count| counts.fired < count)
            && self.nth.is_none_or(|nth| matched == nth)
            && self.every.is_none_or(|every| matched.is_multiple_of(every))
            && self.chance.is_none_or(|chance| chance.holds(seed, number, matched))
    }
}
