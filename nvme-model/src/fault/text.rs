//! Rules as text, the same text that is read.

use std::fmt;

use super::delay::Distribution;
use super::rule::{Match, OpClass, Phase, Probability, Rule, SqeMask, When};

impl fmt::Display for OpClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::AnyIo => "io",
            Self::AnyAdmin => "admin",
            Self::Io(opcode) => opcode.name().unwrap_or("unknown"),
            Self::Admin(opcode) => opcode.name().unwrap_or("unknown"),
            Self::Transition(transition) => transition.name(),
        })
    }
}

impl fmt::Display for SqeMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.offset)?;
        self.value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("/")?;
        self.mask.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Match { op, queue, nsid, lba, sqe } = &self.matcher;
        let When { nth, every, chance, from_ns, to_ns, after } = &self.when;
        write!(f, "{op}")?;
        optional(f, "name", self.name.as_ref())?;
        optional(f, "queue", *queue)?;
        optional(f, "nsid", *nsid)?;
        optional(f, "lba", lba.as_ref().map(|r| format!("{:#x}..{:#x}", r.start, r.end)))?;
        optional(f, "sqe", sqe.as_ref())?;
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
        write!(f, " => {}", self.action)?;
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
        match *self {
            Self::Uniform { min_ns, max_ns } => write!(f, "uniform({min_ns}ns,{max_ns}ns")?,
            Self::Normal { mean_ns, deviation_ns } => {
                write!(f, "normal({mean_ns}ns,{deviation_ns}ns")?;
            }
            Self::Lognormal { median_ns, sigma_ppm } => {
                write!(f, "lognormal({median_ns}ns,")?;
                fraction(f, sigma_ppm)?;
            }
            Self::Pareto { min_ns, alpha_ppm } => {
                write!(f, "pareto({min_ns}ns,")?;
                fraction(f, alpha_ppm)?;
            }
            Self::Burst { delay_ns, length, period } => {
                write!(f, "burst({delay_ns}ns,{length},{period}")?;
            }
        }
        f.write_str(")")
    }
}
