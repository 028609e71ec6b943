//! How long faults waited for their pages, from the virtual times of a trace.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::run::UnitResult;
use crate::unit::Role;

/// Percentiles of the fault-in latency of one unit, in virtual nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Latency {
    /// Faults that brought a page back.
    pub faults: u64,
    /// Half of them were not longer.
    pub p50_ns: u64,
    /// 99 of 100.
    pub p99_ns: u64,
    /// 999 of 1000.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Latency {
    /// The percentiles of `samples`; `None` if there are none.
    #[must_use]
    pub fn of(samples: &[u64]) -> Option<Self> {
        let histogram = histogram(samples)?;
        let max_ns = samples.iter().copied().max()?;
        // A quantile is the end of its bucket, which may lie beyond the longest sample.
        let at = |quantile| histogram.value_at_quantile(quantile).min(max_ns);
        Some(Self {
            faults: histogram.len(),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns,
        })
    }
}

/// Three significant digits are more than a drive is steady.
fn histogram(samples: &[u64]) -> Option<Histogram<u64>> {
    let mut histogram = Histogram::new(3).ok()?;
    for sample in samples {
        histogram.record(*sample).ok()?;
    }
    (!histogram.is_empty()).then_some(histogram)
}

/// A table of the units whose latency is what they are about; empty if there are none.
#[must_use]
pub fn latency_table(results: &[UnitResult]) -> String {
    let mut out = String::new();
    for result in results
        .iter()
        .filter(|result| result.unit.fault_max_ns.is_some() && result.unit.role == Role::Experiment)
    {
        let Some(latency) = Latency::of(&result.facts.fault_ns) else { continue };
        if out.is_empty() {
            let _ = writeln!(
                out,
                "\n{:<16}{:<14}{:>6}{:>9}{:>10}{:>11}{:>13}",
                "fault-in, us", "path", "faults", "p50", "p99", "p99.9", "max"
            );
        }
        let us = |ns: u64| ns as f64 / 1e3;
        let _ = writeln!(
            out,
            "{:<16}{:<14}{:>6}{:>9.1}{:>10.1}{:>11.1}{:>13.1}",
            result.unit.case,
            result.unit.spec.path,
            latency.faults,
            us(latency.p50_ns),
            us(latency.p99_ns),
            us(latency.p999_ns),
            us(latency.max_ns)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_thousand_known_samples() {
        let samples: Vec<u64> = (1..=1000).map(|n| n * 1000).collect();
        let latency = Latency::of(&samples).expect("there are samples");
        assert_eq!((latency.faults, latency.max_ns), (1000, 1_000_000));
        for (found, wanted) in
            [(latency.p50_ns, 500_000), (latency.p99_ns, 990_000), (latency.p999_ns, 999_000)]
        {
            assert!(found.abs_diff(wanted) * 1000 <= wanted, "{found} is not {wanted}");
        }
        assert_eq!(Latency::of(&[]), None);
    }
}
