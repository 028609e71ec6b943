//! What is wrong with the text of a rule or a plan, and where.

use std::fmt;

use super::words::Complaint;

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
    pub(super) problem: String,
    pub(super) known: Vec<&'static str>,
}

impl RuleError {
    pub(super) fn in_line(column: usize, word: &str, complaint: Complaint) -> Self {
        let Complaint { problem, known } = complaint;
        Self { file: None, line: None, column, word: word.into(), problem, known }
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
            self.known.iter().map(errors).filter(is_near)
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
        write!(f, "{:?}: {}", self.word, self.problem)?;
        let known = self.known.join(", ");
        match self.meant() {
            Some(meant) => write!(f, "; did you mean {meant:?}? known: {known}"),
            None if known.is_empty() => Ok(()),
            None => write!(f, "; known: {known}"),
        }
    }
}

impl std::error::Error for RuleError {}
