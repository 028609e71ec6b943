//! A rule that is being put together, word by word; and whether its parts go together.

use super::kinds::{Action, Kind, On};
use super::payload::BytePattern;
use super::rule::{Match, OpClass, Phase, Rule, Transition, Until, When};
use super::time::time;
use super::values::{chance, name, op, pattern, positive, range, small, sqe_pattern, within};
use super::words::{Complaint, Section};

/// Words that were given, to find those given twice; and whether each has a value if it should.
#[derive(Clone, Debug, Default)]
struct Seen(Vec<String>);

impl Seen {
    fn take<'a>(
        &mut self,
        section: Section,
        key: &str,
        value: Option<&'a str>,
    ) -> Result<&'a str, Complaint> {
        let Some(is_flag) = section.find(key) else {
            let known = section.keys();
            return Err(Complaint { problem: "unknown word".into(), known });
        };
        if self.0.iter().any(|seen| seen == key) {
            return Err(Complaint::new("given twice"));
        }
        self.0.push(key.into());
        match (value, is_flag) {
            (None, true) => Ok(""),
            (Some(value), false) if !value.is_empty() => Ok(value),
            (_, true) => Err(Complaint::new("takes no value")),
            (_, false) => Err(Complaint::new(format!("needs a value: {key}=..."))),
        }
    }
}

/// A match that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct MatchBuilder {
    matcher: Match,
    seen: Seen,
}

impl MatchBuilder {
    /// Takes a word with its value.
    pub(super) fn apply(&mut self, key: &str, value: Option<&str>) -> Result<(), Complaint> {
        let value = self.seen.take(Section::Match, key, value)?;
        let matcher = &mut self.matcher;
        match key {
            "op" => matcher.op = op(value)?,
            "queue" => matcher.queue = Some(small(value, u16::MAX)?),
            "nsid" => matcher.nsid = Some(small(value, u32::MAX)?),
            "lba" => matcher.lba = Some(range(value, "block")?),
            "sqe" => matcher.sqe = Some(sqe_pattern(value)?),
            "data" => matcher.data = Some(pattern(value)?),
            "reg" => matcher.reg = Some(range(value, "byte")?),
            _ => matcher.state = Some(name(value)?),
        }
        Ok(())
    }

    /// Takes a group of matches. A group can be given more than once.
    pub(super) fn group(&mut self, group: &str, mut matches: Vec<Match>) {
        let matcher = &mut self.matcher;
        match group {
            "all" => matcher.all.append(&mut matches),
            "not" => matcher.not.append(&mut matches),
            _ if matcher.any.is_empty() => matcher.any = matches,
            // One `any` after the other: both must hold.
            _ => matcher.all.push(Match { any: matches, ..Match::default() }),
        }
    }

    pub(super) fn finish(self) -> Match {
        self.matcher
    }
}

/// A rule that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Builder {
    pub(super) matcher: MatchBuilder,
    name: Option<String>,
    phase: Option<Phase>,
    when: When,
    action: Option<Action>,
    dnr: bool,
    more: bool,
    crd: Option<u8>,
    sets: Option<String>,
    until: Until,
    seen: Seen,
}

impl Builder {
    /// Takes a word of a section with its value (none for a flag).
    pub(super) fn apply(
        &mut self,
        section: Section,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), Complaint> {
        if section == Section::Match {
            return self.matcher.apply(key, value);
        }
        let value = self.seen.take(section, key, value)?;
        match section {
            Section::Rule | Section::Match => self.apply_rule(key, value),
            Section::When => self.apply_when(key, value),
            Section::Do => self.apply_do(key, value),
            Section::Until => self.apply_until(key, value),
        }
    }

    fn apply_rule(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match (key, value) {
            ("name", _) => self.name = Some(name(value)?),
            (_, "submission") => self.phase = Some(Phase::Submission),
            (_, "completion") => self.phase = Some(Phase::Completion),
            _ => return Err(Complaint::choice("phase", &["submission", "completion"])),
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
            "within" => self.when.within = Some(within(value)?),
            _ => self.when.after = Some(name(value)?),
        }
        Ok(())
    }

