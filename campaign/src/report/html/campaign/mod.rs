//! The report of a campaign as one self-contained page.
//!
//! One line first; then what failed, once per distinct cause, with what to paste; then the matrix with what was
//! planned and what fired, the controls, the latencies, the space that was covered, the cost. The page loads
//! nothing; its one script sorts tables, and without it all is there, unsorted.
//!
//! What this does not do: it runs nothing. Failures come with their run if whoever calls has run them again.

mod cost;
mod failures;
mod figures;
mod matrix;
mod space;

use std::fmt::Write;

use results::compare::Comparison;
use results::ledger::LedgerHeader;
use results::merge::MergeSummary;
use results::summary::{DistinctFailure, Summary};

use super::escaped;
use crate::run::UnitResult;
use crate::shrink::PointOfNoReturn;

pub use cost::Cost;
pub use space::Space;

/// A distinct failure, and what running its example again gave.
#[derive(Debug)]
pub struct FailureStory {
    /// What tells it apart.
    pub signature: String,
    /// How often, and the smallest unit that shows it.
    pub failure: DistinctFailure,
    /// Its run, with the trace; `None` if it was not run again.
    pub run: Option<UnitResult>,
    /// Where it was sealed.
    pub point: Option<PointOfNoReturn>,
}

/// Everything that the page shows.
#[derive(Debug)]
pub struct CampaignPage<'a> {
    /// Which campaign, plan and build.
    pub header: &'a LedgerHeader,
    /// What the merge said.
    pub merged: &'a MergeSummary,
    /// Counts, matrix, controls.
    pub summary: &'a Summary,
    /// Each distinct failure.
    pub failures: &'a [FailureStory],
    /// Runs whose latencies are shown, a curve each.
    pub latencies: &'a [UnitResult],
    /// What was varied.
    pub space: &'a Space,
    /// What it cost.
    pub cost: &'a Cost,
    /// Against other results, with their name.
    pub difference: Option<(&'a str, &'a Comparison)>,
}

impl CampaignPage<'_> {
    /// The whole page.
    #[must_use]
    pub fn html(&self) -> String {
        let name = escaped(&self.header.campaign);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>swaplab: {name}</title>\n<style>\n{}{}</style></head><body>\n<h1>{name}</h1>\n",
            include_str!("../style.css"),
            include_str!("campaign.css"),
        );
        out += &self.one_line();
        out += &self.alarms();
        if let Some((other, comparison)) = self.difference {
            out += &space::difference(other, comparison);
        }
        out += &failures::sections(self.failures, &self.header.build);
        out += &matrix::matrix(self.summary);
        out += &self.controls();
        out += &figures::latencies(self.latencies);
        out += &space::section(self.space, self.summary);
        out += &cost::section(self.cost);
        let _ = write!(
            out,
            "<p class=\"soft\">{} · plan {} · results {}</p>\n<script>\n{}</script></body></html>\n",
            escaped(&self.header.build.to_string()),
            cut(&self.header.plan),
            cut(&self.merged.digest),
            include_str!("sort.js"),
        );
        out
    }

    /// How many failures came out again, in brackets; nothing if there are none.
    fn run_again(&self) -> String {
        let again = self.failures.iter().filter(|story| is_the_same(story)).count();
        match self.failures.iter().filter(|story| story.run.is_some()).count() {
            0 => String::new(),
            run => format!(" ({again} of {run} run again with the same trace)"),
        }
    }

    /// What a reader wants first, in one line.
    fn one_line(&self) -> String {
        let Summary { units, not_exercised, failures, controls, .. } = self.summary;
        let word = if !self.merged.alarms.is_empty() || !controls.not_caught.is_empty() {
            "<span class=\"bad\">not to be believed</span>"
        } else if failures.is_empty() {
            "<span class=\"ok\">as expected</span>"
        } else {
            "<span class=\"lost\">findings</span>"
        };
        format!(
            "<p class=\"first\">{word}: {units} units, {} distinct failures{}, {not_exercised} not exercised, {} of {} \
             controls caught</p>\n",
            failures.len(),
            self.run_again(),
            controls.run.saturating_sub(controls.not_caught.len() as u64),
            controls.run,
        )
    }

    /// What voids everything below.
    fn alarms(&self) -> String {
        let mut out = String::new();
        for id in &self.merged.alarms {
            let _ = writeln!(
                out,
                "<p><span class=\"bad\">determinism alarm</span> unit <code>{id}</code> has more than one outcome</p>"
            );
        }
        for id in &self.summary.controls.not_caught {
            let _ = writeln!(
                out,
                "<p><span class=\"bad\">control not caught</span> unit <code>{id}</code>: the campaign is invalid</p>"
            );
        }
        for path in &self.merged.torn {
            let _ = writeln!(
                out,
                "<p class=\"soft\">the last line of {} was torn and is ignored</p>",
                escaped(&path.display().to_string())
            );
        }
        out
    }

    fn controls(&self) -> String {
        let controls = &self.summary.controls;
        format!(
            "<h2>Controls</h2>\n<p>{} units had a bug planted, or were predicted wrong on purpose, and had to fail by the \
             oracle that is there for it. {}</p>\n",
            controls.run,
            match (controls.run, controls.not_caught.len()) {
                (0, _) => "<span class=\"bad\">Without controls nothing shows that the oracles can fail.</span>".to_owned(),
                (_, 0) => "<span class=\"ok\">All were caught.</span>".to_owned(),
                (_, missed) => format!("<span class=\"bad\">{missed} were not caught.</span>"),
            }
        )
    }
}

/// The run gave the trace that is on record.
fn is_the_same(story: &FailureStory) -> bool {
    story
        .run
        .as_ref()
        .is_some_and(|run| run.trace_hash.to_string() == story.failure.example.trace_hash)
}

fn cut(hash: &str) -> String {
    escaped(&hash.chars().take(12).collect::<String>())
}
