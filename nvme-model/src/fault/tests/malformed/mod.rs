//! Every word of a rule, written wrong in every way: each error says where it is and what is allowed.
//!
//! The words come from the tables of the language, so a new one is walked too; the place is counted from
//! the text that was written wrong.

mod groups;
mod line;
mod toml;
mod values;

use crate::fault::*;
use values::bad_values;

/// A word of a rule, as its table has it.
#[derive(Clone, Copy)]
struct Field {
    section: Section,
    word: &'static str,
    /// The form of its value; empty if it has none.
    value: &'static str,
    example: &'static str,
}

/// Every word: those of the kinds, and all others.
fn fields() -> Vec<Field> {
    let words = WORDS.iter().map(|row| Field {
        section: row.section,
        word: row.word,
        value: row.value,
        example: row.example,
    });
    let kinds = KINDS.iter().map(|row| Field {
        section: Section::Do,
        word: row.word,
        value: row.value,
        example: row.example,
    });
    words.chain(kinds).collect()
}

impl Field {
    /// How it is written when it is written well.
    fn usage(self) -> String {
        if self.value.is_empty() {
            self.word.into()
        } else {
            format!("{}={}", self.word, self.value)
        }
    }

    /// What every error about it has to say: how it is written.
    fn assert_said(self, error: &str) {
        // A word with two rows has both forms, and the first one's example.
        let first = fields().into_iter().find(|field| field.word == self.word).expect("itself");
        for part in [self.usage(), format!("as in: {}", first.example)] {
            assert!(error.contains(&part), "{}: no {part:?} in {error}", self.word);
        }
    }
}

/// Values that a word does not take, each with what the error has to say.
///
/// `None` is no value at all.
fn mistakes(field: Field) -> Vec<(Option<String>, &'static str)> {
    if field.value.is_empty() {
        return vec![(Some("1".into()), "takes no value"), (Some("x".into()), "takes no value")];
    }
    let needs = [(None, "needs a value"), (Some(String::new()), "needs a value")];
    let bad = bad_values(field.word, field.value);
    let bad = bad.into_iter().flat_map(|(values, allowed)| {
        values.iter().map(move |value| (Some((*value).to_owned()), allowed)).collect::<Vec<_>>()
    });
    needs.into_iter().chain(bad).collect()
}

#[test]
fn there_are_words_to_walk() {
    assert!(fields().len() == WORDS.len() + KINDS.len() && fields().len() > 70);
    assert!(fields().into_iter().all(|field| mistakes(field).len() >= 2));
}
