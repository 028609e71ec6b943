//! The bar that shows how a campaign goes: on a terminal only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use campaign::fleet;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use results::{Outcome, Record, VerdictWord};

/// A bar with rate, verdicts and the time that is left.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    bar: ProgressBar,
    verdicts: BTreeMap<VerdictWord, u64>,
    surprises: u64,
    seen: BTreeSet<String>,
    /// Units in a row that have shown nothing new.
    idle: u64,
    idle_max: Option<u64>,
    stop: &'a AtomicBool,
}

impl<'a> Progress<'a> {
    /// A bar for so many units. Nothing is drawn where the error output is no terminal.
    ///
    /// Sets `stop` once `idle_max` units in a row have shown nothing new.
    pub(super) fn new(units: usize, idle_max: Option<u64>, stop: &'a AtomicBool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(units as u64), ProgressDrawTarget::stderr());
        let template = "{bar:20} {pos}/{len} {per_sec} {eta} left {msg}";
        // The template is a constant: a mistake in it is ours, and the plain style serves as well.
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (verdicts, seen) = (BTreeMap::new(), BTreeSet::new());
        Self { bar, verdicts, surprises: 0, seen, idle: 0, idle_max, stop }
    }

    /// Removes the bar; true if there was nothing new for long enough.
    pub(super) fn end(&self) -> bool {
        self.bar.finish_and_clear();
        self.is_saturated()
    }

    fn is_saturated(&self) -> bool {
        self.idle_max.is_some_and(|most| self.idle >= most)
    }

    /// What a run has shown, without its numbers.
    fn note(&mut self, outcome: &Outcome) {
        let word = |key| outcome.word(key).unwrap_or("-");
        let came_to = outcome.came_to.split(' ').next().unwrap_or_default();
        let mut shown =
            format!("{} {} {} {came_to}", word("scenario"), word("path"), outcome.verdict);
        for error in &outcome.errors {
            shown.push_str(&format!(" {} {} {}", error.operation, error.errno, error.learned_by));
        }
        self.idle = if self.seen.insert(shown) { 0 } else { self.idle + 1 };
        if self.is_saturated() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl fleet::Progress for Progress<'_> {
    fn record(&mut self, record: &Record) {
        *self.verdicts.entry(record.outcome.verdict.word).or_default() += 1;
        self.surprises += u64::from(!record.outcome.is_expected());
        self.bar.inc(1);
        if self.idle_max.is_some() {
            self.note(&record.outcome);
        }
        if !self.bar.is_hidden() {
            let words =
                self.verdicts.iter().map(|(word, count)| format!("{count} {}", word.name()));
            let words = words.collect::<Vec<_>>().join(", ");
            self.bar.set_message(format!("{words}; {} surprises", self.surprises));
        }
    }
}
