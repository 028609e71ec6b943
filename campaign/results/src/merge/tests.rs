use proptest::prelude::*;

use super::testing::{header, infra, record};
use super::*;
use crate::ledger::Ledger;

/// Writes each list as a ledger, merges them in that order, returns the bytes and the summary.
fn merged(ledgers: &[Vec<Record>]) -> (Vec<u8>, MergeSummary) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut paths = Vec::new();
    for (number, records) in ledgers.iter().enumerate() {
        let path = folder.path().join(format!("{number}.jsonl"));
        Ledger::create(&path, &header()).expect("created").append(records).expect("appended");
        paths.push(path);
    }
    let mut bytes = Vec::new();
    let summary = merge(&paths, OtherBuilds::Refuse, &mut bytes, Path::new("out")).expect("merged");
    (bytes, summary)
}

fn strange(number: u32) -> Record {
    let mut record = record(number);
    record.outcome.trace_hash = "ffffffff".into();
    record
}

#[test]
fn an_outcome_wins_over_infra_and_equal_outcomes_are_one() {
    let mut slow = record(1);
    slow.host.wall_us = 900;
    let (_, summary) = merged(&[vec![infra(1), slow], vec![record(1), infra(2)]]);
    assert_eq!((summary.units, summary.duplicates), (2, 2));
    assert_eq!(summary.alarms, []);
    assert_eq!(summary.verdicts.get(&VerdictWord::Pass), Some(&1));
    assert_eq!(summary.verdicts.get(&VerdictWord::Infra), Some(&1));
}

#[test]
fn two_outcomes_of_one_unit_are_an_alarm_that_merging_again_does_not_lose() {
    let (bytes, summary) = merged(&[vec![record(1)], vec![strange(1), record(2)]]);
    assert_eq!(summary.alarms, [record(1).outcome.id]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("merged.jsonl");
    std::fs::write(&path, &bytes).expect("written");
    let mut again = Vec::new();
    let summary = merge(&[path], OtherBuilds::Refuse, &mut again, Path::new("out"));
    assert_eq!(summary.expect("merged").alarms, [record(1).outcome.id]);
    assert_eq!(again, bytes);
}

#[test]
fn results_of_another_build_are_refused_unless_somebody_insists() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = [folder.path().join("a"), folder.path().join("b")];
    let mut other = header();
    other.build.program = "a".into();
    for (path, header) in paths.iter().zip([header(), other.clone()]) {
        Ledger::create(path, &header).expect("created");
    }
    let merge_with = |paths: &[PathBuf], policy| {
        let mut bytes = Vec::new();
        merge(paths, policy, &mut bytes, Path::new("out")).map(|_| bytes)
    };
    let refused = merge_with(&paths, OtherBuilds::Refuse);
    assert!(matches!(refused, Err(FileError::OtherBuild { .. })));
    let [a, b] = paths;
    let both = merge_with(&[a.clone(), b.clone()], OtherBuilds::Allow).expect("allowed");
    assert_eq!(both, merge_with(&[b, a], OtherBuilds::Allow).expect("allowed"));
    assert_eq!(both, encode(&other.merged()));
}

/// Records of few units, so that they meet; every kind of meeting.
fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (0_u32..6, 0_u8..4, 0_u64..3).prop_map(|(number, kind, wall_us)| {
        let mut record = match kind {
            0 => infra(number),
            1 => strange(number),
            _ => record(number),
        };
        record.host.wall_us = wall_us;
        record
    });
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in records(), b in records(), c in records()) {
        let all = merged(&[a.clone(), b.clone(), c.clone()]).0;
        prop_assert_eq!(&all, &merged(&[c.clone(), a.clone(), b.clone()]).0);
        prop_assert_eq!(&all, &merged(&[a.clone(), b.clone(), c.clone(), b.clone()]).0);
        let mut joined = a;
        joined.extend(b);
        prop_assert_eq!(&all, &merged(&[joined, c]).0);
    }
}

#[test]
fn any_number_of_shards_gives_the_same_bytes() {
    let all: Vec<Record> = (0..300).map(record).collect();
    let whole = merged(std::slice::from_ref(&all));
    for count in [2_usize, 7, 64] {
        let mut shards = vec![Vec::new(); count];
        for record in &all {
            let place = (record.outcome.id.number() % count as u128) as usize;
            shards[place].push(record.clone());
        }
        shards.reverse();
        assert_eq!(merged(&shards), whole, "{count} shards");
    }
}
