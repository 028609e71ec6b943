//! The vocabulary of rules: which words there are besides the kinds, and what each says.
//!
//! The one-line form, the TOML form, the published schema and the list of kinds share it, so a word
//! means the same everywhere.

use nvme_spec::{AdminOpcode, NvmOpcode};

use super::kinds;
use super::rule::Transition;

/// The part of a rule that a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What the rule itself is: its name, its phase.
    Rule,
    /// Which commands.
    Match,
    /// Which of them.
    When,
    /// What happens.
    Do,
    /// How long.
    Until,
}

/// A word that is not a kind.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The part of a rule it belongs to.
    pub section: Section,
    /// The word.
    pub word: &'static str,
    /// The form of its value; empty if it has none.
    pub value: &'static str,
    /// One line about it.
    pub help: &'static str,
    /// A rule with it.
    pub example: &'static str,
}

macro_rules! words {
    ($( $section:ident, $word:literal, $value:literal, $help:literal, $example:literal; )*) => {
        /// Every word that is not a kind, by section.
        pub static WORDS: &[Word] = &[$( Word {
            section: Section::$section,
            word: $word,
            value: $value,
            help: $help,
            example: $example,
        }, )*];
    };
}

words! {
    Rule, "name", "NAME", "what `after`, lists and logs call the rule",
        "read name=first nth=1 => delay=1ms";
    Rule, "phase", "submission|completion", "before or after the command is executed",
        "write phase=completion => status=media/write-fault";
    Match, "op", "COMMAND", "its opcode: a name, a class, io/HH or admin/HH",
        "op=io/02 => delay=1ms";
    Match, "queue", "NUMBER", "its submission queue; of a doorbell, its queue",
        "queue=1 nth=2 => delay=1ms";
    Match, "nsid", "NUMBER", "its namespace",
        "read nsid=1 => delay=1ms";
    Match, "lba", "FIRST..END", "it touches any of these blocks (all commands with blocks)",
        "dataset-management lba=0x20..0x30 => lost-write";
    Match, "sqe", "OFFSET:BYTES[/MASK]", "bits of its 64 bytes",
        "write sqe=48:00000040/00000040 => delay=1ms";
    Match, "data", "OFFSET:BYTES[/MASK]", "bits of the data it moves",
        "write data=0:a5a5 => corrupt=0^0xff";
    Match, "reg", "FIRST..END", "bytes that a register or configuration access touches",
        "register-read reg=0x1c nth=2 => lie=0x1c:00";
    Match, "state", "NAME", "the state that a rule has set (`start` before any has)",
        "read state=start nth=2 => delay=1ms";
    When, "nth", "N", "only the nth match",
        "read nth=2 => delay=1ms";
    When, "every", "N", "every nth match",
        "io every=2 => delay=1ms";
    When, "chance", "0..1", "by chance, from the plan's seed",
        "io chance=0.9 => delay=1ms";
    When, "from", "TIME", "not before this virtual time",
        "io from=1ns => delay=1ms";
    When, "to", "TIME", "before this virtual time",
        "io to=100s => delay=1ms";
    When, "after", "NAME", "once the rule of this name has fired",
        "read after=first => delay=1ms";
    When, "within", "TIME|N", "so soon after it: in time, or the first N matches",
        "read after=first within=10ms => delay=1ms";
    Do, "dnr", "", "with status: Do Not Retry",
        "read nth=1 => status=media/unrecovered-read dnr";
    Do, "more", "", "with status: more is in the error log",
        "read nth=1 => status=media/unrecovered-read more";
    Do, "crd", "0..3", "with status: Command Retry Delay, sent if the host enabled it (ACRE)",
        "read nth=1 => status=generic/command-interrupted crd=1";
    Do, "set", "NAME", "the rules are in this state from here on",
        "read nth=1 => expect set=warm";
    Until, "count", "N", "it has fired so often",
        "io => delay=1ms count=2";
    Until, "before", "TIME", "this virtual time is reached",
        "io => delay=1ms before=100s";
    Until, "until-reset", "", "the controller is reset or loses power",
        "io => delay=1ms until-reset";
    Until, "until-rewrite", "", "its blocks were written again, each for itself",
        "read lba=5..9 => status=media/unrecovered-read until-rewrite";
}

/// Groups of matches in a match.
pub(super) const GROUPS: [(&str, &str); 3] = [
    ("all", "all of these matches hold"),
    ("any", "at least one of these matches holds"),
    ("not", "none of these matches holds"),
];

impl Section {
    /// The words of the section.
    pub(super) fn keys(self) -> Vec<&'static str> {
        let kinds = if self == Self::Do { kinds::words() } else { Vec::new() };
        let words = WORDS.iter().filter(|word| word.section == self).map(|word| word.word);
        kinds.into_iter().chain(words).collect()
    }

    /// The section that a word belongs to.
    pub(super) fn of(word: &str) -> Option<Self> {
        let all = [Self::Rule, Self::Match, Self::When, Self::Do, Self::Until];
        all.into_iter().find(|section| section.find(word).is_some())
    }

    /// Its name, which is that of its table in a file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Match => "match",
            Self::When => "when",
            Self::Do => "do",
            Self::Until => "until",
        }
    }

    /// Whether the word belongs here; and if it does, whether it takes no value.
    pub(super) fn find(self, key: &str) -> Option<bool> {
        let word = WORDS.iter().find(|word| word.section == self && word.word == key);
        let word = word.map(|word| word.value.is_empty());
        let mut kinds = kinds::Kind::of_word(key).filter(|_| self == Self::Do);
        word.or_else(|| kinds.next().map(kinds::Kind::is_flag))
    }
}

/// How a word is written, with an example.
pub(super) fn usage(section: Section, key: &str) -> Option<String> {
    let words = WORDS.iter().filter(|row| row.section == section && row.word == key);
    let words = words.map(|row| (row.value, row.example));
    let kinds = kinds::Kind::of_word(key).filter(|_| section == Section::Do);
    let rows: Vec<_> = words.chain(kinds.map(|row| (row.value, row.example))).collect();
    let form = |(value, _): &(&str, &str)| match *value {
        "" => key.to_owned(),
        value => format!("{key}={value}"),
    };
    let forms: Vec<String> = rows.iter().map(form).collect();
    let (_, example) = rows.first()?;
    Some(format!("{}, as in: {example}", forms.join(" or ")))
}

/// Words that name classes of opcodes.
const OP_CLASSES: [&str; 3] = ["any", "io", "admin"];

/// Every word that names opcodes.
pub(super) fn op_names() -> Vec<&'static str> {
    let io = NvmOpcode::NAMED.iter().map(|(_, name)| *name);
    let admin = AdminOpcode::NAMED.iter().map(|(_, name)| *name);
    let transitions = Transition::NAMED.iter().map(|(_, name)| *name);
    OP_CLASSES.into_iter().chain(io).chain(admin).chain(transitions).collect()
}
