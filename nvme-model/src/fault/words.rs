//! The vocabulary of rules: which words there are, and how each changes the rule being built.
//!
//! The one-line form and the TOML form share it, so a word means the same in both.

use nvme_spec::{AdminOpcode, NvmOpcode};

use super::action::Action;
use super::rule::{Match, OpClass, Phase, Rule, Transition, Until, When};
use super::values::{chance, op, positive, range, small, sqe_mask, time};
use super::verbs;

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
        Self { problem: problem.into(), known: Vec::new() }
    }

    pub(super) fn choice(what: &str, known: &[&'static str]) -> Self {
        Self { problem: format!("unknown {what}"), known: known.to_vec() }
    }
}

/// Words before the arrow that take no value.
const OP_WORDS: [&str; 3] = ["any", "io", "admin"];
const MATCH_KEYS: &[&str] = &["name", "op", "queue", "nsid", "lba", "sqe", "phase"];
const WHEN_KEYS: &[&str] = &["nth", "every", "chance", "from", "to", "after"];
/// Words after the arrow that refine another one.
const STATUS_KEYS: &[&str] = &["dnr", "more", "crd"];
const UNTIL_KEYS: &[&str] = &["count", "before", "until-reset", "until-rewrite"];

/// Words that are either there or not, beside the actions without a value.
const FLAGS: [&str; 4] = ["dnr", "more", "until-reset", "until-rewrite"];

fn is_flag(key: &str) -> bool {
    FLAGS.contains(&key) || verbs::flag(key).is_some()
}

impl Section {
    /// The words of the section.
    pub(super) fn keys(self) -> Vec<&'static str> {
        let (keys, more): (_, &[&str]) = match self {
            Self::Match => (MATCH_KEYS, &[]),
            Self::When => (WHEN_KEYS, &[]),
            Self::Do => (verbs::ACTION_WORDS, STATUS_KEYS),
            Self::Until => (UNTIL_KEYS, &[]),
        };
        [keys, more].concat()
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.keys().contains(&key)
    }
}

/// Every word that names opcodes.
pub(super) fn op_names() -> Vec<&'static str> {
    let io = NvmOpcode::NAMED.iter().map(|(_, name)| *name);
    let admin = AdminOpcode::NAMED.iter().map(|(_, name)| *name);
    let transitions = Transition::ALL.map(Transition::name);
    let names = OP_WORDS.into_iter().chain(io).chain(admin);
    names.chain(transitions).collect()
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
        if !section.has(key) {
            let known = section.keys();
            return Err(Complaint { problem: "unknown word".into(), known });
        }
        if self.seen.iter().any(|seen| seen == key) {
            return Err(Complaint::new("given twice"));
        }
        self.seen.push(key.into());
        let value = match (value, is_flag(key)) {
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
                    _ => return Err(Complaint::choice("phase", &["submission", "completion"])),
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
            _ => match verbs::flag(key) {
                Some(action) => action,
                None => verbs::valued(key, value)?,
            },
        };
        match self.action.replace(action) {
            None => Ok(()),
            Some(first) => {
                let first = first.kind().name();
                Err(Complaint::new(format!("a rule does one thing, this one does {first} already")))
            }
        }
    }

    fn apply_until(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "count" => self.until.count = Some(positive(value)?),
            "before" => self.until.time_ns = Some(time(value)?),
            "until-reset" => self.until.is_until_reset = true,
            _ => self.until.is_until_rewrite = true,
        }
        Ok(())
    }

    /// The rule, if it is complete and its parts go together.
    pub(super) fn finish(self) -> Result<Rule, Complaint> {
        let Some(mut action) = self.action else {
            return Err(Complaint {
                problem: "the rule does nothing".into(),
                known: Section::Do.keys(),
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
        let rule = Rule {
            phase: self.phase.unwrap_or(action.default_phase().0),
            name: self.name,
            matcher: self.matcher,
            when: self.when,
            until: self.until,
            action,
        };
        check(&rule)?;
        Ok(rule)
    }
}

/// Checks that the parts of a rule go together.
fn check(rule: &Rule) -> Result<(), Complaint> {
    let name = rule.action.kind().name();
    let (default_phase, has_choice) = rule.action.default_phase();
    if rule.phase != default_phase && !has_choice {
        let only = if default_phase == Phase::Submission { "submission" } else { "completion" };
        return Err(Complaint::new(format!("{name} works at {only} only")));
    }
    check_transition(rule)?;
    let Rule { when, until, .. } = rule;
    if when.nth.is_some() && until.count.is_some_and(|count| count > 1) {
        let problem = "nth fires once, so count cannot be more than 1";
        return Err(Complaint::new(problem));
    }
    if until.is_until_rewrite && rule.matcher.lba.is_none() {
        let problem = "until-rewrite needs lba=FIRST..END: the blocks that are to be rewritten";
        return Err(Complaint::new(problem));
    }
    Ok(())
}

/// Some things happen to a command, some while the controller as a whole changes its state.
fn check_transition(rule: &Rule) -> Result<(), Complaint> {
    let name = rule.action.kind().name();
    let transition = match rule.matcher.op {
        OpClass::Transition(transition) => Some(transition),
        _ => None,
    };
    let known: Vec<&'static str> = match (transition, rule.action.transitions()) {
        (None, None) => return Ok(()),
        (Some(here), Some(fits)) if fits.contains(&here) => return check_no_fields(&rule.matcher),
        (Some(_), None) if rule.action.is_general() => return check_no_fields(&rule.matcher),
        (_, Some(fits)) => fits.iter().map(|fit| fit.name()).collect(),
        (Some(_), None) => vec!["any command"],
    };
    Err(Complaint { problem: format!("{name} does not go with this"), known })
}

fn check_no_fields(matcher: &Match) -> Result<(), Complaint> {
    let nothing = Match { op: matcher.op, ..Match::default() };
    if *matcher != nothing {
        let problem = "this is no command: it has no queue, nsid, lba or sqe";
        return Err(Complaint::new(problem));
    }
    Ok(())
}
