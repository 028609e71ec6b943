//! The merge law, with the real program: any split, any order, any interruption, the same outcomes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::run::{command, said};

/// Units of every kind on the host engine: experiments, controls, faults.
const CAMPAIGN: &str = r#"
name = "law"
question = "Is the whole the sum of its parts?"
[[units]]
scenarios = ["shutdown", "read-error", "promise"]
[[units]]
scenarios = ["healthy"]
paths = ["swap"]
[units.faults]
kinds = ["drop", "cfs-sticky", "lost-write"]
points = 1
"#;

/// A campaign command in this folder.
fn swaplab(folder: &Path, words: &[&str]) -> Output {
    let mut command = command(&["campaign"]);
    command.args(words).current_dir(folder).output().expect("swaplab runs")
}

fn planned() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("law.toml"), CAMPAIGN).expect("written");
    let output = swaplab(folder.path(), &["plan", "law.toml", "--out", "plan"]);
    assert!(output.status.success(), "{}", said(&output));
    let path = folder.path().to_owned();
    (folder, path)
}

/// Runs a shard; its exit is 0, since nothing is found in this campaign.
fn run(folder: &Path, shard: &str, out: &str) {
    let words = [
        "run", "plan", "--engine", "host", "--jobs", "2", "--shard", shard, "--resume", "--out",
        out,
    ];
    let output = swaplab(folder, &words);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// The digest over the merged outcomes.
fn digest(folder: &Path, files: &[String]) -> String {
    let mut words = vec!["merge", "--out", "merged"];
    words.extend(files.iter().map(String::as_str));
    let output = swaplab(folder, &words);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    let after = text.split("results ").nth(1).expect("a digest");
    after.split(' ').next().expect("a digest").to_owned()
}

#[test]
fn one_two_seven_and_sixty_four_shards_in_any_order_are_the_same_campaign() {
    let (_guard, folder) = planned();
    run(&folder, "1/1", "whole");
    let whole = digest(&folder, &["whole".to_owned()]);
    for (count, by) in [(2, ""), (7, "slice:"), (64, "")] {
        let mut files = Vec::new();
        for index in 1..=count {
            let out = format!("s-{count}-{index}");
            run(&folder, &format!("{by}{index}/{count}"), &out);
            files.insert(files.len() / 2, out);
        }
        assert_eq!(digest(&folder, &files), whole, "{by}{count}");
        files.reverse();
        assert_eq!(digest(&folder, &files), whole, "{by}{count}, the other way around");
    }
}

#[test]
fn a_run_that_is_killed_goes_on_and_comes_to_the_same() {
    let (_guard, folder) = planned();
    run(&folder, "1/1", "whole");
    let whole = digest(&folder, &["whole".to_owned()]);
    // Killed as soon as there is something to lose; however far it came, the end is the same.
    for kill_at_bytes in [1, 10_000, 60_000] {
        let out = folder.join("killed");
        let _ = fs::remove_file(&out);
        let words =
            ["campaign", "run", "plan", "--engine", "host", "--jobs", "2", "--out", "killed"];
        let mut child = command(&words)
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("swaplab runs");
        while child.try_wait().expect("a child").is_none() {
            if fs::metadata(&out).is_ok_and(|file| file.len() >= kill_at_bytes) {
                child.kill().expect("killed");
            }
            std::thread::yield_now();
        }
        // And a line that was torn by it.
        let mut bytes = fs::read(&out).expect("a ledger");
        bytes.extend_from_slice(b"{\"outcome\":{\"id\":\"00");
        fs::write(&out, bytes).expect("written");
        run(&folder, "1/1", "killed");
        assert_eq!(digest(&folder, &["killed".to_owned()]), whole, "{kill_at_bytes}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused_with_the_reason() {
    let (_guard, folder) = planned();
    run(&folder, "1/2", "a");
    let refused = |words: &[&str], needle: &str| {
        let output = swaplab(&folder, words);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(needle), "{}", said(&output));
    };
    refused(&["run", "plan", "--engine", "host", "--out", "a"], "--resume");
    refused(&["run", "nothing.toml"], "nothing.toml");
    refused(&["run", "plan", "--shard", "3/2"], "is not a shard");
    refused(&["run", "plan", "--budget", "10"], "is not a time");
    fs::write(folder.join("bad.toml"), CAMPAIGN.replace("\"shutdown\"", "\"shutdwn\""))
        .expect("written");
    refused(
        &["plan", "bad.toml"],
        "bad.toml:5:14: unknown scenario \"shutdwn\": known are all, shutdown",
    );
    fs::write(folder.join("bad.toml"), CAMPAIGN.replace("points = 1", "pionts = 1"))
        .expect("written");
    refused(&["plan", "bad.toml"], "bad.toml:11:1: unknown field `pionts`");
    let ledger = fs::read_to_string(folder.join("a")).expect("a ledger");
    let other_plan = ledger.replacen("\"plan\":\"", "\"plan\":\"f", 1);
    fs::write(folder.join("b"), other_plan).expect("written");
    refused(&["merge", "a", "b", "--out", "m"], "has results of plan");
    fs::write(folder.join("b"), ledger.replacen("\"guest\":\"", "\"guest\":\"f", 1))
        .expect("written");
    refused(&["merge", "a", "b", "--out", "m"], "--allow-other-build");
    assert!(!folder.join("m").exists(), "a merge that was refused leaves nothing");
}

#[test]
fn a_full_disk_ends_a_campaign_cleanly_and_a_budget_of_nothing_runs_nothing() {
    let (_guard, folder) = planned();
    let output = swaplab(&folder, &["run", "plan", "--engine", "host", "--out", "/dev/full"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let output =
        swaplab(&folder, &["run", "plan", "--engine", "host", "--budget", "0s", "--out", "none"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("out of time"), "{}", said(&output));
}

#[test]
fn results_are_said_in_every_form_and_two_designs_are_told_apart() {
    let (_guard, folder) = planned();
    run(&folder, "1/1", "whole");
    let report = |form: &str| {
        let output = swaplab(&folder, &["report", "whole", form]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output)
    };
    assert!(report("--junit").starts_with("<?xml"));
    assert!(report("--ktap").starts_with("KTAP version 1"));
    assert!(report("--json").starts_with("{\"campaign\":\"law\""));
    let words = ["diff", "whole", "--where-a", "path=dio", "--where-b", "path=swap", "--came-to"];
    let output = swaplab(&folder, &words);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("lost 96 -> ok"), "{}", said(&output));
    let output = swaplab(&folder, &["diff", "whole"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

/// What a run of a shipped campaign says.
fn shipped(folder: &Path, engine: &str, more: &[&str]) -> Output {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns/mail.toml");
    let file = file.to_str().expect("a path in UTF-8").to_owned();
    let mut words = vec!["run", &file, "--engine", engine, "--jobs", "2", "--out", engine];
    words.extend(more);
    swaplab(folder, &words)
}

#[test]
fn a_shipped_campaign_comes_to_the_same_on_host_and_kvm_and_a_cross_check_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = shipped(folder.path(), "host", &[]);
    assert_eq!(host.status.code(), Some(0), "{}", said(&host));
    let kvm = shipped(folder.path(), "kvm", &["--cross", "40"]);
    if kvm.status.code() == Some(2) && said(&kvm).contains("/dev/kvm") {
        return eprintln!("SKIPPED on kvm: {}", said(&kvm));
    }
    assert_eq!(kvm.status.code(), Some(0), "{}", said(&kvm));
    assert!(said(&kvm).contains("cross-check: 40 of "), "{}", said(&kvm));
    let results = |output: &Output| {
        let text = said(output);
        let line = text.lines().find(|line| line.starts_with("results "));
        line.and_then(|line| line.split(' ').nth(1).map(str::to_owned)).expect("a digest")
    };
    assert_eq!(results(&host), results(&kvm));
}

#[test]
fn two_outcomes_of_one_unit_are_an_alarm_in_the_first_line() {
    let (_guard, folder) = planned();
    run(&folder, "1/1", "whole");
    let text = fs::read_to_string(folder.join("whole")).expect("a ledger");
    let line = text.lines().find(|line| line.contains("\"trace_hash\":\"")).expect("a record");
    let at = line.find("\"trace_hash\":\"").expect("a hash") + "\"trace_hash\":\"".len();
    let other = if line[at..].starts_with('0') { "1" } else { "0" };
    let flipped = format!("{}{other}{}\n", &line[..at], &line[at + 1..]);
    fs::write(folder.join("whole"), text + &flipped).expect("written");
    let output =
        swaplab(&folder, &["run", "plan", "--engine", "host", "--resume", "--out", "whole"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).starts_with("DETERMINISM ALARM"), "{}", said(&output));
}

/// Only somebody who counts finds out that a table in the documentation is out of date.
#[test]
fn the_documentation_says_how_many_units_each_shipped_campaign_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_to_string(root.join("docs/campaigns.md")).expect("the documentation");
    let mut seen = 0;
    for line in docs.lines().filter(|line| line.starts_with("| `campaigns/")) {
        let mut cells = line.trim_matches(['|', ' ']).split('|').map(str::trim);
        let file = cells.next().expect("a file").trim_matches('`');
        let units = cells.next_back().expect("a count").replace(' ', "");
        let plan = said(&swaplab(&root, &["plan", file]));
        assert!(plan.contains(&format!(": {units} units, ")), "{line}\n{plan}");
        seen += 1;
    }
    let shipped = fs::read_dir(root.join("campaigns")).expect("the folder").count();
    assert_eq!(seen, shipped, "every shipped campaign is in the table");
}
