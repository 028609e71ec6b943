//! Asks the rules, counts, and keeps the log of decisions.

use std::ops::Range;

use super::action::{Action, ActionKind};
use super::decide::{CompletionFaults, Subject, SubmissionFaults, TransitionFaults};
use super::delay::Draws;
use super::rule::{FaultPlan, Phase, Rule, Transition, When};
use crate::sick::SickBlocks;
use crate::{Event, Observer};

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Fires that the plan promises at the least: the `count` of the rule's `until`, else 1.
    pub planned: u64,
    /// Commands that matched while the rule was armed (its time had come and not yet gone).
    pub armed: u64,
    /// Times it fired.
    pub fired: u64,
}

/// One time that a rule fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule's index in the plan.
    pub rule: u16,
    /// The number of the command, from 1 over the controller's life; of a transition, that of the last
    /// command before it.
    pub command: u64,
    /// Virtual time.
    pub now_ns: u64,
    /// What was done.
    pub action: ActionKind,
}

#[derive(Clone, Debug, Default)]
struct State {
    counts: RuleCounts,
    is_over: bool,
    /// What is left of the rule's blocks, if rewriting heals them.
    sick: Option<SickBlocks>,
}

/// The rules of a plan and how far each has come. Survives resets and power cuts.
#[derive(Clone, Debug)]
pub struct FaultEngine {
    plan: FaultPlan,
    states: Vec<State>,
    log: Vec<Decision>,
    /// Whether any rule needs to know what blocks held before.
    has_stale_reads: bool,
    /// Whether any rule is healed by writing.
    has_healing: bool,
}

impl FaultEngine {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let FaultPlan { seed, rules } = plan;
        let mut engine = Self {
            plan: FaultPlan { seed, rules: Vec::new() },
            states: Vec::new(),
            log: Vec::new(),
            has_stale_reads: false,
            has_healing: false,
        };
        for rule in rules {
            engine.arm(rule);
        }
        engine
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// How far each rule has come, in the plan's order.
    pub fn counts(&self) -> impl Iterator<Item = (&Rule, RuleCounts)> {
        self.plan.rules.iter().zip(self.states.iter().map(|state| state.counts))
    }

    /// Rules that have not fired as often as the plan promises: a run with any is not exercised.
    pub fn unfired(&self) -> impl Iterator<Item = &Rule> {
        self.counts().filter(|(_, counts)| counts.fired < counts.planned).map(|(rule, _)| rule)
    }

    /// Every decision so far.
    #[must_use]
    pub fn log(&self) -> &[Decision] {
        &self.log
    }

    /// Adds a rule to the plan of a running machine.
    pub fn arm(&mut self, rule: Rule) {
        self.has_stale_reads |= rule.action == Action::StaleRead;
        self.has_healing |= rule.until.is_until_rewrite;
        self.states.push(State::new(&rule));
        self.plan.rules.push(rule);
    }

    pub(crate) fn on_reset(&mut self) {
        for (rule, state) in self.plan.rules.iter().zip(&mut self.states) {
            state.is_over |= rule.until.is_until_reset;
        }
    }

    /// Whether what a write replaces has to be kept.
    pub(crate) fn has_stale_reads(&self) -> bool {
        self.has_stale_reads
    }

    /// These blocks were written: rules until a rewrite lose them.
    pub(crate) fn on_rewrite(&mut self, nsid: u32, slba: u64, blocks: u64) {
        if !self.has_healing {
            return;
        }
        for (rule, state) in self.plan.rules.iter().zip(&mut self.states) {
            let is_here = rule.matcher.nsid.is_none_or(|only| only == nsid);
            if let Some(sick) = state.sick.as_mut().filter(|_| is_here) {
                sick.heal(slba, blocks);
                state.is_over |= sick.is_empty();
            }
        }
    }

    /// The power was lost: blocks that rules keep bad until a rewrite are bad again if no rewrite ever
    /// reached the media. `never_written` says which of a range those are.
    pub(crate) fn on_power_loss(
        &mut self,
        nsid: u32,
        never_written: &dyn Fn(Range<u64>) -> Vec<Range<u64>>,
    ) {
        for (rule, state) in self.plan.rules.iter().zip(&mut self.states) {
            let is_here = rule.matcher.nsid.is_none_or(|only| only == nsid);
            let (Some(sick), Some(lba)) = (state.sick.as_mut(), rule.matcher.lba.clone()) else {
                continue;
            };
            if !is_here {
                continue;
            }
            let was_healed = sick.is_empty();
            never_written(lba).into_iter().for_each(|range| sick.add(range));
            let is_done = rule.until.count.is_some_and(|count| state.counts.fired >= count);
            if was_healed && !sick.is_empty() && !rule.until.is_until_reset && !is_done {
                state.is_over = false;
            }
        }
    }

