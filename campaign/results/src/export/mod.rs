//! A summary in the forms that other programs read.
//!
//! A campaign has too many units for a test report, so a cell of the matrix is the test: it passes if no
//! unit in it was a surprise, and is skipped if no unit in it learned anything.

mod json;
mod junit;
mod ktap;

pub use json::json;
pub use junit::junit;
pub use ktap::ktap;

use crate::VerdictWord;
use crate::summary::{Cell, CellKey};

/// How a cell counts as a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Ok,
    Skipped,
    Failed,
}

fn standing(cell: &Cell) -> Standing {
    let learned_nothing =
        |word: &VerdictWord| matches!(word, VerdictWord::NotExercised | VerdictWord::Infra);
    if cell.verdicts.keys().all(learned_nothing) {
        Standing::Skipped
    } else if cell.surprises > 0 {
        Standing::Failed
    } else {
        Standing::Ok
    }
}

fn test_name(key: &CellKey) -> String {
    format!("{} [{}]", key.path, key.fault)
}

/// What a cell's units gave, in one line.
fn counts(cell: &Cell) -> String {
    let verdicts: Vec<String> =
        cell.verdicts.iter().map(|(word, count)| format!("{count} {}", word.name())).collect();
    let verdicts = verdicts.join(", ");
    if cell.planned == 0 {
        return verdicts;
    }
    format!("{verdicts}; {} faults fired of {} planned", cell.fired, cell.planned)
}
