//! What a run's rules did, as a schedule: on the n-th command of a class, this happened.
//!
//! A schedule needs no seed, no probability and no condition, so it can be cut anywhere, and any guest on the
//! controller can be given it. A rule that is not about commands (an enable, a doorbell) stays as it is.

use std::collections::BTreeMap;

use nvme_model::fault::{OpClass, Rule, Until, When};
use nvme_model::{Event as ModelEvent, FaultPlan};
use nvme_spec::{AdminOpcode, NvmOpcode};

use crate::trace::{Entry, Source};

/// One thing that a rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The number of its event in the trace, from 1.
    pub event: usize,
    /// A rule that does this and nothing else: `CLASS nth=N => ACTION`.
    pub rule: Rule,
}

/// Everything that the rules of `plan` did in a run, in order.
#[must_use]
pub fn schedule(plan: &FaultPlan, trace: &[Entry]) -> Vec<Firing> {
    let mut commands: Vec<(OpClass, u64)> = Vec::new();
    let mut counts: BTreeMap<(bool, u8), u64> = BTreeMap::new();
    let mut firings: Vec<Firing> = Vec::new();
    for (event, entry) in (1..).zip(trace) {
        match entry.source {
            Source::Controller(ModelEvent::Fetch { sqid, opcode, .. }) => {
                let count = counts.entry((sqid == 0, opcode)).or_default();
                *count += 1;
                let class = match sqid {
                    0 => OpClass::Admin(AdminOpcode(opcode)),
                    _ => OpClass::Io(NvmOpcode(opcode)),
                };
                commands.push((class, *count));
            }
            Source::Controller(ModelEvent::Fault { rule, command, .. }) => {
                let Some(rule) = plan.rules.get(usize::from(rule)) else { continue };
                let index = usize::try_from(command).ok().and_then(|number| number.checked_sub(1));
                let rule = match (&rule.matcher.op, index.and_then(|index| commands.get(index))) {
                    (OpClass::Transition(_), _) | (_, None) => rule.clone(),
                    (_, Some((class, nth))) => once(rule, *class, *nth),
                };
                if firings.iter().all(|known| known.rule != rule) {
                    firings.push(Firing { event, rule });
                }
            }
            _ => {}
        }
    }
    firings
}

/// The rule, for one command only.
fn once(rule: &Rule, class: OpClass, nth: u64) -> Rule {
    let mut once = rule.clone();
    (once.name, once.sets) = (None, None);
    once.matcher = nvme_model::fault::Match { op: class, ..Default::default() };
    once.when = When { nth: Some(nth), ..When::default() };
    once.until = Until { is_until_reset: rule.until.is_until_reset, ..Until::default() };
    once
}
