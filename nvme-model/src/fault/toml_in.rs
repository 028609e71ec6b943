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

use toml::de::{DeTable, DeValue};

use super::builder::{Builder, MatchBuilder};
use super::error::{About, Complaint, RuleError};
use super::parse::DEPTH_MAX;
use super::rule::{FaultPlan, Match, Rule};
use super::toml_place::{Text, Value};
use super::words::{GROUPS, Section};

/// Sections of a rule that are tables of words.
const TABLES: [Section; 4] = [Section::Match, Section::When, Section::Do, Section::Until];

/// The words of a plan itself.
const PLAN_WORDS: [&str; 3] = ["seed", "rules", "rule"];

/// A value as the one-line form has it.
enum Scalar {
    /// A flag that is not set.
    Off,
    /// A flag that is set.
    On,
    Text(String),
}

fn scalar(value: &DeValue<'_>) -> Result<Scalar, Complaint> {
    Ok(match value {
        DeValue::Boolean(false) => Scalar::Off,
        DeValue::Boolean(true) => Scalar::On,
        DeValue::String(text) => Scalar::Text(text.to_string()),
        DeValue::Float(number) => Scalar::Text(number.as_str().to_owned()),
        DeValue::Integer(number) => match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Scalar::Text(number.to_string()),
            // Negative, or too large: as hexadecimal digits it is so, too, and the word says what it takes.
            Err(_) => Scalar::Text(format!("0x{}", number.as_str())),
        },
        _ => return Err(Complaint::new("expected text, a number, true or false")),
    })
}

/// What a table of a rule knows.
fn known_in(section: Section) -> Vec<&'static str> {
    let groups = GROUPS.iter().map(|(group, _)| *group).filter(|_| section == Section::Match);
    let tables = TABLES.iter().map(|table| table.name()).filter(|_| section == Section::Rule);
    section.keys().into_iter().chain(groups).chain(tables).collect()
}

/// A word that a table does not know, though maybe another does.
fn unknown(section: Section, word: &str) -> Complaint {
    let Some(other) = Section::of(word) else {
        return Complaint::choice("unknown word", known_in(section));
    };
    let problem = match other {
        Section::Rule => "stands in the rule itself".to_owned(),
        other => format!("stands in the table {:?}", other.name()),
    };
    Complaint::new(problem).with_usage(other, word)
}

