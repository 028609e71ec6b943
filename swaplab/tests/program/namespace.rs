//! `swaplab namespace` against a machine whose guest watches its namespaces, uses each, and says what it sees.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStdout, Stdio};

use crate::run::{Running, command, expect, has_machine, name, swaplab};

/// A guest that watches, and the socket of its machine.
struct Watched {
    machine: Running,
    said: Lines<BufReader<ChildStdout>>,
    socket: String,
}

impl Watched {
    /// `None` where there can be no machine.
    fn boot(folder: &Path, words: &[&str]) -> Option<Self> {
        if !has_machine() {
            return None;
        }
        let socket = name(&folder.join("control")).to_owned();
        let program = ["--append", "program=selftest-namespaces trace=off"];
        let boot = ["boot", "--timeout", "100", "--control", &socket];
        let mut machine = command(&[&boot[..], &program, words].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let said = BufReader::new(machine.stdout.take().expect("piped")).lines();
        Some(Self { machine: Running(machine), said, socket })
    }

    /// What the guest says next.
    fn next(&mut self) -> String {
        self.said.next().expect("the guest goes on").expect("text")
    }

    /// `swaplab namespace`, and the exit code that it must have; gives both outputs.
    #[track_caller]
    fn namespace(&self, code: i32, words: &[&str]) -> String {
        expect(code, &[&["namespace"], words, &["--socket", &self.socket]].concat())
    }

    /// Changes a namespace; the guest must hear of that, and find these.
    #[track_caller]
    fn change(&mut self, words: &[&str], changed: u32, found: &str) {
        self.namespace(0, words);
        assert_eq!(self.next(), format!("changed: {changed}"), "{words:?}");
        assert_eq!(self.next(), format!("namespaces: {found}"), "{words:?}");
    }
}

#[test]
fn a_guest_that_runs_is_told_of_each_change_finds_it_and_uses_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = folder.path().join("image");
    std::fs::File::create(&image).and_then(|file| file.set_len(3 << 20)).expect("an image");
    let words = ["--size", "16", "--namespace", "4", "--unallocated", "8"];
    let Some(mut watched) = Watched::boot(folder.path(), &words) else {
        return;
    };
    assert_eq!(watched.next(), "namespaces: 1=4096x4096 2=1024x4096");
    watched.change(
        &["add", "--size", "8", "--lba", "512"],
        3,
        "1=4096x4096 2=1024x4096 3=16384x512",
    );
    watched.change(&["resize", "3", "--size", "1"], 3, "1=4096x4096 2=1024x4096 3=2048x512");
    watched.change(&["remove", "2"], 2, "1=4096x4096 3=2048x512");
    watched.change(&["add", "9", "--disk", name(&image)], 9, "1=4096x4096 3=2048x512 9=768x4096");
    let list = watched.namespace(0, &["list"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    for line in [
        "    1          16 MiB   4096  yes       RAM",
        "    3           1 MiB    512  yes       RAM",
        "unallocated 8 MiB",
    ] {
        assert!(list.lines().any(|listed| listed == line), "{line:?} is not in\n{list}");
    }
    assert!(list.contains("    9           3 MiB   4096  yes       ") && list.contains("/image"));
    for (wrong, why) in [
        (&["add", "3", "--size", "1"][..], "there is a namespace 3 already"),
        (&["add", "--disk", name(&image)], "in use"),
        (&["remove", "2"], "there is no namespace 2: there are 1, 3, 9"),
        (&["resize", "9", "--size", "1"], "remove it, give the file another size"),
    ] {
        let text = watched.namespace(2, wrong);
        assert!(text.contains(why), "{wrong:?}: {text}");
    }
    watched.change(&["remove", "9"], 9, "1=4096x4096 3=2048x512");
    let content = std::fs::read(&image).expect("the image");
    assert!(content[..(3 << 20) - 4096].iter().all(|byte| *byte == 0));
    assert!(content[(3 << 20) - 4096..].iter().any(|byte| *byte != 0), "what the guest wrote");
    watched.change(&["remove", "1"], 1, "3=2048x512");
    watched.change(&["remove", "3"], 3, "none");
    assert_eq!(watched.machine.0.wait().expect("an end").code(), Some(0));
}

#[test]
fn a_guest_makes_namespaces_of_its_own_where_it_has_capacity_for_that() {
    if !has_machine() {
        return;
    }
    let boot = ["boot", "--append", "program=selftest-nvme trace=off"];
    let check = "check a_namespace_is_made_attached_used_and_deleted";
    for (words, verdict) in
        [(&["--unallocated", "1"][..], "passed"), (&[], "skipped: no capacity that is unallocated")]
    {
        let text = expect(0, &[&boot[..], words].concat());
        assert!(text.contains(&format!("{check}: {verdict}\n")), "{words:?}: {text}");
    }
}

#[test]
fn words_that_make_no_sense_are_refused_before_anybody_is_asked() {
    for (wrong, why) in [
        (&["add", "--socket", "/nowhere"][..], "--size"),
        (&["add", "--size", "0", "--socket", "/nowhere"], "1..="),
        (&["add", "--size", "1", "--disk", "x", "--socket", "/nowhere"], "--disk"),
        (&["add", "--size", "1", "--lba", "520", "--socket", "/nowhere"], "512 or 4096"),
        (&["resize", "1", "--socket", "/nowhere"], "--size"),
        (&["remove", "--socket", "/nowhere"], "NSID"),
        (&["list"], "--socket"),
    ] {
        let text = expect(2, &[&["namespace"], wrong].concat());
        assert!(text.contains(why), "{wrong:?}: {text}");
    }
    let output = swaplab(&["namespace", "list", "--socket", "/nowhere/control"]);
    assert_eq!(output.status.code(), Some(2));
    let output = expect(2, &["boot", "--namespace", "0"]);
    assert!(output.contains("--namespace"), "{output}");
}
