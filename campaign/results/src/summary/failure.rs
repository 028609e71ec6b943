//! Failures that have one cause.

use crate::{Outcome, UnitId};

/// Every surprising failure with one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinctFailure {
    /// How many units show it.
    pub count: u64,
    /// The unit to look at: the one with the fewest events, and of those the first by name.
    pub example: Outcome,
}

impl DistinctFailure {
    pub(super) fn new(outcome: &Outcome) -> Self {
        Self { count: 1, example: outcome.clone() }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        let rank = |outcome: &Outcome| -> (u64, UnitId) { (outcome.events, outcome.id) };
        self.count += 1;
        if rank(outcome) < rank(&self.example) {
            self.example = outcome.clone();
        }
    }
}

/// What tells failures apart: the outcome's own signature, or else its scenario, path, verdict and
/// the sentence behind it without its numbers.
pub(super) fn signature(outcome: &Outcome) -> String {
    if let Some(signature) = &outcome.signature {
        return signature.clone();
    }
    let word = |key| outcome.word(key).unwrap_or("-");
    let detail = outcome.detail.as_deref().unwrap_or_default();
    format!("{} {} {} {}", word("scenario"), word("path"), outcome.verdict, without_numbers(detail))
}

/// Every run of digits becomes `#`.
fn without_numbers(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    for character in text.chars() {
        if !character.is_ascii_digit() {
            shape.push(character);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape
}
