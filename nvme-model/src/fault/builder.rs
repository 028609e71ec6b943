//! A rule that is being put together, word by word.

use super::check::check;
use super::error::Complaint;
use super::kinds::{Action, Kind};
use super::number::{positive, range, small};
use super::plan::NEVER;
use super::rule::{Match, Phase, Rule, Until, When};
use super::time::time;
use super::values::{chance, name, op, pattern, sqe_pattern, within};
use super::words::Section;

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
            return Err(Complaint::choice("unknown word", section.keys()));
        };
        if self.0.iter().any(|seen| seen == key) {
            return Err(Complaint::new(match section {
                Section::Match => {
                    "given twice; what may be one of several goes into any{ queue=1 | queue=2 }"
                }
                _ => "given twice; a second one is a second rule",
            }));
        }
        self.0.push(key.into());
        match (value, is_flag) {
            (None, true) => Ok(""),
            (Some(value), false) if !value.is_empty() => Ok(value),
            (_, true) => Err(Complaint::new("takes no value; in a file it is true or false")),
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
        self.take(key, value).map_err(|complaint| complaint.with_usage(Section::Match, key))
    }

    fn take(&mut self, key: &str, value: Option<&str>) -> Result<(), Complaint> {
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
        let taken = match section {
            Section::Match => self.matcher.apply(key, value),
            _ => self.take(section, key, value),
        };
        taken.map_err(|complaint| complaint.with_usage(section, key))
    }

    fn take(&mut self, section: Section, key: &str, value: Option<&str>) -> Result<(), Complaint> {
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
            _ => return Err(Complaint::choice("unknown phase", vec!["submission", "completion"])),
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
            "set" if value == NEVER => {
                let problem = "no rule can set this state: what is held for it is held for ever";
                return Err(Complaint::new(problem));
            }
            "set" => self.sets = Some(name(value)?),
            _ => {
                // `Seen::take` knows the word, so it is a kind.
                let Some(action) = Kind::parse_word(key, value) else {
                    return Err(Complaint::new("unknown word"));
                };
                if let Some(first) = self.action.replace(action?) {
                    let first = first.kind().name();
                    let problem = format!(
                        "a rule does one thing, this one does {first} already; a second thing is a \
                         second rule"
                    );
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
            return Err(Complaint::choice("the rule does nothing", Section::Do.keys()));
        };
        let goes_with_status =
            [("dnr", self.dnr), ("more", self.more), ("crd", self.crd.is_some())];
        let given =
            goes_with_status.into_iter().find_map(|(word, is_given)| is_given.then_some(word));
        match (&mut action, given) {
            (Action::Status(status), _) => {
                let crd = self.crd.unwrap_or(0);
                if self.dnr && crd != 0 {
                    let problem = "crd is reserved with dnr: who may not retry waits for nothing";
                    return Err(Complaint::new(problem).about("crd"));
                }
                *status = status.with_dnr(self.dnr).with_more(self.more).with_crd(crd);
            }
            (_, Some(word)) => {
                let problem = "dnr, more and crd go with status only";
                return Err(Complaint::new(problem).about(word));
            }
            (_, None) => {}
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
