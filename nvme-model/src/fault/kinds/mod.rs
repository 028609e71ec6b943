//! What a rule can do: one row a kind.
//!
//! A row says everything about a kind but what it does to the controller: its word and the form of its
//! value, when and on what it can happen, a line of help, and an example that a test fires. A new kind
//! is a row here and the one place that carries it out.

mod table;

use super::error::Complaint;
use super::payload::DmaTarget;
use super::rule::{Phase, Rule, Transition};
use super::target::{self, Target};

use table::PLACES;
pub use table::{Action, ActionKind, KINDS};

/// What a kind is about: the groups of the list of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// How a command goes.
    Command,
    /// What is stored and read.
    Data,
    /// Transfers to and from the host's memory.
    Dma,
    /// Completion queue entries.
    Completion,
    /// Interrupts.
    Interrupt,
    /// The controller's state.
    Controller,
    /// Asynchronous events and health.
    Event,
    /// What is reported about it.
    Hook,
}

impl Group {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 8] = [
        Self::Command,
        Self::Data,
        Self::Dma,
        Self::Completion,
        Self::Interrupt,
        Self::Controller,
        Self::Event,
        Self::Hook,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Command => "how a command goes",
            Self::Data => "what is stored and read",
            Self::Dma => "transfers",
            Self::Completion => "completion queue entries",
            Self::Interrupt => "interrupts",
            Self::Controller => "the controller's state",
            Self::Event => "asynchronous events and health",
            Self::Hook => "hooks",
        }
    }
}

/// When in a command's life something can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// When it was fetched.
    Submission,
    /// When it was executed.
    Completion,
    /// Either; at submission unless the rule says otherwise.
    Either,
}

/// When the host can see at the earliest that something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// In the moment in which it rings a doorbell or writes a register: it happens to the controller as a
    /// whole, or to another command.
    AtOnce,
    /// In a completion that takes its time, or in what it does not complete.
    Later,
}

/// What something can happen to.
#[derive(Clone, Copy, Debug)]
pub enum On {
    /// Every command.
    Commands,
    /// Only these commands.
    These(&'static [Target]),
    /// Only while the host does one of these.
    Only(&'static [Transition]),
    /// Commands, and whatever else the host does.
    Anything,
}

/// A row of the table of kinds.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The kind.
    pub kind: ActionKind,
    /// Its word after the arrow.
    pub word: &'static str,
    /// The form of its value; empty if it has none.
    pub value: &'static str,
    /// What it is about.
    pub group: Group,
    /// When it can happen to a command.
    pub at: At,
    /// When the host can see it.
    pub seen: Seen,
    /// What it can happen to; with some values only to some of it, see [`Action::on`].
    pub on: On,
    /// One line about it.
    pub help: &'static str,
    /// A rule that does it.
    pub example: &'static str,
    fits: fn(&str) -> bool,
    parse: fn(&str) -> Result<Action, Complaint>,
}

impl Kind {
    /// Whether the word takes no value.
    #[must_use]
    pub const fn is_flag(&self) -> bool {
        self.value.is_empty()
    }

    /// The only commands that it can happen to, with the value that its example has; none if it is any or no command.
    #[must_use]
    pub fn targets(&self) -> &'static [Target] {
        match self.example.parse::<Rule>().map(|rule| rule.action.on()) {
            Ok(On::These(targets)) => targets,
            _ => &[],
        }
    }

    /// The rows with this word: more than one if its value has more than one form.
    pub(super) fn of_word(word: &str) -> impl Iterator<Item = &'static Self> {
        KINDS.iter().filter(move |row| row.word == word)
    }

    /// The action that `word` with `value` means (empty for a flag); `None` for an unknown word.
    pub(super) fn parse_word(word: &str, value: &str) -> Option<Result<Action, Complaint>> {
        let row = Self::of_word(word).find(|row| (row.fits)(value));
        row.or_else(|| Self::of_word(word).next()).map(|row| (row.parse)(value))
    }
}

/// Every word that does something, each once.
pub(super) fn words() -> Vec<&'static str> {
    let mut words: Vec<_> = KINDS.iter().map(|row| row.word).collect();
    words.dedup();
    words
}

impl Action {
    /// When the rule looks at a command, unless it says otherwise; and whether it may say so.
    #[must_use]
    pub fn default_phase(&self) -> (Phase, bool) {
        match (self, self.kind().row().at) {
            // Only when there is a completion can its transfer fail.
            (Self::DmaError(DmaTarget::Cqe), _) | (_, At::Completion) => (Phase::Completion, false),
            (_, At::Submission) => (Phase::Submission, false),
            (_, At::Either) => (Phase::Submission, true),
        }
    }

    /// What it can happen to.
    #[must_use]
    pub fn on(&self) -> On {
        match self {
            // Queue entries are moved for every command, data are not.
            Self::DmaError(DmaTarget::Data) => On::These(target::WITH_DATA),
            _ => self.kind().row().on,
        }
    }
}

impl ActionKind {
    /// Its row.
    #[must_use]
    pub fn row(self) -> &'static Kind {
        let place = PLACES.get(self as usize).copied().map_or(usize::MAX, usize::from);
        match KINDS.get(place) {
            Some(row) => row,
            None => unreachable!("kinds, rows and their places are made from the same lines"),
        }
    }

    /// The word in a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().word
    }
}

impl std::fmt::Display for ActionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind().name())?;
        if !self.kind().row().is_flag() {
            f.write_str("=")?;
        }
        self.show_value(f)
    }
}
