use std::path::PathBuf;

use super::*;
use crate::lines::{FileError, encode};
use crate::merge::testing::{header, record};

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.jsonl");
    (folder, path)
}

#[test]
fn a_ledger_is_continued_where_it_was_left() {
    let (_folder, path) = fresh();
    let mut ledger = Ledger::create(&path, &header()).expect("created");
    ledger.append(&[record(1), record(2)]).expect("appended");
    drop(ledger);
    let (mut ledger, standings) = Ledger::resume(&path, &header()).expect("resumed");
    assert_eq!(standings.len(), 2);
    assert!(standings.values().all(|standing| *standing == Standing::Done));
    ledger.append(&[record(3)]).expect("appended");
    drop(ledger);
    assert_eq!(Ledger::resume(&path, &header()).expect("resumed").1.len(), 3);
}

#[test]
fn whatever_the_cut_a_resumed_ledger_has_exactly_the_whole_records() {
    let (_folder, path) = fresh();
    let mut ledger = Ledger::create(&path, &header()).expect("created");
    ledger.append(&[record(1), record(2), record(3)]).expect("appended");
    drop(ledger);
    let whole = std::fs::read(&path).expect("bytes");
    let first = encode(&header()).len();
    for cut in first..=whole.len() {
        std::fs::write(&path, &whole[..cut]).expect("cut");
        let newlines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let (mut ledger, standings) = Ledger::resume(&path, &header()).expect("resumed");
        assert_eq!(standings.len(), newlines - 1, "cut at {cut}");
        let missing: Vec<_> = (1..=3)
            .map(record)
            .filter(|record| !standings.contains_key(&record.outcome.id))
            .collect();
        ledger.append(&missing).expect("appended");
        assert_eq!(std::fs::read(&path).expect("bytes"), whole, "cut at {cut}");
    }
}

#[test]
fn damage_before_the_last_line_is_refused_with_its_place() {
    let (_folder, path) = fresh();
    let mut ledger = Ledger::create(&path, &header()).expect("created");
    ledger.append(&[record(1), record(2), record(3)]).expect("appended");
    drop(ledger);
    let text = std::fs::read_to_string(&path).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let other_name = lines[2].replacen("seed=2", "seed=7", 1);
    for damaged in [&lines[2][..20], other_name.as_str(), "\0\0\0"] {
        let file = format!("{}\n{}\n{damaged}\n{}\n", lines[0], lines[1], lines[3]);
        std::fs::write(&path, file).expect("written");
        let error = Ledger::resume(&path, &header()).expect_err("damaged").to_string();
        assert!(error.contains("s.jsonl:3:"), "{error}");
    }
}

#[test]
fn another_plan_another_build_and_another_writer_are_refused() {
    let (_folder, path) = fresh();
    let ledger = Ledger::create(&path, &header()).expect("created");
    assert!(matches!(Ledger::resume(&path, &header()), Err(FileError::Busy { .. })));
    drop(ledger);
    assert!(matches!(Ledger::create(&path, &header()), Err(FileError::Exists { .. })));
    let other_plan = LedgerHeader { plan: "0".into(), ..header() };
    assert!(matches!(Ledger::resume(&path, &other_plan), Err(FileError::OtherPlan { .. })));
    let mut other_build = header();
    other_build.build.guest = "other".into();
    assert!(matches!(Ledger::resume(&path, &other_build), Err(FileError::OtherBuild { .. })));
}

#[test]
fn a_unit_that_only_failed_is_to_be_run_again_and_one_that_was_done_is_not() {
    let (_folder, path) = fresh();
    let mut ledger = Ledger::create(&path, &header()).expect("created");
    let mut failed = crate::merge::testing::infra(1);
    failed.host.attempt = 2;
    ledger.append(&[failed.clone(), crate::merge::testing::infra(2), record(2)]).expect("appended");
    drop(ledger);
    let (_, standings) = Ledger::resume(&path, &header()).expect("resumed");
    let of = |number| standings.get(&record(number).outcome.id);
    assert_eq!(of(1), Some(&Standing::Failed { attempts: 2 }));
    assert_eq!(of(2), Some(&Standing::Done));
}

#[test]
fn a_full_disk_is_an_error_of_the_host() {
    // The kernel's device that is always full.
    let Err(error) = Ledger::create(std::path::Path::new("/dev/full"), &header()) else {
        panic!("nothing fits on a full disk");
    };
    assert!(matches!(error, FileError::Io { .. }), "{error}");
}
