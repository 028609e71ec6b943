//! Oracles over swap I/O itself.

use std::ops::Range;

use hal::trace::Layer;
use iomap::Errno;
use lab::Knob;
use lab::events::Step;
use swap_path::PathKind;

use super::facts::ErrorSeen;
use super::journey::LIE;
use super::layers::layer_name;
use super::{Facts, Journey, object};
use crate::report::ranges;
use crate::unit::{Prediction, Unit};
use crate::verdict::{Finding, Oracle};

/// No transaction, allocation, lock or log wait in the context of swap I/O.
pub(super) fn no_transaction(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let first = facts.broken_promises.first()?;
    let count = facts.broken_promises.len();
    let detail = format!("{count} times inside swap I/O, first: {first}");
    object(Oracle::NoTransactionInSwapIo, detail)
}

/// As many transactions for each swap-out of the first pass as predicted.
pub(super) fn transactions(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let each = unit.transactions?;
    let cost = facts.first_cost()?;
    if cost.transactions == each * cost.swap_outs {
        return None;
    }
    let detail = format!(
        "{} transactions in {} swap-outs, not {each} each",
        cost.transactions, cost.swap_outs
    );
    object(Oracle::Transactions, detail)
}

/// Folios went out whole, each in as many commands as predicted; or (0) every one was split.
pub(super) fn commands_per_folio(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let each = unit.commands?;
    let pages = 1_u32 << unit.spec.folio_order;
    // Single pages that go out together can be as many as a small folio has.
    let (folios, commands) = facts.swap_outs_of.get(&pages).copied().unwrap_or_default();
    let is_right = match each {
        0 => facts.folio_splits > 0,
        _ => facts.folio_splits == 0 && folios > 0 && commands == each * folios,
    };
    if is_right {
        return None;
    }
    let detail = format!(
        "{} folios were split, {folios} I/Os of {pages} pages took {commands} commands, not {each} each",
        facts.folio_splits
    );
    object(Oracle::CommandsPerFolio, detail)
}

/// A page whose swap-out failed is in memory: its owner never sees an error because of it.
pub(super) fn failed_swap_out_keeps_page(unit: &Unit, facts: &Facts) -> Option<Finding> {
    // Without memory for a submission a page is kept, goes at the next try, and may be lost on its way back.
    let is_tried_again = unit.spec.knobs.has(Knob::SubmitEnomem);
    if is_tried_again || unit.prediction == Prediction::OutOfMemory {
        return None;
    }
    let is_kept = |page: &u64| !facts.pages_lost.contains(page);
    let lost = facts.swap_out_failed.iter().find(|page| !is_kept(page))?;
    object(Oracle::FailedSwapOutKeepsPage, format!("page {lost} was lost after a failed swap-out"))
}

/// Swap writes nothing but its own file (the header is nobody's to write then either), and a filesystem
/// that is shut down writes nothing at all.
pub(super) fn own_blocks_only(unit: &Unit, facts: &Facts) -> Option<Finding> {
    for (written, when) in
        [(&facts.written_by_swap, "by swap"), (&facts.written_while_down, "after the shutdown")]
    {
        let foreign = facts.foreign(written);
        let is_predicted = unit.prediction == Prediction::Overwrites;
        if !foreign.is_empty() && !is_predicted {
            let detail = format!("blocks {} were written {when}", ranges(&foreign));
            return object(Oracle::OwnBlocksOnly, detail);
        }
    }
    own_remote_bytes_only(unit, facts)
}

/// Swap wrote where its file is not any more.
pub(super) fn overwrites_others(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if !facts.foreign(&facts.written_by_swap).is_empty() {
        return None;
    }
    object(Oracle::OwnBlocksOnly, "swap wrote its own blocks and no others".to_owned())
}

