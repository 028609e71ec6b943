//! The vocabulary of rules: which words there are, and how each changes the rule being built.
//!
//! The one-line form and the TOML form share it, so a word means the same in both.

use nvme_spec::{AdminOpcode, NvmOpcode};

use super::rule::{Action, Match, Phase, Rule, Until, When};
use super::values::{chance, corrupt, op, positive, range, small, sqe_mask, status, time};

/// The part of a rule that a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Match,
    When,
    Do,
    Until,
}

/// What is wrong with a word, and what could have been there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) problem: String,
    pub(super) known: Vec<&'static str>,
}

impl Complaint {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            known: Vec::new(),
        }
    }
}

/// Words before the arrow that take no value.
const OP_WORDS: [&str; 3] = ["any", "io", "admin"];
pub(super) const MATCH_KEYS: &[&str] = &["name", "op", "queue", "nsid", "lba", "sqe", "phase"];
pub(super) const WHEN_KEYS: &[&str] = &["nth", "every", "chance", "from", "to", "after"];
pub(super) const DO_KEYS: &[&str] = &[
    "status",
    "dnr",
    "more",
    "crd",
    "delay",
    "drop",
    "hang",
    "corrupt",
    "lost-write",
    "cfs",
    "remove",
    "duplicate",
    "wrong-cid",
    "lost-interrupt",
    "ignore-abort",
];
pub(super) const UNTIL_KEYS: &[&str] = &["count", "before", "until-reset"];

/// Words that are either there or not.
const FLAGS: [&str; 11] = [
    "dnr",
    "more",
    "drop",
    "hang",
    "lost-write",
    "cfs",
    "remove",
    "duplicate",
    "lost-interrupt",
    "ignore-abort",
    "until-reset",
];

impl Section {
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Match => MATCH_KEYS,
            Self::When => WHEN_KEYS,
            Self::Do => DO_KEYS,
            Self::Until => UNTIL_KEYS,
        }
    }
}

/// Every word that names opcodes.
pub(super) fn op_names() -> Vec<&'static str> {
    let io = NvmOpcode::NAMED.iter().map(|(_, name)| *name);
    let admin = AdminOpcode::NAMED.iter().map(|(_, name)| *name);
    OP_WORDS.into_iter().chain(io).chain(admin).collect()
}

/// A rule that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Builder {
    name: Option<String>,
    matcher: Match,
    phase: Option<Phase>,
    when: When,
    action: Option<Action>,
    dnr: bool,
    more: bool,
    crd: Option<u8>,
    until: Until,
    seen: Vec<String>,
}

impl Builder {
    /// Takes a word of a section with its value (empty for a flag).
    pub(super) fn apply(
        &mut self,
        section: Section,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), Complaint> {
        if !section.keys().contains(&key) {
            let known = section.keys().to_vec();
            return Err(Complaint {
                problem: "unknown word".into(),
                known,
            });
        }
        if self.seen.iter().any(|seen| seen == key) {
            return Err(Complaint::new("given twice"));
        }
        self.seen.push(key.into());
        let value = match (value, FLAGS.contains(&key)) {
            (None, true) => "",
            (Some(value), false) if !value.is_empty() => value,
            (_, true) => return Err(Complaint::new("takes no value")),
            (_, false) => return Err(Complaint::new(format!("needs a value: {key}=..."))),
        };
        match section {
            Section::Match => self.apply_match(key, value),
            Section::When => self.apply_when(key, value),
            Section::Do => self.apply_do(key, value),
            Section::Until => self.apply_until(key, value),
        }
    }

    fn apply_match(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "name" => self.name = Some(value.into()),
            "op" => self.matcher.op = op(value)?,
            "queue" => self.matcher.queue = Some(small(value, u16::MAX)?),
            "nsid" => self.matcher.nsid = Some(small(value, u32::MAX)?),
            "lba" => self.matcher.lba = Some(range(value)?),
            "sqe" => self.matcher.sqe = Some(sqe_mask(value)?),
            _ => {
                self.phase = Some(match value {
                    "submission" => Phase::Submission,
                    "completion" => Phase::Completion,
                    _ => {
                        let known = vec!["submission", "completion"];
                        return Err(Complaint {
                            problem: "unknown phase".into(),
                            known,
                        });
                    }
                });
            }
        }
        Ok(())
    }

    fn apply_when(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "nth" => self.when.nth = Some(positive(value)?),
            "every" => self.when.every = Some(positive(value)?),
            "chance" => self.when.chance = Some(chance(value)?),
            "from" => self.when.from_ns = Some(time(value)?),
            "to" => self.when.to_ns = Some(time(value)?),
            _ => self.when.after = Some(value.into()),
        }
        Ok(())
    }

    fn apply_do(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        let action = match key {
            "dnr" => {
                self.dnr = true;
                return Ok(());
            }
            "more" => {
                self.more = true;
                return Ok(());
            }
            "crd" => {
                self.crd = Some(small(value, 3)?);
                return Ok(());
            }
            "status" => Action::Status(status(value)?),
            "delay" => Action::Delay(time(value)?),
            "drop" => Action::Drop,
            "hang" => Action::Hang,
            "corrupt" => corrupt(value)?,
            "lost-write" => Action::LostWrite,
            "cfs" => Action::Cfs,
            "remove" => Action::Remove,
            "duplicate" => Action::Duplicate,
            "wrong-cid" => Action::WrongCid(small(value, u16::MAX)?),
            "lost-interrupt" => Action::LostInterrupt,
            _ => Action::IgnoreAbort,
        };
        match self.action.replace(action) {
            None => Ok(()),
            Some(first) => {
                let first = first.kind().name();
                Err(Complaint::new(format!(
                    "a rule does one thing, this one does {first} already"
                )))
            }
        }
    }

    fn apply_until(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "count" => self.until.count = Some(positive(value)?),
            "before" => self.until.time_ns = Some(time(value)?),
            _ => self.until.is_until_reset = true,
        }
        Ok(())
    }

    /// The rule, if it is complete and its parts go together.
    pub(super) fn finish(self) -> Result<Rule, Complaint> {
        let Some(mut action) = self.action else {
            let known = DO_KEYS.to_vec();
            return Err(Complaint {
                problem: "the rule does nothing".into(),
                known,
            });
        };
        match &mut action {
            Action::Status(status) => {
                let crd = self.crd.unwrap_or(0);
                *status = status.with_dnr(self.dnr).with_more(self.more).with_crd(crd);
            }
            _ if self.dnr || self.more || self.crd.is_some() => {
                return Err(Complaint::new("dnr, more and crd go with status only"));
            }
            _ => {}
        }
        let (default_phase, has_choice) = action.default_phase();
        let phase = self.phase.unwrap_or(default_phase);
        if phase != default_phase && !has_choice {
            let name = action.kind().name();
            let only = if default_phase == Phase::Submission {
                "submission"
            } else {
                "completion"
            };
            return Err(Complaint::new(format!("{name} works at {only} only")));
        }
        if self
            .when
            .nth
            .is_some_and(|_| self.until.count.is_some_and(|count| count > 1))
        {
            return Err(Complaint::new(
                "nth fires once, so count cannot be more than 1",
            ));
        }
        let Self {
            name,
            matcher,
            when,
            until,
            ..
        } = self;
        Ok(Rule {
            name,
            matcher,
            phase,
            when,
            action,
            until,
        })
    }
}