impl Text<'_> {
    fn expected(self, value: &Value<'_>, what: &str) -> RuleError {
        self.fail(&value.span(), Complaint::new(format!("expected {what}")))
    }

    /// The table of a section.
    fn table<'a, 'b>(
        self,
        value: &'b Value<'a>,
        section: Section,
    ) -> Result<&'b DeTable<'a>, RuleError> {
        value.get_ref().as_table().ok_or_else(|| {
            let complaint = Complaint::choice("expected a table of words", known_in(section));
            self.fail(&value.span(), complaint)
        })
    }

    fn items<'a, 'b>(
        self,
        value: &'b Value<'a>,
        what: &str,
    ) -> Result<Vec<&'b Value<'a>>, RuleError> {
        let array = value.get_ref().as_array();
        array.map(|array| array.iter().collect()).ok_or_else(|| self.expected(value, what))
    }

    /// Gives a word with its value to `apply`.
    fn word(
        self,
        section: Section,
        word: &str,
        value: &Value<'_>,
        apply: impl FnOnce(Option<&str>) -> Result<(), Complaint>,
    ) -> Result<(), RuleError> {
        let is_flag = section.find(word) == Some(true);
        let taken = scalar(value.get_ref()).and_then(|found| match found {
            Scalar::Off if is_flag => Ok(()),
            Scalar::Off | Scalar::On => apply(None),
            Scalar::Text(text) => apply(Some(&text)),
        });
        taken.map_err(|complaint| self.fail(&value.span(), complaint.with_usage(section, word)))
    }

    /// Takes a table of a match apart: groups, and words.
    fn matches(
        self,
        table: &DeTable<'_>,
        builder: &mut MatchBuilder,
        depth: usize,
    ) -> Result<(), RuleError> {
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let group = GROUPS.iter().find(|(group, _)| *group == word);
            match group {
                Some((group, _)) if depth < DEPTH_MAX => {
                    builder.group(group, self.group(value, depth)?);
                }
                Some(_) => {
                    let problem = format!("groups nest up to {DEPTH_MAX} deep");
                    return Err(self.fail(&key.span(), Complaint::new(problem)));
                }
                None if Section::Match.find(word).is_some() => {
                    self.word(Section::Match, word, value, |text| builder.apply(word, text))?;
                }
                None => return Err(self.fail(&key.span(), unknown(Section::Match, word))),
            }
        }
        Ok(())
    }

    /// The matches of a group: a list of tables, or one table.
    fn group(self, value: &Value<'_>, depth: usize) -> Result<Vec<Match>, RuleError> {
        let form = "a match such as { queue = 1 }, or a list of them";
        let tables = match value.get_ref() {
            DeValue::Table(_) => vec![value],
            _ => self.items(value, form)?,
        };
        if tables.is_empty() {
            return Err(self.expected(value, form));
        }
        let one = |value: &Value<'_>| {
            let table = self.table(value, Section::Match)?;
            if table.is_empty() {
                return Err(self.expected(value, form));
            }
            let mut inner = MatchBuilder::default();
            self.matches(table, &mut inner, depth.saturating_add(1))?;
            Ok(inner.finish())
        };
        tables.into_iter().map(one).collect()
    }

    fn rule(self, rule: &Value<'_>) -> Result<Rule, RuleError> {
        let mut builder = Builder::default();
        for (key, value) in self.table(rule, Section::Rule)? {
            let word = key.get_ref().as_ref();
            match TABLES.iter().find(|table| table.name() == word) {
                Some(Section::Match) => {
                    let table = self.table(value, Section::Match)?;
                    self.matches(table, &mut builder.matcher, 0)?;
                }
                Some(section) => self.section(*section, value, &mut builder)?,
                None if Section::Rule.find(word).is_some() => {
                    let section = Section::Rule;
                    self.word(section, word, value, |text| builder.apply(section, word, text))?;
                }
                None => return Err(self.fail(&key.span(), unknown(Section::Rule, word))),
            }
        }
        builder.finish().map_err(|complaint| {
            let span = complaint.about.map_or(rule.span(), |about| self.word_of(rule, about));
            self.fail(&span, complaint)
        })
    }

    /// A table of words.
    fn section(
        self,
        section: Section,
        value: &Value<'_>,
        builder: &mut Builder,
    ) -> Result<(), RuleError> {
        for (key, value) in self.table(value, section)? {
            let word = key.get_ref().as_ref();
            if section.find(word).is_none() {
                return Err(self.fail(&key.span(), unknown(section, word)));
            }
            self.word(section, word, value, |text| builder.apply(section, word, text))?;
        }
        Ok(())
    }

    /// A rule in the one-line form, in a string.
    fn line(self, value: &Value<'_>) -> Result<Rule, RuleError> {
        let form = "a rule in one line such as \"flush nth=2 => drop\"; one in a table of its own \
                    begins with [[rule]]";
        let line = value.get_ref().as_str().ok_or_else(|| self.expected(value, form))?;
        line.parse().map_err(|error| self.fail_in_line(value, line, error))
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
                        seed.ok_or_else(|| self.expected(value, "a number from 0 to 2^64 - 1"))?;
                }
                "rules" => {
                    let form = "a list of rules such as [\"flush nth=2 => drop\"]";
                    for item in self.items(value, form)? {
                        lines.push((self.line(item)?, item));
                    }
                }
                "rule" => {
                    for item in self.items(value, "tables that begin with [[rule]]")? {
                        spelled.push((self.rule(item)?, item));
                    }
                }
                _ => {
                    let complaint = Complaint::choice("unknown word", PLAN_WORDS.to_vec());
                    return Err(self.fail(&key.span(), complaint));
                }
            }
        }
        let places: Vec<&Value<'_>>;
        (plan.rules, places) = lines.into_iter().chain(spelled).unzip();
        plan.check().map(|()| plan).map_err(|error| {
            let rule = places.get(error.rule.saturating_sub(1));
            let span = rule.map_or(0..0, |rule| self.word_of(rule, About::Word(error.word)));
            self.fail(&span, Complaint::new(error.problem()))
        })
    }

    /// What the text is not even TOML for.
    fn no_toml(self, span: &Range<usize>, problem: &str) -> RuleError {
        if problem != "duplicate key" {
            return self.fail(span, Complaint::new(problem));
        }
        let problem =
            "given twice; a table has each word once, and another rule begins with [[rule]]";
        let word = self.0.get(span.clone()).unwrap_or("");
        let complaint = Complaint::new(problem);
        self.fail(
            span,
            match Section::of(word) {
                Some(section) => complaint.with_usage(section, word),
                None => complaint,
            },
        )
    }
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
                Err(place.no_toml(&span, error.message().trim_end()))
            }
        }
    }
}
