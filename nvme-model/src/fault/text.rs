//! Rules and actions as text, the same text that is read.

use std::fmt;

use super::rule::{Action, ActionKind, Match, OpClass, Phase, Probability, Rule, SqeMask, When};

impl ActionKind {
    /// The word in a rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Delay => "delay",
            Self::Drop => "drop",
            Self::Hang => "hang",
            Self::Corrupt => "corrupt",
            Self::LostWrite => "lost-write",
            Self::Cfs => "cfs",
            Self::Remove => "remove",
            Self::Duplicate => "duplicate",
            Self::WrongCid => "wrong-cid",
            Self::LostInterrupt => "lost-interrupt",
            Self::IgnoreAbort => "ignore-abort",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for OpClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::AnyIo => "io",
            Self::AnyAdmin => "admin",
            Self::Io(opcode) => opcode.name().unwrap_or("unknown"),
            Self::Admin(opcode) => opcode.name().unwrap_or("unknown"),
        })
    }
}

impl fmt::Display for SqeMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.offset)?;
        self.value
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("/")?;
        self.mask
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match self {
            Self::Status(status) => write!(f, "={status}"),
            Self::Delay(ns) => write!(f, "={ns}ns"),
            Self::Corrupt { offset, xor } => write!(f, "={offset}^{xor:#x}"),
            Self::WrongCid(cid) => write!(f, "={cid:#x}"),
            _ => Ok(()),
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

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Match {
            op,
            queue,
            nsid,
            lba,
            sqe,
        } = &self.matcher;
        let When {
            nth,
            every,
            chance,
            from_ns,
            to_ns,
            after,
        } = &self.when;
        write!(f, "{op}")?;
        optional(f, "name", self.name.as_ref())?;
        optional(f, "queue", *queue)?;
        optional(f, "nsid", *nsid)?;
        optional(
            f,
            "lba",
            lba.as_ref()
                .map(|r| format!("{:#x}..{:#x}", r.start, r.end)),
        )?;
        optional(f, "sqe", sqe.as_ref())?;
        if self.phase != self.action.default_phase().0 {
            let phase = if self.phase == Phase::Submission {
                "submission"
            } else {
                "completion"
            };
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
        Ok(())
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self
            .parts_per_billion
            .checked_div(1_000_000_000)
            .unwrap_or(0);
        let rest = self
            .parts_per_billion
            .checked_rem(1_000_000_000)
            .unwrap_or(0);
        write!(f, "{whole}.{rest:09}")
    }
}
