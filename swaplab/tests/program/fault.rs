//! `swaplab fault` as a user meets it, and against a machine that runs.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::run::{Running, command, has_machine, name, said, stderr, stdout, swaplab};

#[test]
fn the_kinds_are_listed_in_80_columns() {
    let output = swaplab(&["fault", "kinds"]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("late-dma=TIME") && text.contains("within=TIME|N"), "{text}");
}

#[test]
fn a_plan_is_checked_with_file_line_and_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.toml");
    std::fs::write(&file, "[[rule]]\nmatch = { op = \"flush\" }\ndo = { drop = true }\n")
        .expect("a file");
    let output = swaplab(&["fault", "check", name(&file)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("flush => drop"), "{output:?}");
    std::fs::write(&file, "[[rule]]\nmatch = { op = \"flush\" }\ndo = { dorp = true }\n")
        .expect("a file");
    let commands = [vec!["fault", "check", name(&file)], vec!["boot", "--faults", name(&file)]];
    for args in commands {
        let output = swaplab(&args);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let place = format!("{}:3:8: \"dorp\": unknown word; did you mean \"drop\"?", name(&file));
        let known = " known: status, delay";
        assert!(stderr(&output).contains(&(place + known)), "{}", stderr(&output));
    }
}

#[test]
fn a_plan_that_waits_for_what_no_rule_does_is_refused_at_the_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.toml");
    let text = "rules = [\"read nth=1 => hold=go\", \"flush => expect set=gone\"]\n";
    std::fs::write(&file, text).expect("a file");
    let place = format!("{}:1:{}: ", name(&file), text.find("hold=").expect("the word") + 1);
    let hold = "is a state that no other rule sets; states: never, gone";
    for args in [vec!["fault", "check", name(&file)], vec!["boot", "--faults", name(&file)]] {
        let output = swaplab(&args);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = stderr(&output);
        assert!(said.contains(&place) && said.contains(hold), "{place}: {said}");
    }
    let output = swaplab(&["boot", "--fault", "read state=warm => drop"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("states: start"), "{}", stderr(&output));
}

#[test]
fn a_file_servers_rules_are_listed_and_checked_word_by_word() {
    let text = stdout(&swaplab(&["fault", "kinds"]));
    assert!(text.contains("drop-reply") && text.contains("read page=10 => error=EIO"), "{text}");
    let output = swaplab(&["fault", "check-server", "read page=10 => error=EIO", "io => short=5"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("1  io => short=5"), "{output:?}");
    let output = swaplab(&["fault", "check-server", "read => eror=EIO"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("word 3, `eror=EIO`"), "{output:?}");
}

#[test]
fn a_machine_that_is_not_there_is_named_and_exits_2() {
    let output = swaplab(&["fault", "list", "--socket", "/nowhere/control"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("/nowhere/control"), "{output:?}");
}

#[test]
fn a_control_socket_does_not_take_the_place_of_a_file() {
    if !has_machine() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("precious");
    std::fs::write(&file, "data").expect("a file");
    let output = swaplab(&["boot", "--control", name(&file)]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("control socket"), "{output:?}");
    assert_eq!(std::fs::read(&file).expect("still there"), b"data");
}

/// Asks again and again until the answer has this in it: the guest runs beside, at its own pace.
fn until(args: &[&str], word: &str) -> String {
    let start = Instant::now();
    loop {
        let output = swaplab(args);
        let text = stdout(&output) + &stderr(&output);
        if text.contains(word) {
            return text;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{args:?}: no {word:?} in {text}");
        std::thread::yield_now();
    }
}

#[test]
fn a_fault_is_armed_in_a_running_machine_fires_and_is_disarmed() {
    if !has_machine() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("control");
    let path = name(&socket).to_owned();
    // The guest waits for its first answer long enough for a rule to be armed; the command after that
    // one hangs for good, so that the machine is still there to be asked.
    let args =
        ["boot", "--timeout", "50", "--control", &path, "--fault", "admin nth=1 => delay=4s"];
    let machine = command(&args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut machine = Running(machine);
    until(&["fault", "log", "--socket", &path], "delay (1)");
    let mode = std::fs::metadata(&socket).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let armed = swaplab(&["fault", "arm", "any => hang count=1", "--socket", &path]);
    let armed = said(&armed);
    assert!(armed.trim_start().starts_with('1'), "{armed}");
    let refused = swaplab(&["fault", "disarm", "7", "--socket", &path]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    until(&["fault", "log", "--socket", &path], "hang (1)");
    let early = swaplab(&["fault", "arm", "flush => hold=go", "--socket", &path]);
    assert_eq!(early.status.code(), Some(0), "{early:?}");
    assert!(stderr(&early).contains("warning: hold=\"go\" is a state that no"), "{early:?}");
    let gone = swaplab(&["fault", "disarm", "1", "--socket", &path]);
    assert_eq!(gone.status.code(), Some(0), "{gone:?}");
    until(&["fault", "list", "--socket", &path], "disarmed");
    // A second client while the first one's machine is still there.
    assert!(machine.0.try_wait().expect("a child").is_none());
    drop(machine);
}
