//! No rule that is about a command is left out, and most commands are left alone.

use nvme_spec::Sqe;

use super::*;

const RULES: [&str; 10] = [
    "io => expect",
    "any => expect",
    "read => expect",
    "read lba=4..8 => expect",
    "write lba=2 => expect",
    "io queue=2 => expect",
    "write queue=2 lba=6..7 => expect",
    "admin => expect",
    "io lba=5 queue=3 => expect",
    "any lba=6 => lost-write",
];

fn subjects() -> Vec<Subject> {
    let places = (0..4).flat_map(|sqid| (0..10).map(move |lba| (sqid, lba)));
    let of_place = |(sqid, lba): (u16, u64)| {
        let sqes = [Sqe::read(1, lba, 1), Sqe::write(1, lba, 1, false), Sqe::flush(1)];
        sqes.map(|sqe| {
            let lba = (sqe.opcode() != Sqe::flush(1).opcode()).then_some((lba, 2));
            Subject { sqid, sqe, lba, ..Subject::default() }
        })
    };
    places.flat_map(of_place).collect()
}

#[test]
fn no_set_of_rules_hides_one_that_is_about_a_command() {
    let rules = RULES.map(|text| text.parse::<Rule>().expect("a rule"));
    let (subjects, mut found) = (subjects(), Vec::new());
    for set in 0..1_u32 << RULES.len() {
        let armed = (0..).zip(&rules).filter(|(number, _)| set >> number & 1 == 1);
        let index = Index::new(armed.clone());
        for subject in &subjects {
            let may_concern = index.may_concern(Phase::Submission, subject);
            index.candidates(Phase::Submission, subject, &mut found);
            assert!(may_concern || found.is_empty(), "{set:b} {subject:?}");
            for (number, rule) in armed.clone() {
                let is_about = rule.is_about(subject, "");
                assert!(!is_about || found.contains(&number), "{set:b} {rule} {subject:?}");
            }
        }
    }
}

#[test]
fn what_is_outside_of_all_rules_is_seen_at_a_glance() {
    let rules = ["read lba=4..8 => expect", "io queue=3 => expect"];
    let rules = rules.map(|text| text.parse::<Rule>().expect("a rule"));
    let index = Index::new((0..).zip(&rules));
    let concerns = |sqid, sqe, lba| {
        let subject = Subject { sqid, sqe, lba: Some((lba, 1)), ..Subject::default() };
        index.may_concern(Phase::Submission, &subject)
    };
    assert!(concerns(1, Sqe::read(1, 4, 0), 4) && concerns(1, Sqe::read(1, 7, 0), 7));
    assert!(!concerns(1, Sqe::read(1, 3, 0), 3) && !concerns(1, Sqe::read(1, 8, 0), 8));
    assert!(!concerns(1, Sqe::write(1, 4, 0, false), 4), "another opcode");
    assert!(
        concerns(3, Sqe::write(1, 4, 0, false), 4) && !concerns(4, Sqe::write(1, 4, 0, false), 4)
    );
}
