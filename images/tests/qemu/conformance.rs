//! The conformance test against QEMU's NVMe controller: the questions, and the guest's own queues and
//! interrupts, held against a controller that other people wrote.

use std::collections::BTreeMap;

use conformance::{Line, Verdict};

use crate::boot::{EXITED_OK, boot};

/// Checks that QEMU 7.2 fails, each with what it does and why the check is right all the same. A check
/// that is listed and passes is a failure too: the list must say what is so.
const QEMU_DIFFERS: [(&str, &str); 7] = [
    (
        "a_deallocation_beyond_the_end_is_out_of_range",
        "it passes over a range that it cannot place, and reports success",
    ),
    (
        "an_unknown_log_page_is_refused",
        "it says Invalid Field; a reserved page has its own status, Invalid Log Page",
    ),
    (
        "memory_that_is_not_there_is_a_transfer_error",
        "its bus drops accesses that reach no memory, and the device is not told",
    ),
    (
        "only_queues_that_are_there_are_deleted",
        "it says Completion Queue Invalid, which is for creating a submission queue",
    ),
    (
        "the_error_log_remembers_a_failed_command",
        "its error log is always empty, although Identify promises entries",
    ),
    (
        "the_firmware_log_names_the_running_revision",
        "its firmware log says 1.0 whatever revision Identify names",
    ),
    (
        "what_is_not_advertised_is_an_invalid_opcode",
        "it executes Verify, which Identify says it has not",
    ),
];

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
    let known: BTreeMap<&str, &str> = QEMU_DIFFERS.into_iter().collect();
    for (name, why) in &differing {
        assert!(known.contains_key(name), "{name}: {why}");
    }
    for (name, reason) in known {
        assert!(differing.contains_key(name), "{name} passes, although {reason}");
    }
}
