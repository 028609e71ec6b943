//! The command line as a user meets it: what is printed where, and the exit codes.

use crate::run::{command, has_machine, stderr, stdout, swaplab};

#[test]
fn an_unknown_scenario_lists_the_known_ones_and_exits_2() {
    let output = swaplab(&["reproduce", "shutdwon", "--engine", "host"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("unknown scenario shutdwon: known are shutdown"),
        "{output:?}"
    );
}

#[test]
fn an_unknown_path_engine_or_fault_word_lists_the_known_ones_and_exits_2() {
    for (args, known) in [
        (["reproduce", "--path", "bio"], "extents, dio-raw, dio, dio-locked, dio-swapmap, swap"),
        (["reproduce", "--kind", "sparse"], "written, unwritten, hole, extending, dirty, shared"),
        (["reproduce", "--engine", "xen"], "kvm, host"),
        (["boot", "--fault", "raed => drop"], "read"),
    ] {
        let output = swaplab(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(known), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn the_list_names_every_scenario_with_its_claim() {
    let output = swaplab(&["reproduce", "--list"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("shutdown\n"), "{output:?}");
}

#[test]
fn the_table_fits_80_columns_and_success_is_exit_0() {
    let output = swaplab(&["reproduce", "shutdown", "--engine", "host"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("8 of 8 as expected"), "{text}");
}

#[test]
fn json_is_one_object_a_line_with_the_promised_fields() {
    let output = swaplab(&["reproduce", "shutdown", "--engine", "host", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 8);
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
        for field in [
            "scenario",
            "path",
            "engine",
            "verdict",
            "expected",
            "pages_lost",
            "errors",
            "faults_planned",
            "faults_fired",
            "virtual_ns",
            "trace_hash",
            "wall_us",
        ] {
            assert!(object.get(field).is_some(), "{field} is missing in {line}");
        }
    }
}

#[test]
fn only_the_named_paths_are_run() {
    let output = swaplab(&["reproduce", "shutdown", "--engine", "host", "--json", "--path", "dio"]);
    assert_eq!(stdout(&output).lines().count(), 1);
}

#[test]
fn the_trace_file_holds_every_event_and_an_unwritable_one_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trace.txt");
    let name = file.to_str().expect("an ASCII path");
    let output =
        swaplab(&["reproduce", "shutdown", "--engine", "host", "--path", "swap", "--trace", name]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = std::fs::read_to_string(&file).expect("a trace");
    for layer in ["program", "swap", "iomap", "filesystem", "driver", "controller"] {
        assert!(text.lines().any(|line| line.contains(layer)), "no event of {layer}");
    }
    let output = swaplab(&["reproduce", "--engine", "host", "--trace", "/nowhere/trace.txt"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn an_image_that_cannot_be_booted_is_named_with_the_reason_and_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "not an ELF\n").expect("a file");
    let output = swaplab(&["boot", "--image", file.to_str().expect("an ASCII path")]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("notes.txt"), "{output:?}");
}

#[test]
fn a_guest_that_panics_crashes_hangs_or_floods_is_reported_and_exits_3() {
    if !has_machine() {
        return;
    }
    for (program, words) in [
        ("selftest-panic", "the guest panicked"),
        ("selftest-triple", "the guest triple-faulted"),
        ("selftest-stray", "the guest panicked"),
        ("selftest-spin", "the guest hangs"),
        ("selftest-flood", "more than"),
        ("selftest-wait", "longer than it may"),
    ] {
        let output =
            swaplab(&["boot", "--timeout", "20", "--append", &format!("program={program}")]);
        assert_eq!(output.status.code(), Some(3), "{program}");
        let message = stderr(&output);
        assert!(message.contains(words), "{program}: {message}");
        assert!(message.contains("rip "), "{program}: no registers in {message}");
    }
}

#[test]
fn a_guest_that_does_not_know_its_words_exits_2() {
    if !has_machine() {
        return;
    }
    let output = swaplab(&["boot", "--append", "program=lab knobs=typo"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stdout(&output).contains("unknown knob typo: known are "), "{output:?}");
}

#[test]
fn a_disk_that_is_not_ours_is_refused_unwritten_and_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("foreign.img");
    let bytes = vec![0xe5; 1 << 20];
    std::fs::write(&file, &bytes).expect("a file");
    let output = swaplab(&["boot", "--disk", file.to_str().expect("an ASCII path")]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("foreign.img: offset 0x0"), "{output:?}");
    assert_eq!(std::fs::read(&file).expect("still there"), bytes);
}

#[test]
fn a_story_names_every_layer_and_what_it_means() {
    let output =
        swaplab(&["reproduce", "shutdown", "--engine", "host", "--path", "dio", "--explain"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    for words in
        ["filesystem inode", "controller fetch", "bus-error", "Write error -5 on dio", "swapoff"]
    {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
}

#[test]
fn a_scenario_of_ones_own_is_played_from_a_file_and_a_wrong_word_in_it_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../campaign/scenarios/shutdown.toml");
    let text = std::fs::read_to_string(shipped).expect("a scenario file");
    let name = file.to_str().expect("an ASCII path");
    std::fs::write(&file, text.replace("\"shutdown\"", "\"mine\"")).expect("a file");
    let output = swaplab(&["reproduce", "--file", name, "--engine", "host", "--path", "swap"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    std::fs::write(&file, text.replace("verify-old", "verify-odd")).expect("a file");
    let output = swaplab(&["reproduce", "--file", name, "--engine", "host"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("known are fs"), "{output:?}");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = command(&["reproduce", "--list"]).stdout(writer).output().expect("it starts");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_behind_standard_output_is_said_and_exits_3() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output = command(&["reproduce", "--list"]).stdout(full).output().expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("standard output: No space left"), "{output:?}");
}
