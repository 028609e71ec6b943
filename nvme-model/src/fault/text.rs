//! Rules as text, the same text that is read.

use std::fmt;

use super::delay::Distribution;
use super::payload::BytePattern;
use super::rule::{Match, OpClass, Phase, Probability, Rule, When, Within};
use super::time::Time;

impl fmt::Display for OpClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::AnyIo => f.write_str("io"),
            Self::AnyAdmin => f.write_str("admin"),
            Self::Io(opcode) => match opcode.name() {
                Some(name) => f.write_str(name),
                None => write!(f, "io/{:02x}", opcode.0),
            },
            Self::Admin(opcode) => match opcode.name() {
                Some(name) => f.write_str(name),
                None => write!(f, "admin/{:02x}", opcode.0),
            },
            Self::Transition(transition) => f.write_str(transition.name()),
        }
    }
}

impl fmt::Display for BytePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.offset)?;
        self.value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("/")?;
        self.mask.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ns(ns) => Time(*ns).fmt(f),
            Self::Matches(matches) => write!(f, "{matches}"),
        }
    }
}

/// Writes ` key=value` if there is a value.
fn optional<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    value: Option<T>,
) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {key}={value}"))
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, queue, nsid, lba, sqe, data, reg, state, all, any, not } = self;
        let blocks = |range: &std::ops::Range<u64>| format!("{:#x}..{:#x}", range.start, range.end);
        write!(f, "{op}")?;
        optional(f, "queue", *queue)?;
        optional(f, "nsid", *nsid)?;
        optional(f, "lba", lba.as_ref().map(blocks))?;
        optional(f, "sqe", sqe.as_ref())?;
        optional(f, "data", data.as_ref())?;
        optional(f, "reg", reg.as_ref().map(blocks))?;
        optional(f, "state", state.as_ref())?;
        for (word, group) in [("all", all), ("any", any), ("not", not)] {
            for (index, inner) in group.iter().enumerate() {
                let mark = if index == 0 { format!(" {word}{{") } else { " |".to_owned() };
                write!(f, "{mark} {inner}")?;
            }
            if !group.is_empty() {
                f.write_str(" }")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let When { nth, every, chance, from_ns, to_ns, after, within } = &self.when;
        write!(f, "{}", self.matcher)?;
        optional(f, "name", self.name.as_ref())?;
        if self.phase != self.action.default_phase().0 {
            let phase = if self.phase == Phase::Submission { "submission" } else { "completion" };
            write!(f, " phase={phase}")?;
        }
        optional(f, "nth", *nth)?;
        optional(f, "every", *every)?;
        optional(f, "chance", chance.as_ref())?;
        optional(f, "from", from_ns.map(Time))?;
        optional(f, "to", to_ns.map(Time))?;
        optional(f, "after", after.as_ref())?;
        optional(f, "within", within.as_ref())?;
        write!(f, " => {}", self.action)?;
        optional(f, "set", self.sets.as_ref())?;
        optional(f, "count", self.until.count)?;
        optional(f, "before", self.until.time_ns.map(Time))?;
        if self.until.is_until_reset {
            f.write_str(" until-reset")?;
        }
        if self.until.is_until_rewrite {
            f.write_str(" until-rewrite")?;
        }
        Ok(())
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.parts_per_billion, 9)
    }
}

/// `parts` of ten to the power of `places`, exactly and without zeros at the end.
fn decimal(f: &mut fmt::Formatter<'_>, parts: u32, places: usize) -> fmt::Result {
    let digits = format!("{parts:0>width$}", width = places.saturating_add(1));
    let (whole, rest) = digits.split_at(digits.len().saturating_sub(places));
    match rest.trim_end_matches('0') {
        "" => f.write_str(whole),
        rest => write!(f, "{whole}.{rest}"),
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform { min_ns, max_ns } => {
                write!(f, "uniform({},{}", Time(*min_ns), Time(*max_ns))?;
            }
            Self::Normal { mean_ns, deviation_ns } => {
                write!(f, "normal({},{}", Time(*mean_ns), Time(*deviation_ns))?;
            }
            Self::Lognormal { median_ns, sigma_ppm } => {
                write!(f, "lognormal({},", Time(*median_ns))?;
                decimal(f, *sigma_ppm, 6)?;
            }
            Self::Pareto { min_ns, alpha_ppm } => {
                write!(f, "pareto({},", Time(*min_ns))?;
                decimal(f, *alpha_ppm, 6)?;
            }
            Self::Burst { delay_ns, length, period } => {
                write!(f, "burst({},{length},{period}", Time(*delay_ns))?;
            }
            Self::Gc { length_ns, period_ns } => {
                write!(f, "gc({},{}", Time(*length_ns), Time(*period_ns))?;
            }
            Self::Histogram(buckets) => {
                f.write_str("histogram(")?;
                for (index, bucket) in buckets.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{}", Time(bucket.delay_ns), bucket.weight)?;
                }
            }
        }
        f.write_str(")")
    }
}
