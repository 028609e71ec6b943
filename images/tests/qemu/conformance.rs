//! The conformance test against QEMU's NVMe controller: the questions, and the guest's own queues and
//! interrupts, held against a controller that other people wrote.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use conformance::{Line, Verdict};

use crate::boot::{EXITED_OK, Version, boot, version};

/// Versions that the list was run with. There, a check that is listed and passes is a failure too: the list must say
/// what is so. With another version a listed check may pass as well: nobody has looked.
const RUN_WITH: [Version; 2] = [(7, 2), (11, 1)];

/// A check that QEMU fails.
struct Differs {
    check: &'static str,
    /// What it does, and why the check is right all the same.
    how: &'static str,
    /// The first and the last version that was seen to.
    seen: RangeInclusive<Version>,
}

/// From Debian 12's QEMU to Debian's of today.
const ALWAYS: RangeInclusive<Version> = (7, 2)..=(11, 1);

const QEMU_DIFFERS: [Differs; 7] = [
    Differs {
        check: "a_deallocation_beyond_the_end_is_out_of_range",
        how: "it passes over a range that it cannot place, and reports success",
        seen: ALWAYS,
    },
    Differs {
        check: "an_unknown_log_page_is_refused",
        how: "it says Invalid Field; a reserved page has its own status, Invalid Log Page",
        seen: ALWAYS,
    },
    Differs {
        check: "memory_that_is_not_there_is_a_transfer_error",
        how: "its bus drops accesses that reach no memory, and the device is not told",
        seen: ALWAYS,
    },
    Differs {
        check: "only_queues_that_are_there_are_deleted",
        how: "it says Completion Queue Invalid, which is for creating a submission queue",
        seen: ALWAYS,
    },
    Differs {
        check: "the_error_log_remembers_a_failed_command",
        how: "its error log is always empty, although Identify promises entries",
        seen: ALWAYS,
    },
    Differs {
        check: "the_firmware_log_names_the_running_revision",
        how: "its firmware log says 1.0 whatever revision Identify names",
        seen: ALWAYS,
    },
    Differs {
        check: "what_is_not_advertised_is_an_invalid_opcode",
        how: "it executes Verify, which Identify says it has not",
        seen: ALWAYS,
    },
];

impl Differs {
    /// Whether `version` may fail the check: versions older or newer than any that was run are taken to be as the nearest
    /// one that was.
    fn may_be_in(&self, version: Version) -> bool {
        let [oldest, newest] = RUN_WITH;
        self.seen.contains(&version.clamp(oldest, newest))
    }

    /// Whether `version` must fail it.
    fn must_be_in(&self, version: Version) -> bool {
        RUN_WITH.contains(&version) && self.seen.contains(&version)
    }
}

#[test]
fn qemus_controller_conforms_but_for_known_differences() {
    let Some(ran) = boot("program=selftest-nvme", &["nvme,serial=1,drive=disk"]) else {
        return;
    };
    assert_eq!(ran.code, Some(EXITED_OK), "{}", ran.said);
    let lines = ran.said.lines().filter_map(|line| line.parse::<Line>().ok());
    let verdicts: BTreeMap<String, Verdict> = lines.map(|line| (line.name, line.verdict)).collect();
    assert!(verdicts.len() >= 75, "{}", ran.said);
    let differing = verdicts.iter().filter_map(|(name, verdict)| match verdict {
        Verdict::Failed(why) => Some((name.as_str(), why.as_str())),
        _ => None,
    });
    let differing: BTreeMap<&str, &str> = differing.collect();
    let version = version();
    for (name, why) in &differing {
        let is_known = QEMU_DIFFERS.iter().any(|d| d.check == *name && d.may_be_in(version));
        assert!(is_known, "QEMU {version:?}: {name}: {why}");
    }
    for Differs { check, how, .. } in QEMU_DIFFERS.iter().filter(|d| d.must_be_in(version)) {
        assert!(differing.contains_key(check), "QEMU {version:?}: {check} passes, although {how}");
    }
}

#[test]
fn a_difference_is_demanded_where_it_was_seen_and_allowed_as_far_as_nobody_has_looked() {
    let until = |last| Differs { check: "", how: "", seen: (7, 2)..=last };
    let told =
        |differs: &Differs, version| (differs.may_be_in(version), differs.must_be_in(version));
    let ended = until((9, 0));
    assert_eq!(told(&ended, (7, 2)), (true, true));
    assert_eq!(told(&ended, (8, 0)), (true, false), "it was not run");
    assert_eq!(told(&ended, (11, 1)), (false, false));
    assert_eq!(told(&ended, (12, 0)), (false, false));
    let still = until((11, 1));
    assert_eq!(told(&still, (11, 1)), (true, true));
    assert_eq!(told(&still, (12, 0)), (true, false));
    assert_eq!(told(&still, (6, 0)), (true, false));
}
