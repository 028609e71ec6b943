//! The TOML form of a plan.
//!
//! ```toml
//! seed = 7
//! rules = ["flush nth=2 => drop"]      # the one-line form
//!
//! [[rule]]                             # the same, spelled out; after those of `rules`
//! match = { op = "read", lba = "0x1000..0x2000", not = { queue = 1 } }
//! when = { nth = 3 }
//! do = { status = "media/unrecovered-read", dnr = true }
//! until = { count = 1 }
//! ```
//!
//! Read from the document's own tree, where every key and value has its place in the text, so that each
//! error names line, column, word and what could stand there. Nothing that is not known is accepted.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::builder::{Builder, MatchBuilder};
use super::error::RuleError;
use super::parse::DEPTH_MAX;
use super::rule::{FaultPlan, Match, Rule};
use super::words::{Complaint, GROUPS, Section};

type Value<'a> = Spanned<DeValue<'a>>;

/// The most characters of the text that an error repeats.
const WORD_CHARS_MAX: usize = 60;

/// Sections of a rule that are tables of words.
const TABLES: [(&str, Section); 4] = [
    ("match", Section::Match),
    ("when", Section::When),
    ("do", Section::Do),
    ("until", Section::Until),
];

/// The text, to find places in it.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl Text<'_> {
    fn fail(self, span: &Range<usize>, complaint: Complaint) -> RuleError {
        let before = self.0.get(..span.start).unwrap_or(self.0);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count());
        let word = self.0.get(span.clone()).unwrap_or("").lines().next().unwrap_or("");
        let word: String = word.chars().take(WORD_CHARS_MAX).collect();
        let error = RuleError::in_line(column.saturating_add(1), &word, complaint);
        RuleError { line: Some(line), ..error }
    }

    fn expected(self, span: &Range<usize>, what: &str) -> RuleError {
        self.fail(span, Complaint::new(format!("expected {what}")))
    }

    fn unknown(self, span: &Range<usize>, known: Vec<&'static str>) -> RuleError {
        self.fail(span, Complaint { problem: "unknown word".into(), known })
    }

    fn table<'a, 'b>(self, value: &'b Value<'a>) -> Result<&'b DeTable<'a>, RuleError> {
        value.get_ref().as_table().ok_or_else(|| self.expected(&value.span(), "a table"))
    }

    fn items<'a, 'b>(self, value: &'b Value<'a>) -> Result<Vec<&'b Value<'a>>, RuleError> {
        let array = value.get_ref().as_array();
        array
            .map(|array| array.iter().collect())
            .ok_or_else(|| self.expected(&value.span(), "a list"))
    }

    fn string<'b>(self, value: &'b Value<'_>) -> Result<&'b str, RuleError> {
        value.get_ref().as_str().ok_or_else(|| self.expected(&value.span(), "text"))
    }

    /// A value as the text that the one-line form has; `None` for a flag that is not set.
    fn scalar(self, value: &Value<'_>) -> Result<Option<Option<String>>, RuleError> {
        Ok(match value.get_ref() {
            DeValue::Boolean(false) => None,
            DeValue::Boolean(true) => Some(None),
            DeValue::String(text) => Some(Some(text.to_string())),
            DeValue::Float(number) => Some(Some(number.as_str().to_owned())),
            DeValue::Integer(number) => {
                match u64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Some(Some(number.to_string())),
                    Err(_) => {
                        return Err(self.expected(&value.span(), "a number from 0 to 2^64 - 1"));
                    }
                }
            }
            _ => return Err(self.expected(&value.span(), "text, a number, true or false")),
        })
    }

    /// Gives the words of a table to `apply`.
    fn words(
        self,
        table: &DeTable<'_>,
        section: Section,
        mut apply: impl FnMut(&str, Option<&str>) -> Result<(), Complaint>,
    ) -> Result<(), RuleError> {
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            if section.find(word).is_none() {
                return Err(self.unknown(&key.span(), section.keys()));
            }
            let Some(text) = self.scalar(value)? else {
                continue;
            };
            apply(word, text.as_deref())
                .map_err(|complaint| self.fail(&value.span(), complaint))?;
        }
        Ok(())
    }

    /// Takes a table of a match apart: groups, and words.
    fn matches(
        self,
        table: &DeTable<'_>,
        builder: &mut MatchBuilder,
        depth: usize,
    ) -> Result<(), RuleError> {
        let mut words = DeTable::new();
        for (key, value) in table {
            let group = GROUPS.iter().find(|(group, _)| *group == key.get_ref().as_ref());
            match group {
                None => {
                    words.insert(key.clone(), value.clone());
                }
                Some((group, _)) if depth < DEPTH_MAX => {
                    builder.group(group, self.group(value, depth)?);
                }
                Some(_) => return Err(self.expected(&key.span(), "groups that nest less deep")),
            }
        }
        self.words(&words, Section::Match, |word, value| builder.apply(word, value))
            .map_err(with_groups)
    }

    /// The matches of a group: a list of tables, or one table.
    fn group(self, value: &Value<'_>, depth: usize) -> Result<Vec<Match>, RuleError> {
        let tables = match value.get_ref() {
            DeValue::Table(_) => vec![value],
            _ => self.items(value)?,
        };
        if tables.is_empty() {
            return Err(self.expected(&value.span(), "at least one match"));
        }
        let one = |table: &Value<'_>| {
            let mut inner = MatchBuilder::default();
            self.matches(self.table(table)?, &mut inner, depth.saturating_add(1))?;
            Ok(inner.finish())
        };
        tables.into_iter().map(one).collect()
    }

    fn rule(self, value: &Value<'_>) -> Result<Rule, RuleError> {
        let mut builder = Builder::default();
        for (key, value) in self.table(value)? {
            let word = key.get_ref().as_ref();
            match TABLES.iter().find(|(name, _)| *name == word) {
                Some((_, Section::Match)) => {
                    self.matches(self.table(value)?, &mut builder.matcher, 0)?;
                }
                Some((_, section)) => {
                    self.words(self.table(value)?, *section, |word, value| {
                        builder.apply(*section, word, value)
                    })?;
                }
                None if Section::Rule.find(word).is_some() => {
                    let text = self.string(value)?;
                    builder
                        .apply(Section::Rule, word, Some(text))
                        .map_err(|complaint| self.fail(&value.span(), complaint))?;
                }
                None => {
                    let tables = TABLES.iter().map(|(name, _)| *name);
                    let known = Section::Rule.keys().into_iter().chain(tables).collect();
                    return Err(self.unknown(&key.span(), known));
                }
            }
        }
        builder.finish().map_err(|complaint| self.fail(&value.span(), complaint))
    }

    /// A rule in the one-line form, in a string.
    fn line(self, value: &Value<'_>) -> Result<Rule, RuleError> {
        let form = "a rule in one line; one in a table of its own begins with [[rule]]";
        let line = value.get_ref().as_str().ok_or_else(|| self.expected(&value.span(), form))?;
        line.parse().map_err(|error: RuleError| {
            let outside = self.fail(&value.span(), Complaint::new(""));
            // The text begins behind its quote.
            let column = outside.column.saturating_add(error.column);
            RuleError { column, line: outside.line, ..error }
        })
    }

    fn plan(self, table: &DeTable<'_>) -> Result<FaultPlan, RuleError> {
        let mut plan = FaultPlan::none();
        let (mut lines, mut spelled) = (Vec::new(), Vec::new());
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "seed" => {
                    let number = value.get_ref().as_integer();
                    let seed = number.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
                    plan.seed =
                        seed.ok_or_else(|| self.expected(&value.span(), "a number from 0"))?;
                }
                "rules" => {
                    for item in self.items(value)? {
                        lines.push((self.line(item)?, item.span()));
                    }
                }
                "rule" => {
                    for item in self.items(value)? {
                        spelled.push((self.rule(item)?, item.span()));
                    }
                }
                _ => return Err(self.unknown(&key.span(), vec!["seed", "rules", "rule"])),
            }
        }
        let spans: Vec<Range<usize>>;
        (plan.rules, spans) = lines.into_iter().chain(spelled).unzip();
        match (plan.check(), spans.as_slice()) {
            (Err(PlanError { rule, after, known }), spans) => {
                let span = spans.get(rule.saturating_sub(1)).cloned().unwrap_or(0..0);
                let problem = format!("after={after:?} names no rule; {}", names_of(&known));
                Err(self.fail(&span, Complaint::new(problem)))
            }
            (Ok(()), _) => Ok(plan),
        }
    }
}

