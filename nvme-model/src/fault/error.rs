//! What is wrong with the text of a rule or a plan, and where.

use std::fmt;

use super::words::Complaint;

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
        if !self.known.is_empty() {
            write!(f, "; known: {}", self.known.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleError {}
