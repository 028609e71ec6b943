//! What a `delay` can be like besides a time, as it is written.

use super::delay::{Bucket, Distribution};
use super::error::Complaint;
use super::number::{decimal, positive, small};
use super::time::{positive_time, time};

/// A sigma or an alpha of 100: more is either no time at all or beyond all times.
const PPM_MAX: u32 = 100_000_000;

/// Each with what its parameters may be.
const DISTRIBUTIONS: [(&str, &str); 7] = [
    ("uniform(MIN,MAX)", "times, MIN at most MAX"),
    ("normal(MEAN,DEVIATION)", "times"),
    ("lognormal(MEDIAN,SIGMA)", "a time, and a number above 0 up to 100 with up to six decimals"),
    ("pareto(MIN,ALPHA)", "a time, and a number above 0 up to 100 with up to six decimals"),
    ("burst(TIME,LENGTH,PERIOD)", "a time, and numbers from 1, LENGTH at most PERIOD"),
    ("gc(TIME,PERIOD)", "times, TIME at most PERIOD, PERIOD from 1ns"),
    ("histogram(TIME:WEIGHT,...)", "times, and weights from 1 to 4294967295"),
];

/// What a `delay` can be like besides a time.
pub fn distributions() -> impl Iterator<Item = &'static str> {
    DISTRIBUTIONS.iter().map(|(form, _)| *form)
}

/// What was expected instead: the form that was meant, or all of them.
fn expected(value: &str) -> Complaint {
    let name = value.split('(').next().unwrap_or("");
    let is_meant = |(form, _): &&(&str, &str)| form.split('(').next() == Some(name);
    match DISTRIBUTIONS.iter().find(is_meant) {
        Some((form, what)) => Complaint::new(format!(
            "expected {form}: {what}; a time has its unit (ns, us, ms, s), such as 50us"
        )),
        None => Complaint::choice("unknown distribution", distributions().collect()),
    }
}

/// `NAME(PARAMETER,...)`.
pub(super) fn distribution(value: &str) -> Result<Distribution, Complaint> {
    let parts = value.strip_suffix(')').and_then(|text| text.split_once('('));
    let found = parts.and_then(|(name, parameters)| {
        let parameters: Vec<&str> = parameters.split(',').collect();
        with_parameters(name, &parameters)
    });
    found.filter(is_ordered).ok_or_else(|| expected(value))
}

fn with_parameters(name: &str, parameters: &[&str]) -> Option<Distribution> {
    let ns = |text: &str| time(text).ok();
    let count = |text: &str| positive(text).ok();
    let ppm = |text: &str| decimal(text, 6).filter(|ppm| (1..=PPM_MAX).contains(ppm));
    Some(match (name, parameters) {
        ("uniform", [min, max]) => Distribution::Uniform { min_ns: ns(min)?, max_ns: ns(max)? },
        ("normal", [mean, deviation]) => {
            Distribution::Normal { mean_ns: ns(mean)?, deviation_ns: ns(deviation)? }
        }
        ("lognormal", [median, sigma]) => {
            Distribution::Lognormal { median_ns: ns(median)?, sigma_ppm: ppm(sigma)? }
        }
        ("pareto", [min, alpha]) => {
            Distribution::Pareto { min_ns: ns(min)?, alpha_ppm: ppm(alpha)? }
        }
        ("burst", [delay, length, period]) => Distribution::Burst {
            delay_ns: ns(delay)?,
            length: count(length)?,
            period: count(period)?,
        },
        ("gc", [length, period]) => {
            Distribution::Gc { length_ns: ns(length)?, period_ns: positive_time(period).ok()? }
        }
        ("histogram", buckets) => {
            Distribution::Histogram(buckets.iter().map(bucket).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// `TIME:WEIGHT`.
fn bucket(text: &&str) -> Option<Bucket> {
    let (delay, weight) = text.split_once(':')?;
    let weight = small(weight, u32::MAX).ok().filter(|weight| *weight > 0)?;
    Some(Bucket { delay_ns: time(delay).ok()?, weight })
}

fn is_ordered(distribution: &Distribution) -> bool {
    match distribution {
        Distribution::Uniform { min_ns, max_ns } => min_ns <= max_ns,
        Distribution::Burst { length, period, .. } => length <= period,
        Distribution::Gc { length_ns, period_ns } => length_ns <= period_ns,
        _ => true,
    }
}
