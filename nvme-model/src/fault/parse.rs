//! The one-line form: `read lba=0x1000..0x2000 nth=3 => status=media/unrecovered-read dnr`.
//!
//! Before the arrow: which command (a command's name, `io`, `admin` or `any`), what it must look like,
//! and which of those. After it: what happens, and how long. `any{ queue=1 | lba=5..9 }`, `all{ ... }`
//! and `not{ ... }` group matches; they nest.

use std::str::FromStr;

use super::builder::{Builder, MatchBuilder};
use super::error::RuleError;
use super::rule::{Match, Rule};
use super::words::{Complaint, GROUPS, Section, op_names};

/// How deep groups nest at the most: deeper ones are a mistake, and the parser recurses.
pub(super) const DEPTH_MAX: usize = 8;

/// A word with its column from 1.
pub(super) type Token<'a> = (usize, &'a str);

/// The words of a line. Braces and bars are words of their own, wherever they stand.
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let is_mark = |c: char| "{}|".contains(c);
    let mut found = Vec::new();
    let mut begin: Option<(usize, usize)> = None;
    let end_word = |begin: &mut Option<(usize, usize)>, end: usize, found: &mut Vec<_>| {
        if let Some((column, from)) = begin.take() {
            found.push((column, line.get(from..end).unwrap_or("")));
        }
    };
    for (column, (at, c)) in (1..).zip(line.char_indices()) {
        if c.is_whitespace() || is_mark(c) {
            end_word(&mut begin, at, &mut found);
        }
        if is_mark(c) {
            found.push((column, line.get(at..at.saturating_add(1)).unwrap_or("")));
        } else if !c.is_whitespace() {
            begin.get_or_insert((column, at));
        }
    }
    end_word(&mut begin, line.len(), &mut found);
    found
}

/// The words of a line, taken one after the other.
pub(super) struct Tokens<'a> {
    rest: std::vec::IntoIter<Token<'a>>,
    last: Token<'a>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(tokens: Vec<Token<'a>>) -> Self {
        Self { rest: tokens.into_iter(), last: (1, "") }
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.rest.next()?;
        self.last = token;
        Some(token)
    }

    pub(super) fn is_next(&self, word: &str) -> bool {
        self.rest.as_slice().first().is_some_and(|(_, next)| *next == word)
    }

    fn fail_here(&self, problem: &str) -> RuleError {
        RuleError::in_line(self.last.0, self.last.1, Complaint::new(problem))
    }

    /// The matches of a group, whose opening brace is next.
    fn group(&mut self, depth: usize) -> Result<Vec<Match>, RuleError> {
        if depth > DEPTH_MAX {
            return Err(self.fail_here("groups nest too deep"));
        }
        self.next();
        let mut matches = Vec::new();
        let mut inner = MatchBuilder::default();
        let mut is_empty = true;
        loop {
            let Some((column, word)) = self.next() else {
                return Err(self.fail_here("the group has no closing }"));
            };
            match word {
                "}" | "|" if is_empty => return Err(self.fail_here("there is nothing to match")),
                "}" => {
                    matches.push(inner.finish());
                    return Ok(matches);
                }
                "|" => {
                    matches.push(std::mem::take(&mut inner).finish());
                    is_empty = true;
                }
                _ if is_group(word) && self.is_next("{") => {
                    inner.group(word, self.group(depth.saturating_add(1))?);
                    is_empty = false;
                }
                _ => {
                    let (key, value) = split(word);
                    apply_match(&mut inner, key, value, word)
                        .map_err(|complaint| RuleError::in_line(column, word, complaint))?;
                    is_empty = false;
                }
            }
        }
    }
}

pub(super) fn is_group(word: &str) -> bool {
    GROUPS.iter().any(|(group, _)| *group == word)
}

pub(super) fn split(word: &str) -> (&str, Option<&str>) {
    match word.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (word, None),
    }
}

/// A word of a match: a key with a value, or the name of a command.
fn apply_match(
    builder: &mut MatchBuilder,
    key: &str,
    value: Option<&str>,
    word: &str,
) -> Result<(), Complaint> {
    if Section::Match.find(key).is_some() {
        return builder.apply(key, value);
    }
    if value.is_none() && (op_names().contains(&word) || super::values::op(word).is_ok()) {
        return builder.apply("op", Some(word));
    }
    Err(Complaint { problem: "unknown word".into(), known: known_words(false) })
}

fn known_words(is_after_arrow: bool) -> Vec<&'static str> {
    if is_after_arrow {
        [Section::Do.keys(), Section::Until.keys()].concat()
    } else {
        let keys = [Section::Rule.keys(), Section::Match.keys(), Section::When.keys()].concat();
        let groups = GROUPS.iter().map(|(group, _)| *group);
        keys.into_iter().chain(groups).chain(["=>"]).chain(op_names()).collect()
    }
}

/// A word beside groups and the arrow.
fn apply(builder: &mut Builder, word: &str, is_after_arrow: bool) -> Result<(), Complaint> {
    let (key, value) = split(word);
    let sections: &[Section] = if is_after_arrow {
        &[Section::Do, Section::Until]
    } else {
        &[Section::Rule, Section::When]
    };
    match sections.iter().find(|section| section.find(key).is_some()) {
        Some(section) => builder.apply(*section, key, value),
        None if is_after_arrow => {
            Err(Complaint { problem: "unknown word".into(), known: known_words(true) })
        }
        None => apply_match(&mut builder.matcher, key, value, word),
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(line: &str) -> Result<Self, RuleError> {
        let mut builder = Builder::default();
        let mut is_after_arrow = false;
        let mut tokens = Tokens::new(tokens(line));
        while let Some((column, word)) = tokens.next() {
            if word == "=>" && !is_after_arrow {
                is_after_arrow = true;
            } else if !is_after_arrow && is_group(word) && tokens.is_next("{") {
                builder.matcher.group(word, tokens.group(1)?);
            } else {
                apply(&mut builder, word, is_after_arrow)
                    .map_err(|complaint| RuleError::in_line(column, word, complaint))?;
            }
        }
        if !is_after_arrow {
            return Err(tokens.fail_here("the rule ends before its =>"));
        }
        let (column, word) = tokens.last;
        builder.finish().map_err(|complaint| RuleError::in_line(column, word, complaint))
    }
}
