//! The bar that shows how far a long run has come: on a terminal only.

use campaign::Unit;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, or nothing.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar for `units` units, if it is wanted. Nothing is drawn where the error output is no terminal.
    pub(super) fn new(units: usize, is_wanted: bool) -> Self {
        let target =
            if is_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(units as u64), target);
        // The template is a constant: a mistake in it is ours, and the plain style serves as well.
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg:40}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    pub(super) fn begin(&self, unit: &Unit) {
        self.0.set_message(format!("{} {}", unit.scenario, unit.label));
        self.0.inc(1);
    }

    pub(super) fn end(self) {
        self.0.finish_and_clear();
    }
}
