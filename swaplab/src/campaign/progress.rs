//! The bar that shows how a campaign goes: on a terminal only.

use std::collections::BTreeMap;

use campaign::fleet;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use results::{Record, VerdictWord};

/// A bar with rate, verdicts and the time that is left.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    verdicts: BTreeMap<VerdictWord, u64>,
    surprises: u64,
}

impl Progress {
    /// A bar for so many units. Nothing is drawn where the error output is no terminal.
    pub(super) fn new(units: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(units as u64), ProgressDrawTarget::stderr());
        let template = "{bar:20} {pos}/{len} {per_sec} {eta} left {msg}";
        // The template is a constant: a mistake in it is ours, and the plain style serves as well.
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, verdicts: BTreeMap::new(), surprises: 0 }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl fleet::Progress for Progress {
    fn record(&mut self, record: &Record) {
        *self.verdicts.entry(record.outcome.verdict.word).or_default() += 1;
        self.surprises += u64::from(!record.outcome.is_expected());
        self.bar.inc(1);
        if !self.bar.is_hidden() {
            let words =
                self.verdicts.iter().map(|(word, count)| format!("{count} {}", word.name()));
            let words = words.collect::<Vec<_>>().join(", ");
            self.bar.set_message(format!("{words}; {} surprises", self.surprises));
        }
    }
}
