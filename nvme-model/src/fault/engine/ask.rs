//! Asks the rules about a command, or about something else that the host does.

use super::FaultEngine;
use crate::fault::fired::Faults;
use crate::fault::kinds::Action;
use crate::fault::log::Decision;
use crate::fault::progress::{Chance, LastFired};
use crate::fault::rule::Phase;
use crate::fault::subject::Subject;
use crate::{Event, Observer};

impl FaultEngine {
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
        if !rule.is_about(subject, &self.state)
            || progress.bad.as_ref().is_some_and(|bad| !bad.are_touched_by(subject))
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
