//! How far one rule has come: its counts, its chances, its end.

use nvme_spec::status::UNRECOVERED_READ;

use super::bad_blocks::BadBlocks;
use super::delay::Draws;
use super::kinds::{Action, ActionKind};
use super::rule::{Rule, When, Within};
use super::subject::{NamedBlocks, Subject};

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Fires that the plan promises at the least: the `count` of the rule's `until`, else 1; of a rule
    /// that forbids something, 0.
    pub planned: u64,
    /// Commands that matched while the rule was armed (its time had come and not yet gone).
    pub armed: u64,
    /// Times it fired.
    pub fired: u64,
}

/// The last firing of a rule with a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastFired {
    pub(super) at_ns: u64,
    pub(super) times: u64,
}

/// Where a rule's chances come from.
#[derive(Clone, Copy)]
pub(super) struct Chance {
    pub(super) seed: u64,
    pub(super) rule: u64,
}

impl Chance {
    /// A number that depends on seed, rule and match only (SplitMix64's finaliser).
    pub(super) fn draw(self, matched: u64) -> u64 {
        let mut z = self.seed
            ^ self.rule.wrapping_mul(0xd1b5_4a32_d192_ed03)
            ^ matched.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Where the delay of the `fired`th firing comes from: not the numbers that decided to fire.
    pub(super) fn delays(self, fired: u64) -> Draws {
        let other = Self { seed: !self.seed, rule: self.rule };
        Draws::new(other.draw(fired))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) counts: RuleCounts,
    pub(super) is_over: bool,
    pub(super) is_disarmed: bool,
    /// The rule's blocks, if rewriting heals them.
    pub(super) bad: Option<BadBlocks>,
    /// How often the rule that this one waits for had fired, and matches since then.
    since_after: (u64, u64),
}

impl Progress {
    pub(super) fn new(rule: &Rule) -> Self {
        let is_forbidden = rule.action.kind() == ActionKind::Forbid;
        let planned = if is_forbidden { 0 } else { rule.until.count.unwrap_or(1) };
        let lba = rule.matcher.lba.clone().filter(|_| rule.until.is_until_rewrite);
        Self {
            counts: RuleCounts { planned, ..RuleCounts::default() },
            bad: lba.map(|lba| BadBlocks::new(rule.matcher.nsid, lba)),
            ..Self::default()
        }
    }

    /// The rule fired: does the host learn of blocks that cannot be read until they are written again?
    pub(super) fn tell(&mut self, rule: &Rule, subject: &Subject) {
        let is_unreadable =
            matches!(&rule.action, Action::Status(status) if status.code == UNRECOVERED_READ);
        if let Some(bad) = self.bad.as_mut().filter(|_| is_unreadable) {
            bad.tell(subject);
        }
    }

    /// These blocks were written, one of the `namespaces` that there are.
    pub(super) fn heal(&mut self, written: NamedBlocks, namespaces: impl Iterator<Item = u32>) {
        if let Some(bad) = &mut self.bad {
            self.is_over |= bad.heal(written, namespaces);
        }
    }

    /// Whether the rule that this one waits for has fired, and not too long ago.
    fn is_opened(&mut self, when: &When, now_ns: u64, after: Option<LastFired>) -> bool {
        if when.after.is_none() {
            return true;
        }
        let Some(after) = after else {
            return false;
        };
        match when.within {
            None => true,
            Some(Within::Ns(ns)) => now_ns.saturating_sub(after.at_ns) < ns,
            Some(Within::Matches(limit)) => {
                if self.since_after.0 != after.times {
                    self.since_after = (after.times, 0);
                }
                self.since_after.1 = self.since_after.1.saturating_add(1);
                self.since_after.1 <= limit
            }
        }
    }

    /// Counts a match and decides.
    pub(super) fn fires(
        &mut self,
        rule: &Rule,
        now_ns: u64,
        after: Option<LastFired>,
        chance: Chance,
    ) -> bool {
        self.is_over |= rule.until.time_ns.is_some_and(|end| now_ns >= end);
        let When { nth, every, chance: probability, from_ns, to_ns, .. } = &rule.when;
        let is_in_window =
            from_ns.is_none_or(|from| now_ns >= from) && to_ns.is_none_or(|to| now_ns < to);
        if self.is_over || !is_in_window || !self.is_opened(&rule.when, now_ns, after) {
            return false;
        }
        self.counts.armed = self.counts.armed.saturating_add(1);
        let matched = self.counts.armed;
        let fires = nth.is_none_or(|nth| matched == nth)
            && every.is_none_or(|every| matched.checked_rem(every) == Some(0))
            && probability.is_none_or(|p| {
                let parts = chance.draw(matched).checked_rem(1_000_000_000).unwrap_or(0);
                parts < u64::from(p.parts_per_billion)
            });
        if fires {
            self.counts.fired = self.counts.fired.saturating_add(1);
            self.is_over |= rule.until.count.is_some_and(|count| self.counts.fired >= count);
        }
        fires
    }
}