    fn apply_do(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "dnr" => self.dnr = true,
            "more" => self.more = true,
            "crd" => self.crd = Some(small(value, 3)?),
            "set" => self.sets = Some(name(value)?),
            _ => {
                // `Seen::take` knows the word, so it is a kind.
                let Some(action) = Kind::parse_word(key, value) else {
                    return Err(Complaint::new("unknown word"));
                };
                if let Some(first) = self.action.replace(action?) {
                    let first = first.kind().name();
                    let problem = format!("a rule does one thing, this one does {first} already");
                    return Err(Complaint::new(problem));
                }
            }
        }
        Ok(())
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
                if self.dnr && crd != 0 {
                    let problem = "crd is reserved with dnr: who may not retry waits for nothing";
                    return Err(Complaint::new(problem));
                }
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
            matcher: self.matcher.finish(),
            when: self.when,
            until: self.until,
            sets: self.sets,
            action,
        };
        check(&rule)?;
        Ok(rule)
    }
}

/// Checks that the parts of a rule go together.
fn check(rule: &Rule) -> Result<(), Complaint> {
    let row = rule.action.kind().row();
    let (default_phase, has_choice) = rule.action.default_phase();
    if rule.phase != default_phase && !has_choice {
        let only = if default_phase == Phase::Submission { "submission" } else { "completion" };
        return Err(Complaint::new(format!("{} works at {only} only", row.word)));
    }
    check_transition(rule)?;
    let Rule { when, until, .. } = rule;
    if when.nth.is_some() && until.count.is_some_and(|count| count > 1) {
        let problem = "nth fires once, so count cannot be more than 1";
        return Err(Complaint::new(problem));
    }
    if when.within.is_some() && when.after.is_none() {
        return Err(Complaint::new("within needs after=NAME: the rule that it is counted from"));
    }
    if until.is_until_rewrite && rule.matcher.lba.is_none() {
        let problem = "until-rewrite needs lba=FIRST..END: the blocks that are to be rewritten";
        return Err(Complaint::new(problem));
    }
    Ok(())
}

/// Some things happen to a command, some while the host does something else.
fn check_transition(rule: &Rule) -> Result<(), Complaint> {
    let row = rule.action.kind().row();
    let transition = match rule.matcher.op {
        OpClass::Transition(transition) => Some(transition),
        _ => None,
    };
    let known: Vec<&'static str> = match (transition, row.on) {
        (None, On::Commands | On::Anything) => return check_fields(&rule.matcher, None),
        (Some(here), On::Anything) => return check_fields(&rule.matcher, Some(here)),
        (Some(here), On::Only(fits)) if fits.contains(&here) => {
            return check_fields(&rule.matcher, Some(here));
        }
        (_, On::Only(fits)) => fits.iter().map(|fit| fit.name()).collect(),
        (Some(_), On::Commands) => vec!["any command"],
    };
    Err(Complaint { problem: format!("{} does not go with this", row.word), known })
}

/// Commands have no register offset; what is no command has nothing else, but a doorbell its queue.
fn check_fields(matcher: &Match, transition: Option<Transition>) -> Result<(), Complaint> {
    let Match { queue, nsid, lba, sqe, data, reg, all, any, not, .. } = matcher;
    match transition {
        None if reg.is_some() => {
            return Err(Complaint::new(
                "a command has no register: reg goes with register-read, register-write, config-read and doorbell",
            ));
        }
        Some(here) => {
            let has_pattern = |pattern: &Option<BytePattern>| pattern.is_some();
            let has_command_field = nsid.is_some()
                || lba.is_some()
                || has_pattern(sqe)
                || has_pattern(data)
                || queue.is_some() && here != Transition::Doorbell
                || reg.is_some() && !here.has_offset();
            if has_command_field {
                let problem = "this is no command: it has no queue, nsid, lba, sqe or data";
                return Err(Complaint::new(problem));
            }
        }
        None => {}
    }
    let groups = [all, any, not].into_iter().flatten();
    groups.into_iter().try_for_each(|inner| check_fields(inner, transition))
}
