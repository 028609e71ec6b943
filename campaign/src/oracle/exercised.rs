//! Did what the unit is about happen at all?

use lab::Op;
use lab::events::Step;

use super::Facts;
use crate::unit::{Prediction, Unit};

/// Why nothing was learned, if that is so.
pub(super) fn why_not(unit: &Unit, facts: &Facts) -> Option<String> {
    let spec = &unit.spec;
    if matches!(unit.prediction, Prediction::SwaponRefused(_)) {
        let is_tried = facts.steps.contains_key(&Step::SwapOn);
        return (!is_tried).then(|| "swapon was not reached".to_owned());
    }
    let brings_down = spec.script.words().iter().any(|op| op.brings_down());
    if brings_down && facts.steps.get(&Step::Shutdown) != Some(&Ok(())) {
        return Some("the filesystem was not shut down".to_owned());
    }
    if facts.stuck.is_some() {
        // Whatever stands behind it is never reached.
        return None;
    }
    not_swapped(unit, facts)
        .or_else(|| unreached(unit, facts))
        .or_else(|| no_pressure(facts))
        .or_else(|| not_met(unit, facts))
}

/// Enough pages must have been in swap and nowhere else when they were first looked at.
fn not_swapped(unit: &Unit, facts: &Facts) -> Option<String> {
    let spec = &unit.spec;
    let must_be_out = spec.pages.saturating_sub(spec.resident_pages).max(1);
    let out = facts.out_at_step.get(&Step::VerifyOld)?.len() as u64;
    match unit.prediction {
        Prediction::SwapOutsFail if facts.swap_out_failed.is_empty() => {
            Some("no swap-out failed".to_owned())
        }
        Prediction::SwapOutsFail | Prediction::OutOfMemory => None,
        // A swap-out that failed was at least tried.
        _ if out < must_be_out && facts.failed_swap_outs == 0 => {
            Some(format!("{out} pages were swapped out when they were read, not {must_be_out}"))
        }
        _ => None,
    }
}

/// Tasks under pressure must have made somebody swap.
fn no_pressure(facts: &Facts) -> Option<String> {
    let is_idle = facts.steps.contains_key(&Step::Pressure) && facts.swap_ios == 0;
    is_idle.then(|| "no page was swapped".to_owned())
}

/// What only the memory side can bring about.
fn not_met(unit: &Unit, facts: &Facts) -> Option<String> {
    let script = &unit.spec.script;
    if script.has(Op::Zeros) && facts.zeros_out == 0 {
        return Some("no page of zeros went out".to_owned());
    }
    if script.has(Op::Fork) && facts.slots_shared == 0 {
        return Some("no slot was shared".to_owned());
    }
    None
}

fn unreached(unit: &Unit, facts: &Facts) -> Option<String> {
    let needed = unit.spec.script.words().iter().filter_map(|op| step_of(*op));
    let missing = needed.into_iter().find(|step| !facts.steps.contains_key(step));
    missing.map(|step| format!("the step `{}` was not reached", step.text()))
}

/// The step that a word always takes, if it is played.
const fn step_of(op: Op) -> Option<Step> {
    Some(match op {
        Op::Fill => Step::Fill,
        Op::VerifyOld => Step::VerifyOld,
        Op::Refill => Step::Refill,
        Op::VerifyNew => Step::VerifyNew,
        Op::VerifyInMemory => Step::VerifyInMemory,
        Op::PageOut => Step::PageOut,
        Op::Pressure
        | Op::PressureReader
        | Op::PressureMetadata
        | Op::PressurePageOut
        | Op::PressureFrozen => Step::Pressure,
        Op::PressureSwapoff => Step::SwapoffBeside,
        Op::LockAndAllocate => Step::LockAndAllocate,
        Op::Fork => Step::Fork,
        Op::Zeros => Step::Zeros,
        Op::TouchRandom => Step::TouchRandom,
        Op::TouchShifting => Step::TouchShifting,
        Op::TouchZipf => Step::TouchZipf,
        Op::TouchWrites => Step::TouchWrites,
        Op::TouchAreas => Step::TouchAreas,
        Op::TouchBesideFile => Step::TouchBesideFile,
        Op::TouchBesideBuffered => Step::TouchBesideBuffered,
        Op::Relocate => Step::Relocate,
        Op::UnmountLazy => Step::UnmountLazy,
        Op::ReclaimUnderLock => Step::ReclaimUnderLock,
        Op::UserIo => Step::UserVerify,
        Op::UserRead => Step::UserRead,
        Op::ReadClone => Step::ReadClone,
        Op::Nowait => Step::NowaitUnwritten,
        Op::EatSpace => Step::EatSpace,
        Op::ModifyActive => Step::SwapOnAgain,
        Op::UnmountBusy => Step::UnmountBusy,
        Op::Off => Step::SwapOffByPath,
        Op::OffArea => Step::SwapOffByArea,
        Op::Recover => Step::Recover,
        Op::Find => Step::FindSwapFile,
        Op::Fsck => Step::Fsck,
        _ => return None,
    })
}
