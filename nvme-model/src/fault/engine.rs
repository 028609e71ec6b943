//! Asks the rules, counts, and keeps the log of decisions.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fired::Faults;
use super::holds::Holds;
use super::index::Index;
use super::kinds::{Action, ActionKind, Seen};
use super::log::{Decision, DecisionLog};
use super::progress::{Chance, LastFired, Progress, RuleCounts};
use super::rule::{FaultPlan, Match, OpClass, Phase, Rule, START, Transition};
use super::subject::Subject;
use crate::sick::SickBlocks;
use crate::{Event, Observer};

/// Whether a rule can still fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleStatus {
    /// It can.
    Armed,
    /// Its end has come.
    Over,
    /// It was disarmed.
    Disarmed,
}

impl RuleStatus {
    /// The status in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Over => "over",
            Self::Disarmed => "disarmed",
        }
    }
}

/// The rules of a plan and how far each has come. Survives resets and power cuts.
#[derive(Clone, Debug)]
pub struct FaultEngine {
    plan: FaultPlan,
    progress: Vec<Progress>,
    index: Index,
    log: DecisionLog,
    /// What the rules have set.
    state: String,
    /// Rules with a name that have fired.
    fired: BTreeMap<String, LastFired>,
    holds: Holds,
    /// Rules that are healed by writing.
    healing: Vec<u32>,
    /// Kept to save allocations.
    candidates: Vec<u32>,
    wants: Wants,
}

/// What rules need to know beyond the entry of a command.
#[derive(Clone, Copy, Debug, Default)]
struct Wants {
    stale_reads: bool,
    data: bool,
    ranges: bool,
    happens_at_once: bool,
}

