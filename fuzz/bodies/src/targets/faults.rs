//! The hostile guest against a controller with rules armed: the examples of every kind and every word, and
//! the matches of some with what happens in others.
//!
//! What must hold: no panic, a bounded number of memory accesses in a step, memory is used within a step
//! only, and it comes to an end. What is completed may be a lie.

use arbitrary::Unstructured;
use nvme_model::FaultPlan;
use nvme_model::fault::{KINDS, Rule, WORDS};

use super::model::play;

/// Rules of a plan, at the most.
const RULES_MAX: usize = 5;
/// What parts a rule in two.
const ARROW: &str = " => ";

/// Runs a program of the guest under rules.
pub fn run(data: &[u8]) -> u64 {
    let mut input = Unstructured::new(data);
    let played = plan(&mut input).and_then(|plan| play(&mut input, plan));
    played.map_or(0, |(ops, _)| ops)
}

fn plan(input: &mut Unstructured<'_>) -> arbitrary::Result<FaultPlan> {
    let mut plan = FaultPlan { seed: input.arbitrary()?, rules: Vec::new() };
    for _ in 0..input.int_in_range(1..=RULES_MAX)? {
        plan.rules.extend(rule(input)?);
    }
    // A rule may wait for what no other one does: that is no plan.
    while let Err(error) = plan.check() {
        plan.rules.remove(error.rule - 1);
    }
    Ok(plan)
}

/// A rule, if what was put together is one.
fn rule(input: &mut Unstructured<'_>) -> arbitrary::Result<Option<Rule>> {
    let (one, other) = (example(input)?, example(input)?);
    let (Some((matches, _)), Some((_, happens))) = (one.split_once(ARROW), other.split_once(ARROW))
    else {
        return Ok(None);
    };
    let text = if input.arbitrary()? { one.to_owned() } else { [matches, happens].join(ARROW) };
    Ok(text.parse().ok())
}

fn example(input: &mut Unstructured<'_>) -> arbitrary::Result<&'static str> {
    let number = input.int_in_range(0..=KINDS.len() + WORDS.len() - 1)?;
    let word = |number: usize| WORDS.get(number).map_or("", |row| row.example);
    Ok(KINDS.get(number).map_or_else(|| word(number - KINDS.len()), |row| row.example))
}