/// The same at a server: only pages of its own file, behind the header, and nothing while it is down.
fn own_remote_bytes_only(unit: &Unit, facts: &Facts) -> Option<Finding> {
    const PAGE: u64 = hal::PAGE_BYTES as u64;
    let own = facts.remote_file;
    // A page for the header and one for each of the workload's.
    let size = (unit.spec.pages + 1) * PAGE;
    let is_own = |(file, range): &&(u64, Range<u64>)| {
        *file == own && range.start >= PAGE && range.end <= size
    };
    if let Some((file, range)) = facts.remote_written_by_swap.iter().find(|one| !is_own(one)) {
        let detail = format!("bytes {range:?} of the server's file {file} were written by swap");
        return object(Oracle::OwnBlocksOnly, detail);
    }
    let times = facts.remote_written_while_down;
    if times > 0 {
        return object(Oracle::OwnBlocksOnly, format!("written {times} times while it was down"));
    }
    None
}

/// By `extents` the filesystem is asked nothing; by every other path it is asked about each I/O.
pub(super) fn filesystem_sees_swap(unit: &Unit, facts: &Facts) -> Option<Finding> {
    if facts.stuck.is_some() {
        // Some wait with a request in hand that they have not asked about.
        return None;
    }
    let (asks, ios) = (facts.map_asks, facts.swap_ios);
    // A submission without memory fails before it can ask. These are pages, so at least as many as I/Os.
    let is_unasked =
        |error: &&ErrorSeen| error.errno == Errno::ENOMEM && error.learned_by == Layer::Swap;
    let unasked: u64 = facts.errors.iter().filter(is_unasked).map(|error| error.count).sum();
    let is_right = match unit.spec.path {
        PathKind::Extents => asks == 0,
        // The locked path may be refused the lock before it can ask.
        PathKind::DioLocked => true,
        _ => asks + unasked >= ios,
    };
    if is_right {
        return None;
    }
    object(Oracle::FilesystemSeesSwap, format!("{asks} mapping calls for {ios} swap I/Os"))
}

/// Every error was learned of first where it was predicted.
pub(super) fn learned_by(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wanted = unit.learned_by?;
    let other = facts.errors.iter().find(|error| error.learned_by != wanted)?;
    let (found, wanted) = (layer_name(other.learned_by), layer_name(wanted));
    let detail = format!("{} failed in the {found}, not in the {wanted}", other.operation);
    object(Oracle::LearnedBy, detail)
}

/// A refusal of the device or a time-out reaches somebody who should know. What a device does wrong
/// and calls a success nobody can know: that is for the content of the pages to say. Said only if nothing worse
/// came of it: wrong content names the silent errors behind it.
pub(super) fn errors_are_told(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if !facts.wrong.is_empty() {
        return None;
    }
    let is_known = |journey: &&Journey| journey.operation != LIE;
    let silent = facts.silent().find(is_known)?;
    object(Oracle::ErrorsAreTold, silent.to_string())
}

/// No fault took longer than predicted.
pub(super) fn fault_in_time(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let max_ns = unit.fault_max_ns?;
    let worst = facts.fault_ns.iter().copied().max()?;
    if worst <= max_ns {
        return None;
    }
    let detail = format!("a fault took {worst} ns, at most {max_ns} ns were predicted");
    object(Oracle::FaultInTime, detail)
}

/// Where a user wrote a file beside swap: the paths by the direct-I/O mapping do the same, the others do
/// not.
pub(super) fn same_as_user_io(unit: &Unit, facts: &Facts) -> Option<Finding> {
    if !facts.steps.contains_key(&Step::UserWrite) || facts.swap_out_shape.is_empty() {
        return None;
    }
    let is_same = facts.user_write_shape == facts.swap_out_shape;
    let is_dio = matches!(unit.spec.path, PathKind::Dio | PathKind::DioRaw | PathKind::DioLocked);
    if is_same == is_dio {
        return None;
    }
    let detail = format!("user: {:?}; swap: {:?}", facts.user_write_shape, facts.swap_out_shape);
    object(Oracle::SameAsUserIo, detail)
}
