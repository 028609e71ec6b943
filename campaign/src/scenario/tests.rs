use std::collections::BTreeSet;

use super::*;
use crate::unit::Role;

#[test]
fn every_file_of_the_index_is_a_scenario_of_its_own_name() {
    for (name, text) in index::FILES {
        let definition = Definition::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(definition.name(), *name);
        assert!(!definition.covers().is_empty(), "{name} covers nothing");
        assert!(definition.claim().ends_with('.'), "{name}: the claim is a sentence");
        assert!(definition.means().ends_with('.'), "{name}: the meaning is a sentence");
    }
}

#[test]
fn every_file_of_the_folder_is_in_the_index() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let there: BTreeSet<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|file| file.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let known: BTreeSet<_> = index::FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, known);
}

#[test]
fn every_scenario_has_a_control_and_its_labels_are_distinct() {
    for definition in &*ALL {
        let units = definition.units();
        let controls = units.iter().filter(|unit| matches!(unit.role, Role::Control { .. }));
        assert!(controls.count() > 0, "{}", definition.name());
        let labels: BTreeSet<_> = units.iter().map(|unit| &unit.label).collect();
        assert_eq!(labels.len(), units.len(), "{}", definition.name());
    }
}

#[test]
fn a_wrong_word_in_a_file_is_an_error_that_lists_the_known_ones() {
    let good = index::FILES[0].1;
    for (from, to, known) in [
        ("extents = ", "extends = ", "known are extents"),
        ("\"ok run\"", "\"fine run\"", "known are ok"),
        ("\"ok run\"", "\"ok seen\"", "known are run"),
        ("must-fail = \"", "must-fail = \"x", "known are"),
        ("claim = ", "claims = ", "claim"),
        ("fs file memory", "ft file memory", "known are fs"),
        ("fs file memory", "fs victim file memory", "leave `net` out"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = Definition::parse(&good.replacen(from, to, 1)).expect_err(to);
        assert!(error.contains(known), "{to}: {error}");
    }
}