    /// Asks about a change of the controller's state; `number` is that of the last command.
    pub(crate) fn at_transition(
        &mut self,
        now_ns: u64,
        transition: Transition,
        number: u64,
        observer: &mut dyn Observer,
    ) -> TransitionFaults {
        let mut faults = TransitionFaults::default();
        let subject = Subject::of_transition(transition, number);
        for phase in [Phase::Submission, Phase::Completion] {
            self.ask(phase, now_ns, &subject, observer, &mut |action| {
                faults.add(action);
            });
        }
        faults
    }

    pub(crate) fn at_submission(
        &mut self,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> SubmissionFaults {
        let mut faults = SubmissionFaults::default();
        self.ask(Phase::Submission, now_ns, subject, observer, &mut |action| faults.add(action));
        faults
    }

    pub(crate) fn at_completion(
        &mut self,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> CompletionFaults {
        let mut faults = CompletionFaults::default();
        self.ask(Phase::Completion, now_ns, subject, observer, &mut |action| faults.add(action));
        faults
    }

    fn ask(
        &mut self,
        phase: Phase,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
        act: &mut dyn FnMut(&Action),
    ) {
        for index in 0..self.plan.rules.len() {
            let is_opened = self.is_opened(index);
            let (Some(rule), Some(state)) =
                (self.plan.rules.get(index), self.states.get_mut(index))
            else {
                continue;
            };
            let touches = |sick: &SickBlocks| sick.touches(subject.lba);
            if rule.phase != phase
                || !rule.matcher.holds(subject)
                || !state.sick.as_ref().is_none_or(touches)
            {
                continue;
            }
            let chance = Chance { seed: self.plan.seed, rule: index as u64 };
            if !is_opened || !state.fires(rule, now_ns, chance) {
                continue;
            }
            match &rule.action {
                Action::RandomDelay(distribution) => {
                    let fired = state.counts.fired;
                    let delay_ns = distribution.sample(fired, chance.delays(fired));
                    act(&Action::Delay(delay_ns));
                }
                action => act(action),
            }
            let (rule_index, action) =
                (u16::try_from(index).unwrap_or(u16::MAX), rule.action.kind());
            let (command, fired) = (subject.number, state.counts.fired);
            self.log.push(Decision { rule: rule_index, command, now_ns, action });
            observer.event(now_ns, &Event::Fault { rule: rule_index, command, action, fired });
        }
    }

    /// Whether the rule that this one waits for has fired. A name that no rule has, never fires.
    fn is_opened(&self, index: usize) -> bool {
        let Some(name) = self.plan.rules.get(index).and_then(|rule| rule.when.after.as_deref())
        else {
            return true;
        };
        self.counts().any(|(rule, counts)| rule.name.as_deref() == Some(name) && counts.fired > 0)
    }
}

/// Where a rule's chances come from.
#[derive(Clone, Copy)]
struct Chance {
    seed: u64,
    rule: u64,
}

impl Chance {
    /// A number that depends on seed, rule and match only (SplitMix64's finaliser).
    fn draw(self, matched: u64) -> u64 {
        let mut z = self.seed
            ^ self.rule.wrapping_mul(0xd1b5_4a32_d192_ed03)
            ^ matched.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Where the delay of the `fired`th firing comes from: not the numbers that decided to fire.
    fn delays(self, fired: u64) -> Draws {
        let other = Self { seed: !self.seed, rule: self.rule };
        Draws::new(other.draw(fired))
    }
}

impl State {
    fn new(rule: &Rule) -> Self {
        let planned = rule.until.count.unwrap_or(1);
        Self {
            counts: RuleCounts { planned, ..RuleCounts::default() },
            is_over: false,
            sick: rule
                .matcher
                .lba
                .clone()
                .filter(|_| rule.until.is_until_rewrite)
                .map(SickBlocks::new),
        }
    }

    /// Counts a match and decides.
    fn fires(&mut self, rule: &Rule, now_ns: u64, chance: Chance) -> bool {
        self.is_over |= rule.until.time_ns.is_some_and(|end| now_ns >= end);
        let When { nth, every, chance: probability, from_ns, to_ns, .. } = &rule.when;
        let is_in_window =
            from_ns.is_none_or(|from| now_ns >= from) && to_ns.is_none_or(|to| now_ns < to);
        if self.is_over || !is_in_window {
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
