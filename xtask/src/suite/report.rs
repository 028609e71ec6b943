//! What a run says at its end.

use std::fmt;
use std::time::Duration;

use super::Outcome;
use crate::stock_kvm;

/// The outcomes so far.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<(Outcome, String)>,
}

impl Report {
    /// Takes a step's outcome and gives its line.
    pub(super) fn add(&mut self, title: &str, outcome: Outcome, took: Duration) -> &str {
        let seconds = took.as_secs_f64();
        let line = match &outcome {
            Outcome::Passed => format!("--- passed   {title} ({seconds:.1} s)"),
            Outcome::Failed(why) => format!("--- FAILED   {title} ({seconds:.1} s): {why}"),
            Outcome::Skipped(why) => format!("--- skipped  {title}: {why}"),
        };
        self.lines.push((outcome, line));
        &self.lines[self.lines.len() - 1].1
    }

    /// True unless a step failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.count(|outcome| matches!(outcome, Outcome::Failed(_))) == 0
    }

    /// True if there was no step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn count(&self, is_it: fn(&Outcome) -> bool) -> usize {
        self.lines.iter().filter(|(outcome, _)| is_it(outcome)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "=== What was run")?;
        for (_, line) in &self.lines {
            writeln!(f, "{line}")?;
        }
        let packages = stock_kvm::missing();
        if packages.is_empty() {
            writeln!(f, "Missing Debian packages: none.")?;
        } else {
            writeln!(f, "Missing Debian packages: {}.", packages.join(" "))?;
        }
        let passed = self.count(|outcome| *outcome == Outcome::Passed);
        let failed = self.count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let skipped = self.count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_steps() {
        let mut report = Report::default();
        report.add("a", Outcome::Passed, Duration::ZERO);
        report.add("b", Outcome::Skipped("no x".to_owned()), Duration::ZERO);
        assert!(report.is_good());
        report.add("c", Outcome::Failed("it is red".to_owned()), Duration::ZERO);
        assert!(!report.is_good());
        let text = report.to_string();
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 1 skipped"));
        assert!(text.contains("FAILED   c (0.0 s): it is red"), "{text}");
    }
}
