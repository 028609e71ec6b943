//! The one-line form: `read lba=0x1000..0x2000 nth=3 => status=media/unrecovered-read dnr`.
//!
//! Before the arrow: which command (a command's name, `io`, `admin` or `any`), what it must look like,
//! and which of those. After it: what happens, and how long. `any{ queue=1 | lba=5..9 }`, `all{ ... }`
//! and `not{ ... }` group matches; they nest.

use std::str::FromStr;

use super::builder::{Builder, MatchBuilder};
use super::error::{About, Complaint, RuleError};
use super::rule::{Match, Rule};
use super::values::op;
use super::words::{GROUPS, Section, op_names};

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
    all: Vec<Token<'a>>,
    taken: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(all: Vec<Token<'a>>) -> Self {
        Self { all, taken: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.all.get(self.taken).copied()?;
        self.taken = self.taken.saturating_add(1);
        Some(token)
    }

    pub(super) fn is_next(&self, word: &str) -> bool {
        self.all.get(self.taken).is_some_and(|(_, next)| *next == word)
    }

    /// The word that was taken last.
    fn last(&self) -> Token<'a> {
        let taken = self.all.get(..self.taken).unwrap_or(&self.all);
        taken.last().copied().unwrap_or((1, ""))
    }

    fn fail_here(&self, problem: impl Into<String>) -> RuleError {
        let (column, word) = self.last();
        RuleError::in_line(column, word, Complaint::new(problem))
    }

    /// The matches of a group, whose opening brace is next.
    fn group(&mut self, depth: usize) -> Result<Vec<Match>, RuleError> {
        if depth > DEPTH_MAX {
            return Err(self.fail_here(format!("groups nest up to {DEPTH_MAX} deep")));
        }
        self.next();
        let mut matches = Vec::new();
        let mut inner = MatchBuilder::default();
        let mut is_empty = true;
        loop {
            let Some((column, word)) = self.next() else {
                return Err(self.fail_here(format!("the group has no closing }}; {GROUP_FORM}")));
            };
            match word {
                "}" | "|" if is_empty => {
                    let problem = format!("there is nothing to match before it; {GROUP_FORM}");
                    return Err(self.fail_here(problem));
                }
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
                    apply_match(&mut inner, word, Place::Group)
                        .map_err(|complaint| RuleError::in_line(column, word, complaint))?;
                    is_empty = false;
                }
            }
        }
    }
}

/// The place of a word in a line.
pub(super) fn place_of<'a>(tokens: &[Token<'a>], about: About) -> Option<Token<'a>> {
    let is_it = |(_, word): &&Token<'a>| match (about, split(word)) {
        (About::Word(about), (key, _)) => key == about,
        (About::Op(about), ("op", Some(name)) | (name, None)) => op(name) == Ok(about),
        (About::Op(_), _) => false,
    };
    tokens.iter().rfind(is_it).copied()
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

/// How a group is written.
const GROUP_FORM: &str = "a group is written any{ queue=1 | lba=5..9 }";

/// Where a word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    BeforeArrow,
    AfterArrow,
    Group,
}

impl Place {
    /// Sections whose words stand here.
    const fn sections(self) -> &'static [Section] {
        match self {
            Self::BeforeArrow => &[Section::Rule, Section::Match, Section::When],
            Self::AfterArrow => &[Section::Do, Section::Until],
            Self::Group => &[Section::Match],
        }
    }

    /// What is wrong with a word that does not stand here.
    fn unknown(self, word: &str) -> Complaint {
        let (key, _) = split(word);
        if let Some(section) = Section::of(key) {
            let problem = match section {
                Section::Rule | Section::When => "stands before the => and outside of groups",
                Section::Match => "stands before the =>",
                Section::Do | Section::Until => "stands behind the =>",
            };
            return Complaint::new(problem).with_usage(section, key);
        }
        match word {
            "{" | "}" | "|" => {
                return Complaint::new(format!("stands in a group only; {GROUP_FORM}"));
            }
            "=>" => return Complaint::new("a rule has one =>"),
            word if is_group(word) => return Complaint::new(GROUP_FORM.replace("any", word)),
            _ => {}
        }
        let keys = self.sections().iter().flat_map(|section| section.keys());
        let arrow = (self == Self::BeforeArrow).then_some("=>");
        let more = GROUPS.iter().map(|(group, _)| *group).chain(arrow).chain(op_names());
        let known = match self {
            Self::AfterArrow => keys.collect(),
            Self::BeforeArrow | Self::Group => keys.chain(more).collect(),
        };
        Complaint::choice("unknown word", known)
    }
}

/// A word of a match: a key with a value, or the name of a command.
fn apply_match(builder: &mut MatchBuilder, word: &str, place: Place) -> Result<(), Complaint> {
    let (key, value) = split(word);
    if Section::Match.find(key).is_some() {
        return builder.apply(key, value);
    }
    if value.is_none() && op(word).is_ok() {
        return builder.apply("op", Some(word));
    }
    Err(place.unknown(word))
}

/// A word beside groups and the arrow.
fn apply(builder: &mut Builder, word: &str, place: Place) -> Result<(), Complaint> {
    let (key, value) = split(word);
    match place.sections().iter().find(|section| section.find(key).is_some()) {
        Some(section) => builder.apply(*section, key, value),
        None if place == Place::BeforeArrow => apply_match(&mut builder.matcher, word, place),
        None => Err(place.unknown(word)),
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(line: &str) -> Result<Self, RuleError> {
        let mut builder = Builder::default();
        let mut place = Place::BeforeArrow;
        let mut tokens = Tokens::new(tokens(line));
        while let Some((column, word)) = tokens.next() {
            if word == "=>" && place == Place::BeforeArrow {
                place = Place::AfterArrow;
            } else if place == Place::BeforeArrow && is_group(word) && tokens.is_next("{") {
                builder.matcher.group(word, tokens.group(1)?);
            } else {
                apply(&mut builder, word, place)
                    .map_err(|complaint| RuleError::in_line(column, word, complaint))?;
            }
        }
        if place == Place::BeforeArrow {
            let problem = "the rule ends before its =>, behind which stands what happens";
            return Err(tokens.fail_here(problem));
        }
        builder.finish().map_err(|complaint| {
            let about = complaint.about.and_then(|about| place_of(&tokens.all, about));
            let (column, word) = about.unwrap_or_else(|| tokens.last());
            RuleError::in_line(column, word, complaint)
        })
    }
}
