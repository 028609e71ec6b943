//! `swaplab campaign diff`.

use std::path::Path;

use results::Outcome;
use results::compare::{By, Comparison, compare};
use results::merge::{OtherBuilds, visit};

use super::{args, file_error};
use crate::exit::Exit;

/// Changed pairs that are shown.
const CHANGES_SHOWN: usize = 40;

/// Words that say what is expected, which is another thing for another design.
const PREDICTION: &[&str] =
    &["expect", "transactions", "learned-by", "fault-max-ns", "user-sees", "lost-in-the-end"];

type Words = [(String, String)];

pub(super) fn diff(args: &args::Diff) -> Result<Exit, Exit> {
    let b = args.b.as_ref().unwrap_or(&args.a);
    if args.b.is_none() && args.where_a == args.where_b {
        let message = "one set of results against itself: name a second one, or give --where-a and \
                       --where-b, such as path=dio and path=swap";
        return Err(Exit::Usage.with(&message));
    }
    let before = outcomes(&args.a, &args.where_a)?;
    let after = outcomes(b, &args.where_b)?;
    let by = if args.came_to { By::CameTo } else { By::Verdict };
    let differing: Vec<&str> =
        args.where_a.iter().chain(&args.where_b).map(|(word, _)| word.as_str()).collect();
    let found = compare(before, after, by, |outcome| key(outcome, &differing, by));
    print(&found);
    if found.pairs == 0 {
        let message = "no unit is in both: are they of one campaign?";
        return Err(Exit::Usage.with(&message));
    }
    Ok(if found.changes.is_empty() { Exit::Expected } else { Exit::Findings })
}

fn outcomes(path: &Path, wanted: &Words) -> Result<Vec<Outcome>, Exit> {
    let mut found = Vec::new();
    visit(&[path.to_owned()], OtherBuilds::Refuse, &mut |_, record| {
        let outcome = record.map(|record| &record.outcome);
        let is_wanted = |outcome: &&Outcome| {
            wanted.iter().all(|(word, value)| outcome.word(word) == Some(value))
        };
        found.extend(outcome.filter(is_wanted).cloned());
        Ok(())
    })
    .map_err(file_error)?;
    if found.is_empty() {
        let words: Vec<_> = wanted.iter().map(|(word, value)| format!("{word}={value}")).collect();
        let message = format!("{}: no unit with {}", path.display(), words.join(" "));
        return Err(Exit::Usage.with(&message));
    }
    Ok(found)
}

/// What is left of a unit without what is compared. Verdicts of one design are compared with their
/// predictions; two designs, or what runs came to, without.
fn key(outcome: &Outcome, differing: &[&str], by: By) -> String {
    let has_prediction = differing.is_empty() && by == By::Verdict;
    let (words, faults) = outcome.unit.split_once(" faults=").unwrap_or((&outcome.unit, ""));
    let is_kept = |word: &&str| {
        let key = word.split('=').next().unwrap_or_default();
        !differing.contains(&key) && (has_prediction || !PREDICTION.contains(&key))
    };
    let kept: Vec<&str> = words.split_whitespace().filter(is_kept).collect();
    format!("{} faults={faults}", kept.join(" "))
}

fn print(found: &Comparison) {
    println!(
        "{} pairs under identical faults: {} failed in A, {} in B; {} better, {} worse, {} changed; \
         p = {:.3e} (exact, paired, two-sided)",
        found.pairs,
        found.failed_before,
        found.failed_after,
        found.better,
        found.worse,
        found.changes.len(),
        found.p_value
    );
    let (only_a, only_b) = (found.only_before, found.only_after);
    if only_a + only_b + found.inconclusive > 0 {
        println!(
            "not compared: {only_a} only in A, {only_b} only in B, {} learned nothing",
            found.inconclusive
        );
    }
    for change in found.changes.iter().take(CHANGES_SHOWN) {
        println!("{} -> {}: {}", change.before.1, change.after.1, change.key);
    }
    if found.changes.len() > CHANGES_SHOWN {
        println!("and {} more", found.changes.len() - CHANGES_SHOWN);
    }
}
