use super::*;
use crate::engine::HostEngine;
use crate::scenario;

/// Few enough for a test, and every image of most cuts.
const CHOICE: Choice = Choice { images_max: 8, seed: 1 };

/// The unit of `reboot` on the path `swap`, with these rules.
fn recorded(rules: &[&str]) -> Recorded {
    let definition = scenario::find("reboot").expect("it is shipped");
    let mut unit =
        definition.units().iter().find(|unit| unit.label == "swap").expect("a unit").clone();
    for rule in rules {
        unit.faults.rules.push(rule.parse().expect("a rule"));
    }
    record(&mut HostEngine::new(), &unit).expect("the host engine needs nothing")
}

fn surveyed(rules: &[&str]) -> Survey {
    let Recorded { log, promises, .. } = recorded(rules);
    survey(&log, &promises, CHOICE).expect("RAM")
}

#[test]
fn every_legal_image_recovers_and_a_drive_that_never_flushes_is_found_out() {
    let Recorded { log, end, promises } = recorded(&[]);
    assert_eq!(end, LifeEnd::Done);
    let legal = survey(&log, &promises, CHOICE).expect("RAM");
    assert_eq!(legal.bad, []);
    assert!(legal.images > 150 && legal.cuts_whole > 3, "{legal:?}");
    let from = promises.filesystem.expect("mkfs is done");
    let control = survey(&log.without_promises(from), &promises, CHOICE).expect("RAM");
    let lost = control.bad.first().expect("something is lost");
    assert!(lost.what.contains("fsync had made safe"), "{lost:?}");
}

#[test]
fn a_host_that_leaves_its_flushes_out_is_found_out() {
    // Identify Controller says that there is no volatile cache (VWC, byte 525), and there is one.
    let survey = surveyed(&["identify => forge=525:00"]);
    assert!(survey.images > 0, "{survey:?}");
    assert!(!survey.bad.is_empty(), "no image misses what was never flushed");
}

#[test]
fn a_write_that_the_drive_loses_is_missed_in_every_image() {
    // Where the journal begins: what mkfs puts there, and the batch that makes the swap file safe.
    for (rule, needle) in [
        ("write lba=2 => lost-write count=1", "journal header"),
        ("write lba=3 => lost-write count=1", "fsync had made safe"),
    ] {
        let bad = surveyed(&[rule]).bad;
        let first = bad.first().unwrap_or_else(|| panic!("{rule}: nothing is missed"));
        assert!(first.what.contains(needle), "{rule}: {first:?}");
    }
}

#[test]
fn a_life_that_a_fault_ends_is_looked_at_up_to_there() {
    let Recorded { log, end, promises } = recorded(&["write nth=11 => power-cut"]);
    assert_eq!(end, LifeEnd::PowerLost);
    assert!(promises.filesystem.is_some() && promises.swap_file.is_none(), "{promises:?}");
    assert_eq!(survey(&log, &promises, CHOICE).expect("RAM").bad, []);
}

#[test]
fn an_image_has_a_name_that_reads_back_and_is_a_file_of_its_own() {
    for word in ["nothing", "everything", "7", "sample:3"] {
        assert_eq!(word.parse::<ImageName>().expect(word).to_string(), word);
    }
    "sample".parse::<ImageName>().expect_err("no seed");
    let Recorded { log, .. } = recorded(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("image");
    let media = image(&log, log.end(), ImageName::Everything).expect("there is one");
    write(&media, &path).expect("a file");
    let device = crate::disk_image::tool::look(&path).expect("an image");
    let report = guest_fs::FileSystem::fsck(&device).expect("a filesystem");
    assert!(report.files > 0, "{report:?}");
    write(&media, &path).expect_err("it is there already");
    image(&log, log.end() + 1, ImageName::Nothing).expect_err("beyond the end");
    image(&log, 0, ImageName::Nth(1)).expect_err("the first cut has one image");
}
