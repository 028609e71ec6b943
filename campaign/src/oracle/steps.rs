//! Oracles over what each step of the script answered.

use iomap::Errno;
use lab::events::Step;
use swap_path::PathKind;

use super::facts::StepSeen;
use super::{Facts, object};
use crate::unit::{Prediction, Unit};
use crate::verdict::{Finding, Oracle};

/// Pages of the file that the program writes as a user.
const USER_PAGES: u64 = 8;

/// Turned on, or refused with the predicted errno.
pub(super) fn activation(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wanted = match unit.prediction {
        Prediction::SwaponRefused(errno) => Err(errno),
        _ => Ok(()),
    };
    first_break(facts, Oracle::Activation, |seen| (seen.step == Step::SwapOn).then_some(wanted))
}

/// Unmount refused while swap is on; swapoff by path impossible after a shutdown, as in Linux; swapoff
/// by area possible; unmount possible after it.
pub(super) fn fail_safe(unit: &Unit, facts: &Facts) -> Option<Finding> {
    // The client of a server knows the name without asking: swapoff succeeds, as on Linux.
    let is_net = unit.spec.path == PathKind::Net;
    let is_detached = facts.steps.contains_key(&Step::UnmountLazy);
    first_break(facts, Oracle::FailSafe, |seen| match seen.step {
        _ if seen.is_after => None,
        Step::UnmountBusy => Some(Err(Errno::EBUSY)),
        // No path leads there any more.
        Step::SwapOffByPath if is_detached => Some(Err(Errno::ENOENT)),
        Step::SwapOffByPath if seen.was_down && !is_net => Some(Err(Errno::EIO)),
        Step::SwapOffByPath | Step::SwapOffByArea | Step::Unmount => Some(Ok(())),
        _ => None,
    })
}

/// A second life finds everything in order.
pub(super) fn recovers(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let broken = first_break(facts, Oracle::Recovers, |seen| seen.is_after.then_some(Ok(())));
    broken.or_else(|| {
        let fsck = facts.played.iter().find(|seen| seen.step == Step::Fsck && seen.count > 0)?;
        object(Oracle::Recovers, format!("fsck has {} findings", fsck.count))
    })
}

/// Whatever went wrong before: swap can be turned off by area, and the filesystem is not unmounted under
/// it.
pub(super) fn swap_can_be_turned_off(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    first_break(facts, Oracle::FailSafe, |seen| match seen.step {
        _ if seen.is_after => None,
        Step::UnmountBusy => Some(Err(Errno::EBUSY)),
        Step::SwapOffByArea => Some(Ok(())),
        _ => None,
    })
}

/// A filesystem that was mounted once is mounted again after the power cycle, and is consistent. Its
/// files are no older than they were asked to be, which here is nothing. A drive that fails again while it
/// is looked at may be told of.
pub(super) fn recovers_if_it_was_there(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let mounted = facts.played.iter().any(|seen| seen.step == Step::Mount && seen.result.is_ok());
    if !mounted || facts.drive_faults_after > 0 {
        return None;
    }
    let wanted = |seen: &StepSeen| {
        let is_about_all = matches!(seen.step, Step::Recover | Step::Unmount | Step::Fsck);
        (seen.is_after && is_about_all).then_some(Ok(()))
    };
    first_break(facts, Oracle::Recovers, wanted).or_else(|| {
        let is_found =
            |seen: &&StepSeen| seen.is_after && seen.step == Step::Fsck && seen.count > 0;
        let fsck = facts.played.iter().find(is_found)?;
        object(Oracle::Recovers, format!("fsck has {} findings", fsck.count))
    })
}

/// Whatever has no oracle of its own.
pub(super) fn others(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let broken = first_break(facts, Oracle::Steps, |seen| match seen.step {
        _ if seen.is_after => None,
        Step::SwapOn
        | Step::UnmountBusy
        | Step::SwapOffByPath
        | Step::SwapOffByArea
        | Step::Unmount => None,
        Step::WriteActive | Step::FallocateActive => Some(Err(Errno::ETXTBSY)),
        Step::UnlinkActive => Some(Err(Errno::EPERM)),
        Step::SwapOnAgain => Some(Err(Errno::EBUSY)),
        Step::NowaitHole => Some(Err(Errno::EAGAIN)),
        Step::UserWrite | Step::UserVerify if seen.was_down => Some(Err(Errno::EIO)),
        _ => Some(Ok(())),
    });
    broken.or_else(|| user_pages(facts))
}

/// A user's own file reads back as it was written.
fn user_pages(facts: &Facts) -> Option<Finding> {
    let is_wrong = |seen: &&StepSeen| {
        seen.step == Step::UserVerify && seen.result.is_ok() && seen.count < USER_PAGES
    };
    let wrong = facts.played.iter().find(is_wrong)?;
    let detail = format!("{} of {USER_PAGES} pages of a user's file are right", wrong.count);
    object(Oracle::PageContent, detail)
}

fn first_break(
    facts: &Facts,
    oracle: Oracle,
    wanted: impl Fn(&StepSeen) -> Option<Result<(), Errno>>,
) -> Option<Finding> {
    facts.played.iter().find_map(|seen| {
        let wanted = wanted(seen)?;
        if seen.result == wanted {
            return None;
        }
        let detail =
            format!("`{}` gave {}, not {}", seen.step.text(), text(seen.result), text(wanted));
        object(oracle, detail)
    })
}

fn text(result: Result<(), Errno>) -> &'static str {
    crate::report::outcome_name(result)
}
