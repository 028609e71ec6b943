//! What the documentation shows of the program is what it does: each session is typed in again.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Stands for lines that are left out.
const LEFT_OUT: &str = "[...]";

/// A command and what it prints.
struct Session {
    command: String,
    shown: Vec<String>,
}

/// The fenced blocks of `page` that begin with a call of the program. A command ends where its quotes are closed.
fn sessions(page: &str) -> Vec<Session> {
    let blocks = page.split("```").skip(1).step_by(2);
    let typed = blocks.filter_map(|block| block.strip_prefix("\n$ swaplab "));
    typed
        .map(|block| {
            let mut lines = block.lines();
            let mut command = String::from("swaplab");
            let mut mark = ' ';
            for line in lines.by_ref() {
                command = format!("{command}{mark}{line}");
                mark = '\n';
                if command.matches('\'').count() % 2 == 0 {
                    break;
                }
            }
            Session { command, shown: lines.map(str::to_owned).collect() }
        })
        .collect()
}

/// What differs from run to run and from machine to machine: which engine, how long it took.
fn without_chance(line: &str) -> String {
    let line = line.replace("on engine kvm", "on engine host");
    match line.rsplit_once(" in ") {
        Some((what, time)) if time.ends_with(" s") => format!("{what} in TIME"),
        _ => line,
    }
}

/// Runs `command` as a shell does, in `folder`, on the engine that every machine has.
fn type_in(command: &str, folder: &Path) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_swaplab")).parent().expect("it is in a folder");
    let path = std::env::var("PATH").expect("a path");
    let output = Command::new("sh")
        .args(["-c", &format!("{command} --engine host 2>&1")])
        .env("PATH", format!("{}:{path}", program.display()))
        .current_dir(folder)
        .output()
        .expect("a shell");
    String::from_utf8_lossy(&output.stdout).lines().map(without_chance).collect()
}

/// Whether `printed` is `shown`, but for what is left out; the first shown line that is not found, if it is not.
fn compare(shown: &[String], printed: &[String]) -> Result<(), String> {
    let mut rest = printed.iter();
    let mut may_skip = false;
    for line in shown.iter().map(|line| without_chance(line)) {
        if line == LEFT_OUT {
            may_skip = true;
        } else if may_skip {
            rest.by_ref().find(|printed| **printed == line).ok_or(line)?;
            may_skip = false;
        } else {
            rest.next().filter(|printed| **printed == line).ok_or(line)?;
        }
    }
    if may_skip { Ok(()) } else { rest.next().map_or(Ok(()), |more| Err(format!("more: {more}"))) }
}

fn check(page: &str, sessions_min: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join(page)).expect("the documentation");
    let sessions = sessions(&text);
    assert!(sessions.len() >= sessions_min, "{page} shows {} sessions", sessions.len());
    for Session { command, shown } in sessions {
        let folder = tempfile::tempdir().expect("a folder");
        let printed = type_in(&command, folder.path());
        if let Err(line) = compare(&shown, &printed) {
            panic!("{page}: {command}\ndoes not print\n{line}\nbut\n{}", printed.join("\n"));
        }
    }
}

#[test]
fn the_readme_shows_what_comes_out() {
    check("README.md", 2);
}

#[test]
fn a_finding_is_followed_as_the_documentation_shows() {
    check("docs/findings.md", 2);
}

#[test]
fn the_images_of_a_power_cut_are_as_the_documentation_shows() {
    check("docs/persistence.md", 2);
}

#[test]
fn a_line_that_is_not_printed_is_found_out() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed = lines("one\ntwo\nthree\nfour");
    for good in ["one\ntwo\nthree\nfour", "[...]\nfour", "one\n[...]\nthree\n[...]", "[...]"] {
        assert_eq!(compare(&lines(good), &printed), Ok(()), "{good}");
    }
    for bad in
        ["one", "one\nthree\n[...]", "[...]\ntwo\none\n[...]", "one\n[...]\nfive", "two\n[...]"]
    {
        assert!(compare(&lines(bad), &printed).is_err(), "{bad}");
    }
}
