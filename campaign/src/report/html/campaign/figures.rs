//! Pictures: latency curves by path, and the point of no return.

use std::fmt::Write;

use super::super::{curve, escaped};
use crate::run::UnitResult;
use crate::shrink::PointOfNoReturn;

pub(super) fn latencies(results: &[UnitResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<_> = results.iter().collect();
    sorted.sort_by(|one, other| {
        let key = |result: &UnitResult| (result.unit.scenario.clone(), result.unit.case.clone());
        key(one).cmp(&key(other))
    });
    "<h2>Latency</h2>\n<p class=\"soft\">How long the slowest part of all faults waited for its page, in virtual time: \
     to the right one fault in 2, 10, 100, 1000.</p>\n"
        .to_owned()
        + &curve::curves(&sorted)
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 62.0;

/// A step for each fork: up where the failure can no longer be averted.
pub(super) fn point(point: &PointOfNoReturn) -> String {
    let x = |event: usize| LEFT + event as f64 / point.events.max(1) as f64 * (WIDTH - LEFT - 8.0);
    let y = |is_failing: bool| if is_failing { 12.0 } else { 44.0 };
    let mut line = String::new();
    let mut last = None;
    for fork in &point.forks {
        let (at, height) = (x(fork.event), y(fork.is_failing));
        match last {
            None => {
                let _ = write!(line, "M{at:.1} {height}");
            }
            Some(_) => {
                let _ = write!(line, "H{at:.1}V{height}");
            }
        }
        last = Some(height);
    }
    let _ = write!(line, "H{:.1}", x(point.events));
    let sealed = match point.sealed() {
        Some(fork) if fork.event > 0 => {
            format!("sealed at event {} of {}: {}", fork.event, point.events, fork.what)
        }
        Some(_) => "it fails whatever is withdrawn".to_owned(),
        None => "no single event seals it".to_owned(),
    };
    format!(
        "<p>Point of no return: <code>{}</code></p>\n<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} 64\" role=\"img\">\
         <text x=\"0\" y=\"15\">fails</text><text x=\"0\" y=\"47\">averted</text>\
         <path class=\"step\" d=\"M{LEFT} 12H{WIDTH}M{LEFT} 44H{WIDTH}\"/><path class=\"error\" d=\"{line}\"/>\
         <text x=\"{LEFT}\" y=\"60\">event 0</text><text x=\"{:.0}\" y=\"60\">{}</text></svg></div>\n",
        escaped(&sealed),
        WIDTH - 40.0,
        point.events
    )
}
