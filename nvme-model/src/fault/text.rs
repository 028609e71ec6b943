//! Rules as text, the same text that is read.

use std::fmt;

use super::delay::Distribution;
use super::payload::BytePattern;
use super::rule::{Match, OpClass, Phase, Probability, Rule, When, Within};

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
            Self::Ns(ns) => write!(f, "{ns}ns"),
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
        optional(f, "from", from_ns.map(|ns| format!("{ns}ns")))?;
        optional(f, "to", to_ns.map(|ns| format!("{ns}ns")))?;
        optional(f, "after", after.as_ref())?;
        optional(f, "within", within.as_ref())?;
        write!(f, " => {}", self.action)?;
        optional(f, "set", self.sets.as_ref())?;
        optional(f, "count", self.until.count)?;
        optional(f, "before", self.until.time_ns.map(|ns| format!("{ns}ns")))?;
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
        let whole = self.parts_per_billion.checked_div(1_000_000_000).unwrap_or(0);
        let rest = self.parts_per_billion.checked_rem(1_000_000_000).unwrap_or(0);
        write!(f, "{whole}.{rest:09}")
    }
}

/// A fraction in millionths.
fn fraction(f: &mut fmt::Formatter<'_>, ppm: u32) -> fmt::Result {
    let whole = ppm.checked_div(1_000_000).unwrap_or(0);
    let rest = ppm.checked_rem(1_000_000).unwrap_or(0);
    write!(f, "{whole}.{rest:06}")
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform { min_ns, max_ns } => write!(f, "uniform({min_ns}ns,{max_ns}ns")?,
            Self::Normal { mean_ns, deviation_ns } => {
                write!(f, "normal({mean_ns}ns,{deviation_ns}ns")?;
            }
            Self::Lognormal { median_ns, sigma_ppm } => {
                write!(f, "lognormal({median_ns}ns,")?;
                fraction(f, *sigma_ppm)?;
            }
            Self::Pareto { min_ns, alpha_ppm } => {
                write!(f, "pareto({min_ns}ns,")?;
                fraction(f, *alpha_ppm)?;
            }
            Self::Burst { delay_ns, length, period } => {
                write!(f, "burst({delay_ns}ns,{length},{period}")?;
            }
            Self::Gc { length_ns, period_ns } => write!(f, "gc({length_ns}ns,{period_ns}ns")?,
            Self::Histogram(buckets) => {
                f.write_str("histogram(")?;
                for (index, bucket) in buckets.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{}ns:{}", bucket.delay_ns, bucket.weight)?;
                }
            }
        }
        f.write_str(")")
    }
}
