//! Exceptions from a length limit, which may only shrink.
//!
//! An entry must be the exact length of today. What grows is a finding; what shrinks is one too, until
//! the entry is lowered: so the file can only move towards being empty.

use std::collections::BTreeMap;

use super::Finding;

/// Measured things of one kind: name to length and place.
pub(super) type Lengths = BTreeMap<String, (usize, Place)>;

/// Where a measured thing begins.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: usize,
}

/// Compares `lengths` with the limit and with the exceptions that `file` lists.
pub(super) fn compare(
    file: &str,
    kind: &str,
    limit: usize,
    lengths: &Lengths,
    exceptions: &BTreeMap<String, usize>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, (length, place)) in lengths {
        let mut complain = |what: String, remedy: String| {
            findings.push(Finding::new(&place.path, place.line, what, remedy));
        };
        let what = format!("{kind} `{name}` has {length} lines");
        match exceptions.get(name) {
            None if *length > limit => {
                complain(format!("{what}, more than {limit}"), "split it".to_owned());
            }
            Some(old) if *length > limit && length > old => {
                complain(
                    format!("{what}, more than the {old} that {file} forgives"),
                    "split it".to_owned(),
                );
            }
            Some(_) if *length <= limit => {
                complain(
                    format!("{what}, within the limit"),
                    format!("remove its entry from {file}"),
                );
            }
            Some(old) if length < old => {
                complain(
                    format!("{what}, {file} says {old}"),
                    format!("lower the entry to {length}"),
                );
            }
            _ => {}
        }
    }
    for name in exceptions.keys().filter(|name| !lengths.contains_key(*name)) {
        findings.push(Finding::new(
            file,
            1,
            format!("there is no {kind} `{name}`"),
            "remove the entry",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The complaint about something of `length` lines; limit 70, exception 90 if asked for.
    fn verdict(length: usize, has_exception: bool) -> Option<String> {
        let place = Place { path: "a.rs".to_owned(), line: 1 };
        let lengths = BTreeMap::from([("f".to_owned(), (length, place))]);
        let exceptions = has_exception.then(|| ("f".to_owned(), 90)).into_iter().collect();
        let found = compare("ratchet.toml", "function", 70, &lengths, &exceptions);
        assert!(found.len() <= 1, "{found:?}");
        found.into_iter().next().map(|finding| finding.remedy)
    }

    #[test]
    fn the_ratchet_turns_one_way() {
        assert_eq!(verdict(70, false), None);
        assert_eq!(verdict(71, false).unwrap(), "split it");
        assert_eq!(verdict(90, true), None);
        assert_eq!(verdict(91, true).unwrap(), "split it");
        assert_eq!(verdict(89, true).unwrap(), "lower the entry to 89");
        assert_eq!(verdict(70, true).unwrap(), "remove its entry from ratchet.toml");
    }

    #[test]
    fn an_entry_for_nothing_is_found() {
        let exceptions = BTreeMap::from([("gone".to_owned(), 90)]);
        let found = compare("ratchet.toml", "function", 70, &Lengths::new(), &exceptions);
        assert_eq!(found[0].what, "there is no function `gone`");
    }
}
