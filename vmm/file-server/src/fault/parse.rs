//! A rule from its line.

use std::ops::Range;
use std::str::FromStr;

use p9_wire::{KINDS, name_of};

use super::rule::{ACTIONS, Action, Op, ServerRule};
use crate::errno::{Errno, NAMED};
use nvme_model::fault::{positive, range, time_ns};

const WORDS: [&str; 6] = ["page", "name", "nth", "every", "chance", "after"];

/// What is known so far.
#[derive(Default)]
struct Parts {
    op: Option<Op>,
    pages: Option<Range<u64>>,
    name: Option<String>,
    nth: Option<u64>,
    every: Option<u64>,
    chance: Option<nvme_model::fault::Probability>,
    after: Option<String>,
    action: Option<Action>,
    count: Option<u64>,
}

impl FromStr for ServerRule {
    type Err = String;

    /// The error says at which word, and what could stand there.
    fn from_str(line: &str) -> Result<Self, String> {
        let mut parts = Parts::default();
        let mut is_after_arrow = false;
        for (place, word) in (1..).zip(line.split_whitespace()) {
            let read = match word {
                "=>" if !is_after_arrow => {
                    is_after_arrow = true;
                    Ok(())
                }
                _ if is_after_arrow => parts.act(word),
                _ => parts.condition(word),
            };
            read.map_err(|problem| format!("word {place}, `{word}`: {problem}"))?;
        }
        if !is_after_arrow {
            return Err("the rule ends before its =>".to_owned());
        }
        Ok(Self {
            op: parts.op.ok_or_else(|| format!("which requests? known are {}", ops()))?,
            pages: parts.pages,
            name: parts.name,
            nth: parts.nth,
            every: parts.every,
            chance: parts.chance,
            after: parts.after,
            action: parts.action.ok_or_else(|| format!("what happens? known are {}", actions()))?,
            count: parts.count,
        })
    }
}

impl Parts {
    fn condition(&mut self, word: &str) -> Result<(), String> {
        match word.split_once('=') {
            None => set(&mut self.op, op(word)?),
            Some(("page", value)) => set(&mut self.pages, range(value, "page")?),
            Some(("name", value)) => set(&mut self.name, name(value)?),
            Some(("after", value)) => set(&mut self.after, name(value)?),
            Some(("nth", value)) => set(&mut self.nth, positive(value)?),
            Some(("every", value)) => set(&mut self.every, positive(value)?),
            Some(("chance", value)) => set(&mut self.chance, value.parse()?),
            Some(_) => Err(format!("unknown word: known are {}, {}, =>", WORDS.join("=, "), ops())),
        }
    }

    fn act(&mut self, word: &str) -> Result<(), String> {
        match word.split_once('=') {
            Some(("count", value)) => set(&mut self.count, positive(value)?),
            parts => {
                let (key, value) = parts.map_or((word, None), |(key, value)| (key, Some(value)));
                set(&mut self.action, action(key, value)?)
            }
        }
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("said twice".to_owned()),
    }
}

fn ops() -> String {
    let names: Vec<_> = KINDS.iter().filter_map(|kind| name_of(*kind)).collect();
    format!("any, io, {}", names.join(", "))
}

fn actions() -> String {
    ACTIONS.map(|(word, _, _)| word).join(", ")
}

fn op(word: &str) -> Result<Op, String> {
    let kind = || KINDS.iter().copied().find(|kind| name_of(*kind) == Some(word));
    match word {
        "any" => Ok(Op::Any),
        "io" => Ok(Op::Io),
        _ => kind().map(Op::Kind).ok_or_else(|| {
            format!("unknown request: known are {}; then {}=, =>", ops(), WORDS.join("=, "))
        }),
    }
}

fn action(key: &str, value: Option<&str>) -> Result<Action, String> {
    let unknown = || format!("unknown word: known are {}, count", actions());
    let (_, form, _) = ACTIONS.iter().find(|(word, _, _)| *word == key).ok_or_else(unknown)?;
    // The one value that may be left out: back at once.
    let value = value.unwrap_or(if key == "disconnect" { "0ns" } else { "" });
    if form.is_empty() != value.is_empty() {
        return Err(if form.is_empty() {
            "takes no value".into()
        } else {
            format!("expected {form}")
        });
    }
    Ok(match key {
        "delay" => Action::Delay(value.parse()?),
        "error" => Action::Error(errno(value)?),
        "drop-request" => Action::DropRequest,
        "drop-reply" => Action::DropReply,
        "disconnect" => Action::Disconnect(time_ns(value)?),
        "fs-down" => Action::FilesystemDown,
        "short" => Action::Short(u32::try_from(positive(value)?).map_err(|_| "too many bytes")?),
        "wrong-tag" => Action::WrongTag,
        "corrupt" => Action::Corrupt(value.parse()?),
        "elsewhere" => Action::Elsewhere,
        _ => return Err(unknown()),
    })
}

fn errno(value: &str) -> Result<Errno, String> {
    let found = NAMED.iter().find(|(name, _)| *name == value).map(|(_, number)| *number);
    found.ok_or_else(|| {
        let names: Vec<_> = NAMED.iter().map(|(name, _)| *name).collect();
        format!("unknown error: known are {}", names.join(", "))
    })
}

fn name(value: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !value.is_empty() && value.chars().all(is_good) {
        return Ok(value.to_owned());
    }
    Err("expected a name of letters, digits and - _ .".to_owned())
}
