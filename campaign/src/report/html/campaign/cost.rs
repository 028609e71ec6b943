//! What a campaign cost: real time per unit, by engine.

use std::collections::BTreeMap;
use std::fmt::Write;

use hdrhistogram::Histogram;
use results::Record;

/// Real times of units, by engine.
#[derive(Debug, Default)]
pub struct Cost(BTreeMap<String, Times>);

#[derive(Debug)]
struct Times {
    micros: Histogram<u64>,
    events: u64,
}

impl Cost {
    /// Adds a record.
    pub fn add(&mut self, record: &Record) {
        if !self.0.contains_key(&record.host.engine) {
            // Three digits are more than a shared machine is steady.
            let Ok(micros) = Histogram::new(3) else { return };
            self.0.insert(record.host.engine.clone(), Times { micros, events: 0 });
        }
        if let Some(times) = self.0.get_mut(&record.host.engine) {
            times.micros.saturating_record(record.host.wall_us);
            times.events += record.outcome.events;
        }
    }
}

pub(super) fn section(cost: &Cost) -> String {
    let mut out = "<h2>Cost</h2>\n<div class=\"wide\"><table class=\"sort\"><thead><tr><th>engine</th><th>units</th><th>p50, us</th>\
                   <th>p99, us</th><th>max, us</th><th>units/s and worker</th><th>events a unit</th></tr></thead><tbody>\n"
        .to_owned();
    for (engine, times) in &cost.0 {
        let units = times.micros.len();
        let _ = write!(out, "<tr><td>{}</td>", super::escaped(engine));
        for number in [
            units,
            times.micros.value_at_quantile(0.5),
            times.micros.value_at_quantile(0.99),
            times.micros.max(),
            (1e6 / times.micros.mean().max(1.0)) as u64,
            times.events / units.max(1),
        ] {
            let _ = write!(out, "<td class=\"number\">{number}</td>");
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}