/// A match knows its groups, too.
fn with_groups(mut error: RuleError) -> RuleError {
    if error.known == Section::Match.keys() {
        error.known.extend(GROUPS.iter().map(|(group, _)| *group));
    }
    error
}

/// The names that there are, in words.
fn names_of(known: &str) -> String {
    if known.is_empty() { "no rule has a name".into() } else { format!("names: {known}") }
}

/// A rule waits for one that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault rule {rule}: after={after:?} names no rule; {}", names_of(known))]
pub struct PlanError {
    /// The rule's number, from 1.
    pub rule: usize,
    /// The name it gives.
    pub after: String,
    /// The names there are.
    pub known: String,
}

impl FaultPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`RuleError`] names line, column, the bad word and the known ones.
    pub fn from_toml(text: &str) -> Result<Self, RuleError> {
        let place = Text(text);
        match DeTable::parse(text) {
            Ok(document) => place.plan(document.get_ref()),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                Err(place.fail(&span, Complaint::new(error.message().trim_end().to_owned())))
            }
        }
    }

    /// Checks what one rule alone cannot know: that `after` names a rule.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn check(&self) -> Result<(), PlanError> {
        let names: Vec<&str> = self.rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
        for (number, rule) in (1..).zip(&self.rules) {
            if let Some(after) = rule.when.after.as_deref().filter(|after| !names.contains(after)) {
                let (after, known) = (after.into(), names.join(", "));
                return Err(PlanError { rule: number, after, known });
            }
        }
        Ok(())
    }
}