/// Whether the host could see the rule's effect in the same moment in which it rings a doorbell or
/// writes a register, and not only in a later completion.
fn happens_at_once(rule: &Rule) -> bool {
    rule.action.kind().row().seen == Seen::AtOnce
        || matches!(rule.matcher.op, OpClass::Transition(_))
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl FaultEngine {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let progress = plan.rules.iter().map(Progress::new).collect();
        let mut engine = Self {
            plan,
            progress,
            index: Index::default(),
            log: DecisionLog::default(),
            state: START.into(),
            fired: BTreeMap::new(),
            holds: Holds::default(),
            healing: Vec::new(),
            candidates: Vec::new(),
            wants: Wants::default(),
        };
        engine.rebuild();
        engine
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// How far each rule has come, in the plan's order.
    pub fn counts(&self) -> impl Iterator<Item = (&Rule, RuleCounts)> {
        self.plan.rules.iter().zip(self.progress.iter().map(|progress| progress.counts))
    }

    /// Whether each rule can still fire, in the plan's order.
    pub fn statuses(&self) -> impl Iterator<Item = RuleStatus> {
        self.progress.iter().map(|progress| match progress {
            Progress { is_disarmed: true, .. } => RuleStatus::Disarmed,
            Progress { is_over: true, .. } => RuleStatus::Over,
            _ => RuleStatus::Armed,
        })
    }

    /// Rules that have not fired as often as the plan promises: a run with any is not exercised.
    ///
    /// What was disarmed is no longer planned.
    pub fn unfired(&self) -> impl Iterator<Item = &Rule> {
        let rules = self.plan.rules.iter().zip(&self.progress);
        let is_unfired = |progress: &Progress| {
            !progress.is_disarmed && progress.counts.fired < progress.counts.planned
        };
        rules.filter(move |(_, progress)| is_unfired(progress)).map(|(rule, _)| rule)
    }

    /// Rules that forbid what then happened.
    pub fn violations(&self) -> impl Iterator<Item = (&Rule, RuleCounts)> {
        self.counts()
            .filter(|(rule, counts)| rule.action.kind() == ActionKind::Forbid && counts.fired > 0)
    }

    /// The last decisions.
    #[must_use]
    pub fn log(&self) -> &DecisionLog {
        &self.log
    }

    /// The state that the rules have set.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Adds a rule to the plan of a running machine; returns its index.
    pub fn arm(&mut self, rule: Rule) -> u32 {
        let index = number(self.plan.rules.len());
        self.progress.push(Progress::new(&rule));
        self.plan.rules.push(rule);
        self.rebuild();
        index
    }

    /// Makes sure that a rule does not fire any more. `false` if there is none of this index.
    pub fn disarm(&mut self, index: u32) -> bool {
        let progress = usize::try_from(index).ok().and_then(|index| self.progress.get_mut(index));
        let is_there = progress.map(|progress| progress.is_disarmed = true).is_some();
        self.holds.rule_was_disarmed(index);
        self.rebuild();
        is_there
    }

    fn rebuild(&mut self) {
        let rules = (0..).zip(&self.plan.rules).zip(&self.progress);
        let armed = rules.filter(|(_, progress)| !progress.is_disarmed).map(|(rule, _)| rule);
        self.index = Index::new(armed.clone());
        self.wants = armed.clone().fold(Wants::default(), |wants, (_, rule)| Wants {
            stale_reads: wants.stale_reads || rule.action == Action::StaleRead,
            data: wants.data || rule.matcher.asks(|matcher: &Match| matcher.data.is_some()),
            ranges: wants.ranges || rule.matcher.asks(|matcher: &Match| matcher.lba.is_some()),
            happens_at_once: wants.happens_at_once || happens_at_once(rule),
        });
        let is_healed =
            |(number, rule): (u32, &Rule)| rule.until.is_until_rewrite.then_some(number);
        self.healing = armed.filter_map(is_healed).collect();
    }

    pub(crate) fn on_reset(&mut self) {
        for (rule, progress) in self.plan.rules.iter().zip(&mut self.progress) {
            progress.is_over |= rule.until.is_until_reset;
        }
        self.holds.forget();
    }

    /// Whether a rule holds the command of this number.
    pub(crate) fn holds(&self, command: u64) -> bool {
        self.holds.has(command)
    }

    /// Whether commands that were held may go on.
    pub(crate) fn has_released(&self) -> bool {
        self.holds.has_released()
    }

    /// Takes the numbers of commands that were held and may go on.
    pub(crate) fn take_released(&mut self) -> Vec<u64> {
        self.holds.take_released()
    }

    /// Whether what a write replaces has to be kept.
    pub(crate) fn has_stale_reads(&self) -> bool {
        self.wants.stale_reads
    }

    /// Whether a rule looks at the data that commands move.
    pub(crate) fn wants_data(&self) -> bool {
        self.wants.data
    }

    /// Whether a rule looks at blocks, which some commands have in their data.
    pub(crate) fn wants_ranges(&self) -> bool {
        self.wants.ranges
    }

    /// Whether a rule does something that the host could see at once.
    pub(crate) fn happens_at_once(&self) -> bool {
        self.wants.happens_at_once
    }

    /// Whether any rule is about this transition.
    pub(crate) fn watches(&self, transition: Transition) -> bool {
        self.index.has_transition(transition)
    }

    /// These blocks were written: rules until a rewrite lose them.
    pub(crate) fn on_rewrite(&mut self, nsid: u32, slba: u64, blocks: u64) {
        for index in &self.healing {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            let (Some(rule), Some(progress)) =
                (self.plan.rules.get(index), self.progress.get_mut(index))
            else {
                continue;
            };
            let is_here = rule.matcher.nsid.is_none_or(|only| only == nsid);
            if is_here {
                progress.heal(slba, blocks);
            }
        }
    }

    /// Blocks of a namespace that rules made unreadable until they are written again, as far as the host
    /// was told: a drive knows of a bad block once it tried to read it.
    pub(crate) fn told_unreadable(&self, nsid: u32) -> SickBlocks {
        let mut all = SickBlocks::default();
        let places = self.healing.iter().filter_map(|index| usize::try_from(*index).ok());
        let rules =
            places.filter_map(|at| Some((self.plan.rules.get(at)?, self.progress.get(at)?)));
        rules
            .filter(|(rule, _)| rule.matcher.nsid.is_none_or(|only| only == nsid))
            .flat_map(|(_, progress)| progress.told_unreadable.ranges())
            .for_each(|range| all.add(range));
        all
    }

    /// The power was lost: blocks that rules keep bad until a rewrite are bad again if no rewrite ever
    /// reached the media. `never_written` says which of a range those are.
    pub(crate) fn on_power_loss(
        &mut self,
        nsid: u32,
        never_written: &dyn Fn(Range<u64>) -> Vec<Range<u64>>,
    ) {
        for (rule, progress) in self.plan.rules.iter().zip(&mut self.progress) {
            let is_here = rule.matcher.nsid.is_none_or(|only| only == nsid);
            let (Some(sick), Some(lba)) = (progress.sick.as_mut(), rule.matcher.lba.clone()) else {
                continue;
            };
            if !is_here {
                continue;
            }
            let was_healed = sick.is_empty();
            never_written(lba).into_iter().for_each(|range| sick.add(range));
            let is_done = rule.until.count.is_some_and(|count| progress.counts.fired >= count);
            if was_healed && !sick.is_empty() && !rule.until.is_until_reset && !is_done {
                progress.is_over = false;
            }
        }
    }

    /// Asks about something else than a command, in both phases.
    pub(crate) fn at_transition(
        &mut self,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> Faults {
        let mut faults = Faults::default();
        for phase in [Phase::Submission, Phase::Completion] {
            if self.index.may_concern(phase, subject) {
                self.ask(phase, now_ns, subject, observer, &mut faults);
            }
        }
        faults
    }

    pub(crate) fn at_submission(
        &mut self,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> Faults {
        self.at(Phase::Submission, now_ns, subject, observer)
    }

    pub(crate) fn at_completion(
        &mut self,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> Faults {
        self.at(Phase::Completion, now_ns, subject, observer)
    }

    /// Mostly no rule could be about a command, and none is asked.
    #[inline]
    fn at(
        &mut self,
        phase: Phase,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> Faults {
        let mut faults = Faults::default();
        if self.index.may_concern(phase, subject) {
            self.ask(phase, now_ns, subject, observer, &mut faults);
        }
        faults
    }

    fn ask(
        &mut self,
        phase: Phase,
        now_ns: u64,
        subject: &Subject,
        observer: &mut dyn Observer,
        faults: &mut Faults,
    ) {
        let mut candidates = std::mem::take(&mut self.candidates);
        self.index.candidates(phase, subject, &mut candidates);
        for index in &candidates {
            if let Some((decision, action)) = self.ask_one(*index, now_ns, subject) {
                let Decision { rule, command, action: kind, fired, .. } = decision;
                let rule = u16::try_from(rule).unwrap_or(u16::MAX);
                self.log.push(decision);
                observer.event(now_ns, &Event::Fault { rule, command, action: kind, fired });
                // What only counts changes nothing on the command's way.
                if !matches!(action, Action::Expect | Action::Forbid) {
                    faults.add(action);
                }
            }
        }
        self.candidates = candidates;
    }

    /// Asks one rule.
    fn ask_one(
        &mut self,
        index: u32,
        now_ns: u64,
        subject: &Subject,
    ) -> Option<(Decision, Action)> {
        let place = usize::try_from(index).ok()?;
        let (rule, progress) = (self.plan.rules.get(place)?, self.progress.get_mut(place)?);
        if !rule.matcher.holds(subject, &self.state)
            || progress.sick.as_ref().is_some_and(|sick| !subject.is_sick(rule.matcher.nsid, sick))
        {
            return None;
        }
        let chance = Chance { seed: self.plan.seed, rule: index.into() };
        let after = rule.when.after.as_ref().and_then(|name| self.fired.get(name)).copied();
        if !progress.fires(rule, now_ns, after, chance) {
            return None;
        }
        progress.tell(rule, subject);
        let fired = progress.counts.fired;
        if let Some(name) = &rule.name {
            self.fired.insert(name.clone(), LastFired { at_ns: now_ns, times: fired });
        }
        if let Some(state) = &rule.sets {
            self.state.clone_from(state);
            self.holds.state_was_set(state);
        }
        if let Action::Hold(state) = &rule.action
            && *state != self.state
        {
            self.holds.add(index, state, subject.number);
        }
        let action = match &rule.action {
            Action::RandomDelay(distribution) => {
                Action::Delay(distribution.sample(now_ns, fired, chance.delays(fired)))
            }
            action => action.clone(),
        };
        let (command, kind) = (subject.number, rule.action.kind());
        Some((Decision { rule: index, command, now_ns, action: kind, fired }, action))
    }
}
