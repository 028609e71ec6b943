//! Places in the text of a plan: where a word of a rule is, in either form, and an error there.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{About, Complaint, RuleError};
use super::parse::{place_of, tokens};
use super::values::op;
use crate::place::line_and_column;

pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The most characters of the text that an error repeats.
const WORD_CHARS_MAX: usize = 60;

/// The text, to find places in it.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl Text<'_> {
    /// An error about these bytes of the text.
    pub(super) fn fail(self, span: &Range<usize>, complaint: Complaint) -> RuleError {
        let word = self.0.get(span.clone()).unwrap_or("").lines().next().unwrap_or("");
        let word: String = word.chars().take(WORD_CHARS_MAX).collect();
        self.moved(RuleError::in_line(1, &word, complaint), span.start)
    }

    /// The same error at this byte of the text.
    fn moved(self, error: RuleError, at: usize) -> RuleError {
        let (line, column) = line_and_column(self.0, at);
        RuleError { line: Some(line), column, ..error }
    }

    /// An error in the one-line form that this string has, at its own place.
    pub(super) fn fail_in_line(self, value: &Value<'_>, line: &str, error: RuleError) -> RuleError {
        let at = self.in_string(value, line, error.column);
        self.moved(error, at)
    }

    /// Where the character in this column of a string is. Where the string is not written as it is (`\u0020`),
    /// its beginning.
    fn in_string(self, value: &Value<'_>, line: &str, column: usize) -> usize {
        let span = value.span();
        let written = self.0.get(span.clone()).unwrap_or("");
        let Some(begin) = written.find(line) else {
            return span.start;
        };
        let mut chars = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        let inside = chars.nth(column.saturating_sub(1)).unwrap_or(0);
        span.start.saturating_add(begin).saturating_add(inside)
    }

    /// Where a rule has this word; the rule, if it is not to be found.
    pub(super) fn word_of(self, rule: &Value<'_>, about: About) -> Range<usize> {
        let found = match rule.get_ref() {
            DeValue::String(line) => place_of(&tokens(line), about).map(|(column, word)| {
                let start = self.in_string(rule, line, column);
                start..start.saturating_add(word.len())
            }),
            DeValue::Table(table) => key_in(table, about),
            _ => None,
        };
        found.unwrap_or_else(|| rule.span())
    }
}

/// The value of a key in a table, in one of its tables or in one of its lists of tables.
fn key_in(table: &DeTable<'_>, about: About) -> Option<Range<usize>> {
    fn inside(value: &Value<'_>, about: About) -> Option<Range<usize>> {
        match value.get_ref() {
            DeValue::Table(table) => key_in(table, about),
            DeValue::Array(items) => items.iter().find_map(|item| inside(item, about)),
            _ => None,
        }
    }
    let is_it = |key: &str, value: &DeValue<'_>| match about {
        About::Word(word) => key == word,
        About::Op(wanted) => key == "op" && value.as_str().map(op) == Some(Ok(wanted)),
    };
    let here = table.iter().find(|(key, value)| is_it(key.get_ref(), value.get_ref()));
    let here = here.map(|(_, value)| value.span());
    here.or_else(|| table.iter().find_map(|(_, value)| inside(value, about)))
}
