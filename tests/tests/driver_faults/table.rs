//! The table of what is expected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use exercise::{Op, Words};
use nvme_driver::Completion;
use nvme_model::fault::{ActionKind, KINDS};
use serde::Deserialize;

/// Where the table is.
pub(crate) const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/driver-faults.toml");

/// Rows by name.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Table(BTreeMap<String, RowText>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowText {
    /// Rules; `{op}` stands for the one command that meets the fault, `{all}` for all of its kind.
    rules: Vec<String>,
    /// Why the outcome is right, where that is not plain.
    #[serde(default)]
    why: String,
    read: String,
    write: String,
    flush: String,
    admin: String,
    /// The traces of the engines differ, for the reason that the table's head gives.
    #[serde(default)]
    is_unequal: bool,
    /// What is otherwise when completions are polled, by request.
    #[serde(default)]
    polled: BTreeMap<String, String>,
    /// Requests that the kind never happens to.
    #[serde(default)]
    never: Vec<String>,
}

/// A row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The kind's word, and what is special if the kind has more than one row.
    name: &'a str,
    text: &'a RowText,
}

/// What is expected of one exercise.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) row: &'a str,
    pub(crate) words: Words,
    pub(crate) rules: Vec<String>,
    /// What the program prints: the outcome and its details.
    pub(crate) expected: &'a str,
    /// The rules do not all fire.
    pub(crate) is_out_of_reach: bool,
    /// The engines' traces may differ.
    pub(crate) is_unequal: bool,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.row, self.words)
    }
}

impl Table {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(FILE).expect("the table can be read");
        toml::from_str(&text).unwrap_or_else(|error| panic!("driver-faults.toml: {error}"))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().map(|(name, text)| Row { name, text })
    }

    /// Every case of every row.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        self.rows().flat_map(Row::cases)
    }
}

/// The command that meets the fault: the second of those that the exercise is about, so that others
/// are in flight before and behind it. Eight writes come before.
const fn subject(op: Op) -> &'static str {
    match op {
        Op::Read => "read nth=2",
        Op::Write => "write nth=10",
        Op::Flush => "flush nth=2",
        Op::Admin => "admin nth=2",
    }
}

impl<'a> Row<'a> {
    /// The kind's word.
    pub(crate) fn kind(self) -> &'a str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// Whether the kind meets this request, or the row says why it never does.
    pub(crate) fn answers_for(self, op: Op) -> bool {
        !self.text.never.iter().any(|never| never == op.name()) || !self.text.why.is_empty()
    }

    /// The row with every request and both ways to notice a completion.
    pub(crate) fn cases(self) -> impl Iterator<Item = Case<'a>> {
        let completions = [Completion::Interrupts, Completion::Polled];
        let words = move |op| completions.map(|completion| Words { op, completion });
        Op::ALL.into_iter().flat_map(words).map(move |words| self.case(words))
    }

    pub(crate) fn case(self, words: Words) -> Case<'a> {
        let Self { name: row, text } = self;
        let name = words.op.name();
        let rule = |text: &String| {
            text.replace("{op}", subject(words.op)).replace("{all}", words.op.name())
        };
        let rules = text.rules.iter().map(rule).collect();
        let expected = match words.op {
            Op::Read => &text.read,
            Op::Write => &text.write,
            Op::Flush => &text.flush,
            Op::Admin => &text.admin,
        };
        let polled = text.polled.get(name).filter(|_| words.completion == Completion::Polled);
        let is_out_of_reach = text.never.iter().any(|op| op == name);
        let is_unequal = text.is_unequal;
        let expected = polled.unwrap_or(expected);
        Case { row, words, rules, expected, is_out_of_reach, is_unequal }
    }
}

/// Every kind that the fault engine has.
pub(crate) fn kinds() -> BTreeSet<ActionKind> {
    KINDS.iter().map(|row| row.kind).collect()
}
