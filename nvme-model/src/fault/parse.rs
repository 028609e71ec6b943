//! The one-line form: `read lba=0x1000..0x2000 nth=3 => status=media/unrecovered-read dnr`.
//!
//! Before the arrow: which command (a command's name, `io`, `admin` or `any`), what it must look like,
//! and which of those. After it: what happens, and how long.

use std::fmt;
use std::str::FromStr;

use super::rule::Rule;
use super::words::{Builder, Complaint, Section, op_names};

/// Where a rule is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The column of the one-line form, from 1.
    Column(usize),
    /// The rule's number in the file, from 1, and the key.
    Key(usize, String),
}

/// A rule that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    pub(super) place: Place,
    pub(super) word: String,
    pub(super) problem: String,
    pub(super) known: Vec<&'static str>,
}

impl RuleError {
    pub(super) fn new(place: Place, word: &str, complaint: Complaint) -> Self {
        let Complaint { problem, known } = complaint;
        Self { place, word: word.into(), problem, known }
    }

    /// The column of the bad word in the one-line form, from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match self.place {
            Place::Column(column) => Some(column),
            Place::Key(..) => None,
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Column(column) => write!(f, "fault rule, column {column}: ")?,
            Place::Key(rule, key) => write!(f, "fault rule {rule}, {key}: ")?,
        }
        write!(f, "{:?}: {}", self.word, self.problem)?;
        if !self.known.is_empty() {
            write!(f, "; known: {}", self.known.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleError {}

/// The words of a line, each with its column from 1.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split_whitespace().map(move |word| {
        // A word is a part of the line, so the distance of their beginnings is its offset.
        let offset = (word.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
        let before = line.get(..offset).unwrap_or(line);
        (before.chars().count().saturating_add(1), word)
    })
}

/// The section of a word on this side of the arrow.
fn section(key: &str, is_after_arrow: bool) -> Option<Section> {
    let sides = if is_after_arrow {
        [Section::Do, Section::Until]
    } else {
        [Section::Match, Section::When]
    };
    sides.into_iter().find(|section| section.has(key))
}

fn known_words(is_after_arrow: bool) -> Vec<&'static str> {
    if is_after_arrow {
        [Section::Do.keys(), Section::Until.keys()].concat()
    } else {
        let keys = [Section::Match.keys(), Section::When.keys()].concat();
        let keys = keys.into_iter().filter(|key| *key != "op");
        keys.chain(["=>"]).chain(op_names()).collect()
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(line: &str) -> Result<Self, RuleError> {
        let mut builder = Builder::default();
        let mut is_after_arrow = false;
        let mut last = (1, "");
        for (column, word) in words(line) {
            last = (column, word);
            if word == "=>" && !is_after_arrow {
                is_after_arrow = true;
                continue;
            }
            let fail = |complaint| RuleError::new(Place::Column(column), word, complaint);
            let (key, value) = match word.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (word, None),
            };
            let is_op = !is_after_arrow && value.is_none() && section(key, false).is_none();
            let applied = match section(key, is_after_arrow) {
                Some(section) => builder.apply(section, key, value),
                None if is_op && op_names().contains(&word) => {
                    builder.apply(Section::Match, "op", Some(word))
                }
                None => {
                    let known = known_words(is_after_arrow);
                    Err(Complaint { problem: "unknown word".into(), known })
                }
            };
            applied.map_err(fail)?;
        }
        let end = |complaint| RuleError::new(Place::Column(last.0), last.1, complaint);
        if !is_after_arrow {
            let problem = "the rule ends before its =>".into();
            return Err(end(Complaint { problem, known: Vec::new() }));
        }
        builder.finish().map_err(end)
    }
}
