//! The published schema of the TOML form, from the same tables that are read and printed.

use serde_json::{Map, Value, json};

use super::kinds::{KINDS, Kind};
use super::words::{GROUPS, Section, WORDS};

/// The JSON Schema of a plan, as text.
#[must_use]
pub fn json_schema() -> String {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "swaplab fault plan",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "seed": { "type": "integer", "minimum": 0, "description": "where chances and delays come from" },
            "rules": {
                "type": "array",
                "items": { "type": "string" },
                "description": "rules in the one-line form, such as 'read nth=2 => drop'",
            },
            "rule": { "type": "array", "items": { "$ref": "#/$defs/rule" } },
        },
        "$defs": {
            "rule": object(rule()),
            "match": object(matches()),
            "when": object(section(Section::When)),
            "do": object(section(Section::Do)),
            "until": object(section(Section::Until)),
        },
    });
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// A word with its help; a word with more than one form of value has the help of each.
fn word(help: &str, value: &str, example: &str) -> Value {
    if value.is_empty() {
        return json!({ "type": "boolean", "description": help, "$comment": example });
    }
    let help = format!("{value}: {help}");
    json!({ "type": ["string", "number"], "description": help, "$comment": example })
}

/// What a kind does, and at which commands.
fn kind_help(row: &Kind) -> String {
    let names: Vec<String> = row.targets().iter().map(ToString::to_string).collect();
    if names.is_empty() {
        return row.help.to_owned();
    }
    format!("{} (at {})", row.help, names.join(", "))
}

fn section(section: Section) -> Map<String, Value> {
    let words = WORDS.iter().filter(|word| word.section == section);
    let words = words.map(|row| (row.word.to_owned(), word(row.help, row.value, row.example)));
    let kinds = KINDS.iter().filter(|_| section == Section::Do);
    let kinds =
        kinds.map(|row| (row.word.to_owned(), word(&kind_help(row), row.value, row.example)));
    words.chain(kinds).collect()
}

fn matches() -> Map<String, Value> {
    let one = json!({ "$ref": "#/$defs/match" });
    let many = json!({ "type": "array", "minItems": 1, "items": one });
    let group = |help: &str| json!({ "anyOf": [one, many], "description": help });
    let groups = GROUPS.iter().map(|(name, help)| ((*name).to_owned(), group(help)));
    section(Section::Match).into_iter().chain(groups).collect()
}

fn rule() -> Map<String, Value> {
    let tables = ["match", "when", "do", "until"];
    let tables = tables.map(|name| (name.to_owned(), json!({ "$ref": format!("#/$defs/{name}") })));
    section(Section::Rule).into_iter().chain(tables).collect()
}
