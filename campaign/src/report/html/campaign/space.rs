//! What was varied, what that proves, and how it differs from other results.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use results::Outcome;
use results::compare::Comparison;
use results::summary::Summary;

use super::super::escaped;

/// Values of an axis that are named; of more, only how many there are is said.
const NAMED_MAX: usize = 24;

/// The words of a unit that span the space.
const AXES: [&str; 9] =
    ["scenario", "case", "path", "kind", "activation", "knobs", "pages", "resident", "seed"];

/// The values that each axis takes, as the units say.
#[derive(Clone, Debug, Default)]
pub struct Space {
    axes: BTreeMap<&'static str, BTreeSet<String>>,
    faults: BTreeSet<String>,
    phases: BTreeSet<String>,
}

impl Space {
    /// Adds what a unit is made of.
    pub fn add(&mut self, outcome: &Outcome) {
        for axis in AXES {
            let value = outcome.word(axis).unwrap_or("-");
            let values = self.axes.entry(axis).or_default();
            if !values.contains(value) {
                values.insert(value.to_owned());
            }
        }
        for fault in &outcome.faults {
            let action = fault.rule.split_once("=>").map_or("", |(_, action)| action.trim());
            self.faults.insert(action.to_owned());
            self.phases.extend(fault.fired_at.iter().map(|at| at.phase.clone()));
        }
    }
}

pub(super) fn section(space: &Space, summary: &Summary) -> String {
    let mut out = "<h2>Space covered</h2>\n<div class=\"wide\"><table><tr><th>axis</th><th>values</th><th></th></tr>\n".to_owned();
    for axis in AXES {
        space.axes.get(axis).into_iter().for_each(|values| out += &row(axis, values));
    }
    out += &row("fault", &space.faults);
    out += &row("fired while", &space.phases);
    let _ = write!(
        out,
        "</table></div>\n<p>With 95 % confidence at most {:.4} % of units drawn as these were fail (rule of three: no failure in n \
         means less than 3/n). That is about this laboratory: its guest is not Linux, and a pass says nothing about \
         ext4 or XFS.</p>\n",
        summary.failure_rate_bound() * 100.0
    );
    out
}

fn row(axis: &str, values: &BTreeSet<String>) -> String {
    let named: Vec<_> = values.iter().take(NAMED_MAX).map(|value| escaped(value)).collect();
    let more = if values.len() > NAMED_MAX { ", ..." } else { "" };
    format!(
        "<tr><td>{axis}</td><td class=\"number\">{}</td><td class=\"values\">{}{more}</td></tr>\n",
        values.len(),
        named.join(", ")
    )
}

pub(super) fn difference(other: &str, comparison: &Comparison) -> String {
    let mut out = format!(
        "<h2>Against {}</h2>\n<p>{} pairs under identical schedules: {} failed then, {} fail now; {} better, {} worse, {} inconclusive; \
         p = {:.4} (exact, paired, two-sided). {} units only here, {} only there.</p>\n",
        escaped(other),
        comparison.pairs,
        comparison.failed_before,
        comparison.failed_after,
        comparison.better,
        comparison.worse,
        comparison.inconclusive,
        comparison.p_value,
        comparison.only_after,
        comparison.only_before
    );
    if comparison.changes.is_empty() {
        return out + "<p class=\"ok\">No verdict changed.</p>\n";
    }
    out += "<div class=\"wide\"><table class=\"sort\"><thead><tr><th>unit</th><th>before</th><th>now</th></tr></thead><tbody>\n";
    for change in &comparison.changes {
        let _ = writeln!(
            out,
            "<tr><td class=\"values\"><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escaped(&change.key),
            escaped(&change.before.1.to_string()),
            escaped(&change.after.1.to_string())
        );
    }
    out + "</tbody></table></div>\n"
}
