//! A plan as TOML, spelled out.
//!
//! Written from the one-line form: word by word, each into the table of its section. So both forms
//! cannot differ in what they can say.

use std::fmt::Write as _;

use super::parse::{Tokens, is_group, split, tokens};
use super::rule::{FaultPlan, Rule};
use super::words::Section;

/// The tables of a rule, each with its words so far.
struct Tables {
    /// Lines of the rule itself.
    rule: String,
    sections: [(&'static str, Vec<String>); 4],
}

impl FaultPlan {
    /// The plan as TOML, every rule spelled out.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let seed = format!("seed = {}\n", self.seed);
        self.rules.iter().fold(seed, |text, rule| text + "\n[[rule]]\n" + &spelled(rule))
    }
}

fn entry(key: &str, value: Option<&str>) -> String {
    match value {
        // No form of a value has a quote or a backslash in it.
        Some(value) => format!("{key} = \"{value}\""),
        None => format!("{key} = true"),
    }
}

fn spelled(rule: &Rule) -> String {
    let line = rule.to_string();
    let sections = ["match", "when", "do", "until"].map(|name| (name, Vec::new()));
    let mut tables = Tables { rule: String::new(), sections };
    let mut tokens = Tokens::new(tokens(&line));
    let mut is_after_arrow = false;
    while let Some((_, word)) = tokens.next() {
        let (key, value) = split(word);
        let section = match is_after_arrow {
            false if word == "=>" => {
                is_after_arrow = true;
                continue;
            }
            false if Section::Rule.find(key).is_some() => {
                let _ = writeln!(tables.rule, "{}", entry(key, value));
                continue;
            }
            false if Section::When.find(key).is_some() => 1,
            false => 0,
            true if Section::Until.find(key).is_some() => 3,
            true => 2,
        };
        let text = if section == 0 { match_entry(word, &mut tokens) } else { entry(key, value) };
        if let Some((_, words)) = tables.sections.get_mut(section) {
            words.push(text);
        }
    }
    let mut text = tables.rule;
    for (name, words) in tables.sections.iter().filter(|(_, words)| !words.is_empty()) {
        let _ = writeln!(text, "{name} = {{ {} }}", words.join(", "));
    }
    text
}

/// A word of a match: the name of a command, a key with its value, or a group.
fn match_entry(word: &str, tokens: &mut Tokens<'_>) -> String {
    if !is_group(word) || !tokens.is_next("{") {
        let (key, value) = split(word);
        return if value.is_some() { entry(key, value) } else { entry("op", Some(word)) };
    }
    tokens.next();
    let (mut matches, mut words) = (Vec::new(), Vec::new());
    while let Some((_, inner)) = tokens.next() {
        match inner {
            "}" => break,
            "|" => matches.push(std::mem::take(&mut words)),
            _ => words.push(match_entry(inner, tokens)),
        }
    }
    matches.push(words);
    let tables: Vec<String> =
        matches.iter().map(|words| format!("{{ {} }}", words.join(", "))).collect();
    format!("{word} = [{}]", tables.join(", "))
}
