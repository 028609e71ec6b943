//! Latency curves: how long the slowest part of all faults took, one line a path.
//!
//! Both axes are logarithmic: to the right one fault in 2, 10, 100, 1000; upwards the time. Paths that took the same
//! times share a line, which is dashed in the colours of all of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use hdrhistogram::Histogram;
use swap_path::PathKind;

use super::escaped;
use crate::run::UnitResult;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 62.0;
const BOTTOM: f64 = 20.0;
/// Of a line that several paths share.
const DASH: usize = 7;

/// One picture for each case among `results`, which have latencies.
pub(super) fn curves(results: &[&UnitResult]) -> String {
    let mut out = String::new();
    for case in results.chunk_by(|one, next| one.unit.case == next.unit.case) {
        let Some(first) = case.first() else { continue };
        let _ = write!(out, "<h3>{}</h3>\n{}", escaped(&first.unit.case), picture(case));
    }
    out
}

fn picture(results: &[&UnitResult]) -> String {
    let all = results.iter().flat_map(|result| &result.facts.fault_ns);
    let (min, max) = all.fold((u64::MAX, 1), |(min, max), ns| (min.min(*ns), max.max(*ns)));
    let low = (min.max(1) as f64).log10().floor();
    let high = (max as f64).log10().ceil().max(low + 1.0);
    let y = |ns: f64| {
        HEIGHT - BOTTOM - (ns.max(1.0).log10() - low) / (high - low) * (HEIGHT - BOTTOM - 8.0)
    };
    let x = |slowest: f64| LEFT - slowest.log10() / 4.0 * (WIDTH - LEFT - 70.0);
    let mut out =
        format!("<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for decade in low as i32..=high as i32 {
        let at = y(10f64.powi(decade));
        let _ = write!(
            out,
            "<path class=\"step\" d=\"M{LEFT} {at:.1}H{}\"/><text x=\"0\" y=\"{:.1}\">{}</text>",
            WIDTH - 70.0,
            at + 3.0,
            duration(10f64.powi(decade))
        );
    }
    for (slowest, text) in
        [(1.0, "all"), (0.1, "p90"), (0.01, "p99"), (0.001, "p99.9"), (0.0001, "max")]
    {
        let at = x(slowest);
        let _ = write!(out, "<text x=\"{at:.1}\" y=\"{:.1}\">{text}</text>", HEIGHT - 6.0);
    }
    let mut paths_of: BTreeMap<String, Vec<(usize, PathKind)>> = BTreeMap::new();
    for (label_y, (number, path, samples)) in (14..).step_by(12).zip(by_path(results)) {
        let Some(line) = line(&samples, x, y) else { continue };
        paths_of.entry(line).or_default().push((number, path));
        let _ = write!(
            out,
            "<text class=\"l{number}\" x=\"{}\" y=\"{label_y}\">{path}</text>",
            WIDTH - 62.0
        );
    }
    for (line, paths) in paths_of {
        for (place, (number, _)) in paths.iter().enumerate() {
            let dashes = match paths.len() {
                1 => String::new(),
                count => format!(
                    " stroke-dasharray=\"{DASH} {}\" stroke-dashoffset=\"-{}\"",
                    DASH * (count - 1),
                    DASH * place
                ),
            };
            let _ = write!(out, "<path class=\"curve p{number}\"{dashes} d=\"{line}\"/>");
        }
    }
    out + "</svg></div>\n"
}

/// The samples of each path, with its number, in the order of paths.
fn by_path(results: &[&UnitResult]) -> Vec<(usize, PathKind, Vec<u64>)> {
    let samples = |path: PathKind| {
        let of_path = results.iter().filter(|result| result.unit.spec.path == path);
        of_path.flat_map(|result| result.facts.fault_ns.iter().copied()).collect::<Vec<_>>()
    };
    let paths = PathKind::ALL.iter().enumerate();
    paths
        .map(|(number, path)| (number, *path, samples(*path)))
        .filter(|(_, _, samples)| !samples.is_empty())
        .collect()
}

/// From the fastest to the slowest fault.
fn line(samples: &[u64], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> Option<String> {
    let mut histogram = Histogram::<u64>::new(3).ok()?;
    for sample in samples {
        histogram.record(*sample).ok()?;
    }
    let mut out = String::new();
    for step in 0..=80 {
        let slowest = 10f64.powf(-f64::from(step) / 20.0);
        let ns = histogram.value_at_quantile(1.0 - slowest) as f64;
        let command = if step == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{command}{:.1} {:.1}", x(slowest), y(ns));
    }
    Some(out)
}

fn duration(ns: f64) -> String {
    match ns {
        _ if ns < 1e3 => format!("{ns:.0} ns"),
        _ if ns < 1e6 => format!("{:.0} us", ns / 1e3),
        _ if ns < 1e9 => format!("{:.0} ms", ns / 1e6),
        _ => format!("{:.0} s", ns / 1e9),
    }
}
