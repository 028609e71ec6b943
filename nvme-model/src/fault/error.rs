//! What is wrong with the text of a rule or a plan, and where.

use std::fmt;

use super::rule::OpClass;
use super::words::{self, Section};

/// A word of a rule that was read before the mistake in it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// This word.
    Word(&'static str),
    /// The one that names these commands.
    Op(OpClass),
}

/// What is wrong with a word, and what could have been there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) problem: String,
    /// The words that there are for its place.
    pub(super) known: Vec<&'static str>,
    /// How the word that it is about is written, with an example.
    usage: Option<String>,
    /// The word that it is about, if that is another one than the one that is being read.
    pub(super) about: Option<About>,
}

impl Complaint {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), known: Vec::new(), usage: None, about: None }
    }

    pub(super) fn choice(problem: impl Into<String>, known: Vec<&'static str>) -> Self {
        Self { known, ..Self::new(problem) }
    }

    /// The same about a word of a rule, wherever in the rule it stands.
    pub(super) fn about(self, word: &'static str) -> Self {
        Self { about: Some(About::Word(word)), ..self }
    }

    /// The same about the word that names these commands.
    pub(super) fn about_op(self, op: OpClass) -> Self {
        Self { about: Some(About::Op(op)), ..self }
    }

    /// The same about the value of a word: says how it is written, too.
    pub(super) fn with_usage(self, section: Section, word: &str) -> Self {
        Self { usage: self.usage.or_else(|| words::usage(section, word)), ..self }
    }
}

/// More typing errors than these make another word.
const ERRORS_MAX: usize = 3;

/// A rule or a plan that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The file, if the text has a name.
    pub(super) file: Option<String>,
    /// The line of a file, from 1; none for the one-line form.
    pub(super) line: Option<usize>,
    /// The column, from 1, in characters.
    pub(super) column: usize,
    /// The offending word.
    pub(super) word: String,
    pub(super) complaint: Box<Complaint>,
}

impl RuleError {
    pub(super) fn in_line(column: usize, word: &str, complaint: Complaint) -> Self {
        Self { file: None, line: None, column, word: word.into(), complaint: Box::new(complaint) }
    }

    /// The line of the bad word in a file, from 1; `None` in the one-line form.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The column of the bad word, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The known word that was probably meant: one that few typing errors turn into this one.
    fn meant(&self) -> Option<&'static str> {
        // In a file a word may stand in quotes.
        let word = self.word.trim_matches(['"', '\'']);
        let value = word.split_once('=').map(|(key, value)| [key, value]);
        let parts = value.iter().flatten().copied().chain([word]);
        let near = parts.flat_map(|part| {
            let errors_max = part.chars().count().checked_div(3).unwrap_or(0).min(ERRORS_MAX);
            let errors = |known: &&'static str| (strsim::damerau_levenshtein(part, known), *known);
            let is_near = move |(errors, _): &(usize, _)| (1..=errors_max).contains(errors);
            self.complaint.known.iter().map(errors).filter(is_near)
        });
        near.min_by_key(|(errors, _)| *errors).map(|(_, known)| known)
    }

    /// The same error in the file of this name.
    #[must_use]
    pub fn in_file(self, name: impl Into<String>) -> Self {
        Self { file: Some(name.into()), ..self }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.column;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}:{column}: ")?,
            (Some(file), None) => write!(f, "{file}: column {column}: ")?,
            (None, Some(line)) => write!(f, "fault plan, line {line}, column {column}: ")?,
            (None, None) => write!(f, "fault rule, column {column}: ")?,
        }
        let Complaint { problem, known, usage, about: _ } = &*self.complaint;
        write!(f, "{:?}: {problem}", self.word)?;
        let known = known.join(", ");
        match self.meant() {
            Some(meant) => write!(f, "; did you mean {meant:?}? known: {known}")?,
            None if known.is_empty() => {}
            None => write!(f, "; known: {known}")?,
        }
        usage.iter().try_for_each(|usage| write!(f, "; {usage}"))
    }
}

impl std::error::Error for RuleError {}
