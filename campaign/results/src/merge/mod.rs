//! Merging: the union of ledgers.
//!
//! The law: merging is commutative, associative and idempotent, so the merged outcomes depend on the
//! units that were run and on nothing else. Per unit,
//!
//! - an outcome wins over INFRA, which says nothing about the unit;
//! - equal outcomes are one, with the smallest host part;
//! - different outcomes of one unit are all kept: that is a determinism alarm, and it must not get
//!   lost by merging again.
//!
//! Outcomes are not kept in memory: an index of 40 bytes a record is, and the ledgers are read twice.

mod index;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ledger::LedgerHeader;
use crate::lines::{FileError, encode};
use crate::{Outcome, Record, UnitId, VerdictWord};
use index::Index;

/// What is said about a merge, besides its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeSummary {
    /// Units with a record.
    pub units: u64,
    /// Records that were left out: equal outcomes, and INFRA where there is an outcome.
    pub duplicates: u64,
    /// Ledgers whose last line was torn and ignored.
    pub torn: Vec<PathBuf>,
    /// Units with more than one outcome. Determinism is broken: nothing else counts before that is
    /// understood.
    pub alarms: Vec<UnitId>,
    /// How many units have which verdict; one with an alarm counts with each.
    pub verdicts: BTreeMap<VerdictWord, u64>,
    /// The hash over the merged outcomes, in hexadecimal digits: equal for every split and order.
    pub digest: String,
}

/// Whether results of different builds may be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherBuilds {
    /// No: they are results of different experiments.
    #[default]
    Refuse,
    /// Yes, because somebody insists.
    Allow,
}

/// Merges `ledgers` into `output`: a header, then records sorted by unit.
///
/// # Errors
/// [`FileError`] if a ledger is damaged, of another plan, or of another build; [`FileError::Io`] for
/// `output`, which is then called `output_path`.
pub fn merge(
    ledgers: &[PathBuf],
    other_builds: OtherBuilds,
    output: &mut dyn Write,
    output_path: &Path,
) -> Result<MergeSummary, FileError> {
    let io = |error| FileError::io(output_path, error);
    let mut has_header = false;
    let summary = visit(ledgers, other_builds, &mut |header, record| {
        if !has_header {
            output.write_all(&encode(header)).map_err(io)?;
            has_header = true;
        }
        match record {
            Some(record) => output.write_all(&encode(record)).map_err(io),
            None => Ok(()),
        }
    })?;
    output.flush().map_err(io)?;
    Ok(summary)
}

/// Who sees what is merged: the header once without a record, and then with each record, unit by unit.
pub type Visit<'a> = &'a mut dyn FnMut(&LedgerHeader, Option<&Record>) -> Result<(), FileError>;

/// Shows what merging `ledgers` gives, without writing it anywhere.
///
/// # Errors
/// [`FileError`] as for [`merge`], or what `each` gives.
pub fn visit(
    ledgers: &[PathBuf],
    other_builds: OtherBuilds,
    each: Visit<'_>,
) -> Result<MergeSummary, FileError> {
    let index = Index::read(ledgers, other_builds)?;
    let mut summary = MergeSummary { torn: index.torn().to_vec(), ..MergeSummary::default() };
    let mut digest = Sha256::new();
    let Some(header) = index.header() else {
        return Ok(summary);
    };
    each(header, None)?;
    for group in index.groups() {
        let records = group.records()?;
        let found = records.len() as u64;
        let kept = union(records);
        summary.units += 1;
        summary.duplicates += found - kept.len() as u64;
        if let [first, _, ..] = kept.as_slice() {
            summary.alarms.push(first.outcome.id);
        }
        for record in &kept {
            *summary.verdicts.entry(record.outcome.verdict.word).or_default() += 1;
            digest.update(encode(&record.outcome));
            each(header, Some(record))?;
        }
    }
    summary.digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(summary)
}

/// What is left of the records of one unit, in the order of their text.
fn union(mut records: Vec<Record>) -> Vec<Record> {
    if records.len() > 1 {
        if records.iter().any(|record| !record.outcome.is_infra()) {
            records.retain(|record| !record.outcome.is_infra());
        } else {
            // Nothing is known about the unit: one record says that well enough.
            records.sort_by_cached_key(encode);
            records.truncate(1);
        }
        records.sort_by_cached_key(|record| (encode(&record.outcome), record.host.clone()));
        records.dedup_by(|later, earlier| later.outcome == earlier.outcome);
    }
    records
}

/// Calls `visit` with every outcome of a merged ledger, in order.
///
/// # Errors
/// [`FileError`].
pub fn read_outcomes(
    path: &Path,
    mut visit: impl FnMut(Outcome),
) -> Result<LedgerHeader, FileError> {
    let mut reader = crate::ledger::LedgerReader::open(path)?;
    while let Some(record) = reader.next_record()? {
        visit(record.outcome);
    }
    Ok(reader.header().clone())
}

#[cfg(test)]
mod tests;
