//! `swaplab serve`: what a user sees of it. What a client sees is in `tests/tests/served`.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use super::run::{command, expect, name};

/// A server that has said that it listens.
fn serving(args: &[&str]) -> (Child, String, BufReader<std::process::ChildStdout>) {
    let mut child = command(args).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut said = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    said.read_line(&mut first).expect("a line");
    (child, first, said)
}

#[test]
fn ctrl_c_ends_a_server_with_an_account_of_its_faults_and_removes_its_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("nvme");
    let (mut child, first, mut said) =
        serving(&["serve", "--socket", name(&socket), "--fault", "read nth=3 => drop"]);
    assert!(first.contains(name(&socket)), "{first}");
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-INT", &pid]).status().expect("kill is there");
    assert!(status.success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("its output");
    assert_eq!(child.wait().expect("an end").code(), Some(0), "{rest}");
    assert!(rest.contains("read nth=3 => drop: matched 0, fired 0"), "{rest}");
    assert!(!socket.exists());
}

#[test]
fn a_server_ends_with_its_client_and_one_that_waits_again_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("nvme");
    let args = ["serve", "--socket", name(&socket), "--size", "64"];
    let (mut child, _, _said) = serving(&args);
    drop(UnixStream::connect(&socket).expect("it listens"));
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    let (mut child, _, said) = serving(&[&args[..], &["--again"]].concat());
    let mut lines = said.lines().map(|line| line.expect("text"));
    for _ in 0..2 {
        drop(UnixStream::connect(&socket).expect("it listens"));
        assert!(lines.any(|line| line == "the client has hung up"));
    }
    child.kill().expect("it still runs");
    child.wait().expect("an end");
}

#[test]
fn what_cannot_be_served_is_named_and_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("precious");
    std::fs::write(&file, "data").expect("a file");
    let text = expect(2, &["serve", "--socket", name(&file)]);
    assert!(text.contains("precious") && text.contains("vfio-user socket"), "{text}");
    assert_eq!(std::fs::read(&file).expect("still there"), b"data");
    let socket = folder.path().join("nvme");
    for (wrong, why) in [
        (["--lba", "520"], "512 or 4096"),
        (["--size", "0"], "--size"),
        (["--disk", name(&folder.path().join("none"))], "none"),
        (["--fault", "raed => drop"], "read"),
    ] {
        let text = expect(2, &[&["serve", "--socket", name(&socket)][..], &wrong[..]].concat());
        assert!(text.contains(why), "{wrong:?}: {text}");
    }
    assert!(!socket.exists());
}
