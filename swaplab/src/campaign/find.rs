//! Which unit is meant: by its text, or by its name in plans and results.

use std::path::{Path, PathBuf};

use campaign::Unit;
use results::ledger::LedgerReader;
use results::{FileError, Outcome, Plan};

use super::file_error;
use crate::exit::Exit;

/// A unit, and what is on record about it.
pub(super) struct Found {
    pub(super) unit: Unit,
    /// What a ledger says came out.
    pub(super) outcome: Option<Outcome>,
    /// The build that ran it, in one word.
    pub(super) build: Option<String>,
}

/// Finds the unit that `word` means: a text with `key=value` words, on as many lines as one likes, or the first digits
/// of a name in one of the files.
///
/// # Errors
/// Said: what is wrong with the text, or that no file has the name.
pub(super) fn find(word: &str, files: &[PathBuf]) -> Result<Found, Exit> {
    if word.contains('=') {
        // Whoever pastes a long line may have got it in several.
        let text = word.split_whitespace().collect::<Vec<_>>().join(" ");
        let unit = Unit::from_text(&text).map_err(|error| Exit::Usage.with(&error))?;
        return Ok(Found { unit, outcome: None, build: None });
    }
    let mut found: Vec<(String, Option<Outcome>, Option<String>)> = Vec::new();
    for file in files {
        look(file, word, &mut found).map_err(file_error)?;
    }
    // One unit may stand in several files.
    found.sort_by(|one, other| (&one.0, other.1.is_some()).cmp(&(&other.0, one.1.is_some())));
    found.dedup_by(|one, other| one.0 == other.0);
    match found.pop() {
        Some((text, outcome, build)) if found.is_empty() => {
            let unit = Unit::from_text(&text).map_err(|error| {
                Exit::Usage.with(&format!("{error}; the file is of another build"))
            })?;
            Ok(Found { unit, outcome, build })
        }
        Some(_) => Err(Exit::Usage.with(&format!(
            "{} units have names that begin with {word}: give more digits",
            found.len() + 1
        ))),
        None if files.is_empty() => Err(Exit::Usage.with(&format!(
            "{word:?} is no unit's text: write its key=value words, or a name with --in FILE"
        ))),
        None => Err(Exit::Usage.with(&format!("no unit named {word} in the files of --in"))),
    }
}

type Hit = (String, Option<Outcome>, Option<String>);

fn look(file: &Path, word: &str, found: &mut Vec<Hit>) -> Result<(), FileError> {
    let is_it = |id: results::UnitId| id.to_string().starts_with(word);
    let ledger = LedgerReader::open(file);
    let Ok(mut ledger) = ledger else {
        // A plan says better than a ledger what is wrong with a file that is neither.
        let plan = Plan::read(file)?;
        let hits = plan.units().iter().filter(|unit| is_it(unit.id));
        found.extend(hits.map(|unit| (unit.unit.clone(), None, None)));
        return Ok(());
    };
    let build = campaign::build_word(&ledger.header().build);
    while let Some(record) = ledger.next_record()? {
        if is_it(record.outcome.id) {
            found.push((record.outcome.unit.clone(), Some(record.outcome), Some(build.clone())));
        }
    }
    Ok(())
}
