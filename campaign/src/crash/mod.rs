//! What a power cut may leave of a run: every legal image of the drive, or a sample of them, recovered and checked.
//!
//! A run leaves one image of its cut (`cache-policy`); here its first life is recorded, on either engine, in the write
//! log of its controller, and every cut of the log is taken apart ([`nvme_model::crash`]). Each image is mounted, which
//! replays its journal, unmounted and checked. The same log without the drive's promises is the control: a drive that
//! does not flush must be found out, or nothing here depended on a flush.
//!
//! What it does not do: of files it knows that the swap file is there and how long it is; what is in files and in swap
//! slots is for the oracles of a run with `cache-policy`. A write in flight at the end of the life has no data in the log. What the cut of a rule with
//! bytes (`power-cut-at`) leaves inside a block is no legal image.

mod check;
mod file;
mod images;
mod promises;

use lab::Stage;
use nvme_model::MediaError;
use nvme_model::crash::{CrashPoint, WriteLog};

pub use check::check;
pub use file::{WriteImageError, image, write};
pub use images::{Choice, ImageName};
pub use promises::Promises;

use crate::Unit;
use crate::engine::{self, Engine, EngineError, LifeEnd};
use crate::trace::TraceLog;

/// The namespace of a unit's drive.
const NSID: u32 = 1;

/// A life, as its drive was told it.
#[derive(Debug)]
pub struct Recorded {
    /// Every write, discard and flush from the first one on.
    pub log: WriteLog,
    /// How the life ended; the power may have gone in its middle.
    pub end: LifeEnd,
    /// What the guest was told is safe, and when.
    pub promises: Promises,
}

/// An image that is not in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The cut.
    pub cut: u64,
    /// Which of its images.
    pub image: ImageName,
    /// What is wrong with it.
    pub what: String,
}

/// What came of the images of many cuts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Cuts that were looked at.
    pub cuts: u64,
    /// Of those, cuts of which every image was.
    pub cuts_whole: u64,
    /// Images that were looked at.
    pub images: u64,
    /// Those that are not in order.
    pub bad: Vec<Bad>,
}

/// Runs the first life of `unit` and records what its drive is told.
///
/// # Errors
/// [`EngineError`] when the host fails; a guest that fails has a log all the same.
pub fn record(engine: &mut dyn Engine, unit: &Unit) -> Result<Recorded, EngineError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        EngineError::Infrastructure(format!("{what}: {error}"))
    };
    let mut controller = engine::controller(unit).map_err(|error| failed("controller", &error))?;
    controller.start_write_log(NSID).map_err(|error| failed("write log", &error))?;
    engine.insert(controller)?;
    engine.connect(engine::server(unit));
    let mut spec = unit.spec.clone();
    spec.stage = Stage::Live;
    let mut trace = TraceLog::default();
    let end = engine.live(&spec.to_string(), &mut trace)?;
    let log = engine.controller().and_then(|controller| controller.write_log(NSID));
    let log = log.cloned().ok_or_else(|| EngineError::Infrastructure("no write log".into()))?;
    let promises = Promises::of(trace.entries(), &log);
    let promises = promises.ok_or_else(|| {
        EngineError::Infrastructure("the trace and the write log have different commands".into())
    })?;
    Ok(Recorded { log, end, promises })
}

/// Checks the images of every cut of `log` from the one on at which a filesystem is promised, as many of each cut as
/// `choice` says. Without that promise there are none.
///
/// # Errors
/// [`MediaError`] if the log's base cannot be read.
pub fn survey(log: &WriteLog, promises: &Promises, choice: Choice) -> Result<Survey, MediaError> {
    let mut survey = Survey::default();
    let from = promises.filesystem.unwrap_or(u64::MAX);
    for cut in log.cuts().into_iter().filter(|cut| *cut >= from) {
        let point = CrashPoint::at(log, cut)?;
        let names = choice.names(point.space());
        survey.cuts += 1;
        survey.cuts_whole += u64::from(names.is_whole);
        for image in names.names {
            let Some(chosen) = image.of(point.space()) else { continue };
            survey.images += 1;
            if let Err(what) = check(point.media(&chosen)?, promises.swap_file_at(cut)) {
                survey.bad.push(Bad { cut, image, what });
            }
        }
    }
    Ok(survey)
}

#[cfg(test)]
mod tests;
