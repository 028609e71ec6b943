//! References to standards: one line, one known key, greppable.
//!
//! The form is `Spec: KEY SECTION "NAME"`, at the beginning of a comment line. Section numbers move
//! between revisions, names do not, so a name or a section must follow the key.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rust::Source;
use super::{Context, Finding};

const KEYS: &str = "docs/spec-keys.toml";

/// The documents that may be referred to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    keys: BTreeMap<String, Document>,
}

/// One document in one revision.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by people; the type makes sure that the fields are there")]
struct Document {
    title: String,
    revision: String,
    publisher: String,
}

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let text = context.tree.get(KEYS).unwrap_or_default();
    let keys: Keys = match toml::from_str(text) {
        Ok(keys) => keys,
        Err(error) => return vec![Finding::new(KEYS, 1, error.message(), "correct it")],
    };
    let mut findings = Vec::new();
    for (path, text) in context.tree.rust() {
        for (line, comment) in Source::new(text).comment_lines() {
            let Some(reference) = comment.strip_prefix("Spec:") else {
                continue;
            };
            let (key, rest) = reference.trim().split_once(' ').unwrap_or((reference.trim(), ""));
            if !keys.keys.contains_key(key) {
                let known: Vec<&str> = keys.keys.keys().map(String::as_str).collect();
                let what = format!("`{key}` is not a key of {KEYS}");
                findings.push(Finding::new(
                    path,
                    line,
                    what,
                    format!("use one of {}", known.join(", ")),
                ));
            } else if rest.trim().is_empty() {
                let what = format!("the reference to {key} names no place in it");
                findings.push(Finding::new(path, line, what, "add the section and the name"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<Finding> {
        let keys = "[keys.PVH]\ntitle = \"t\"\nrevision = \"r\"\npublisher = \"p\"\n";
        check(&Context::of(&[(KEYS, keys), ("a.rs", source)]))
    }

    #[test]
    fn a_known_key_with_a_place_is_silent() {
        assert_eq!(found("//! Spec: PVH \"hvm_start_info\"\n// See Spec: nothing\n"), []);
    }

    #[test]
    fn an_unknown_key_is_found_with_the_known_ones() {
        let findings = found("/// Text.\n///\n/// Spec: PVM 3 \"x\"\nfn f() {}\n");
        assert_eq!((findings.len(), findings[0].line), (1, 3), "{findings:?}");
        assert!(findings[0].what.contains("`PVM`") && findings[0].remedy.contains("PVH"));
    }

    #[test]
    fn a_key_alone_is_found() {
        assert!(found("// Spec: PVH\n")[0].what.contains("names no place"));
    }
}
