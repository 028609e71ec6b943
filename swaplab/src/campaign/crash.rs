//! `swaplab campaign crash`: what a power cut may leave of a unit's first life.

use campaign::Unit;
use campaign::crash::{self, Bad, Choice, ImageName, Recorded, Survey};
use campaign::engine::LifeEnd;

use super::args;
use super::find::find;
use super::replay::engine;
use crate::exit::Exit;

/// Kinds of findings that are named.
const NAMED_MAX: usize = 8;

pub(super) fn crash(args: &args::Crash) -> Result<Exit, Exit> {
    let unit = find(&args.unit.unit, &args.unit.files)?.unit;
    let mut engine = engine(args.engine)?;
    let recorded = crash::record(engine.as_mut(), &unit)?;
    print_life(&unit, &recorded);
    match args.cut {
        Some(cut) => one(args, &recorded, cut),
        None => all(args, &recorded),
    }
}

/// Every cut from the one on that has a filesystem, and the control.
fn all(args: &args::Crash, recorded: &Recorded) -> Result<Exit, Exit> {
    let choice = Choice { images_max: args.images, seed: args.seed };
    let from = filesystem_from(recorded)?;
    let Recorded { log, promises, .. } = recorded;
    let legal = crash::survey(log, promises, choice).map_err(host)?;
    print_survey("legal images", from, &legal);
    if !legal.bad.is_empty() {
        println!("FAIL: a power cut may leave what does not recover, or lacks what was safe");
        return Ok(Exit::Findings);
    }
    let control = crash::survey(&log.without_promises(from), promises, choice).map_err(host)?;
    print_survey("control, a drive that never flushes", from, &control);
    if control.bad.is_empty() {
        println!(
            "NOT_EXERCISED: without a flush nothing is bad either; more --images, or a unit that changes more"
        );
        return Ok(Exit::Findings);
    }
    println!("PASS: every legal image recovers and is clean; without flushes some do not");
    Ok(Exit::Expected)
}

/// One image of one cut: checked, and written if that is wanted.
fn one(args: &args::Crash, recorded: &Recorded, cut: u64) -> Result<Exit, Exit> {
    let name = args.image.unwrap_or(ImageName::Nothing);
    let log = if args.without_flushes {
        recorded.log.without_promises(filesystem_from(recorded)?)
    } else {
        recorded.log.clone()
    };
    let media = crash::image(&log, cut, name).map_err(|error| Exit::Usage.with(&error))?;
    if let Some(path) = &args.write {
        crash::write(&media, path)
            .map_err(|error| Exit::Usage.with(&format!("{}: {error}", path.display())))?;
        println!("cut {cut}, image {name}: written to {}", path.display());
    }
    match crash::check(media, recorded.promises.swap_file_at(cut)) {
        Ok(()) => {
            println!("cut {cut}, image {name}: recovers and is clean");
            Ok(Exit::Expected)
        }
        Err(what) => {
            println!("cut {cut}, image {name}: {what}");
            Ok(Exit::Findings)
        }
    }
}

/// Where mkfs has said that it is done.
fn filesystem_from(recorded: &Recorded) -> Result<u64, Exit> {
    recorded.promises.filesystem.ok_or_else(|| {
        Exit::Usage.with(
            &"this life makes no filesystem on the drive: choose a unit whose script begins with fs and \
              whose path is not net",
        )
    })
}

fn host(error: nvme_model::MediaError) -> Exit {
    Exit::Infrastructure.with(&error)
}

fn print_life(unit: &Unit, Recorded { log, end, .. }: &Recorded) {
    let (changes, flushes) = log.counts();
    let end = match end {
        LifeEnd::Done => "came to its end",
        LifeEnd::PowerLost => "ended by a power cut",
        LifeEnd::WaitsForever => "waits for ever",
        LifeEnd::NoDevice => "has no drive",
        LifeEnd::Panicked => "panicked",
        LifeEnd::Failed(how) => how,
    };
    println!(
        "{} {}: the first life {end}; {changes} writes and discards, {flushes} flushes, cuts 0 to {}",
        unit.scenario,
        unit.label,
        log.end()
    );
}

/// One image of each kind of finding: the first.
fn print_survey(what: &str, from: u64, survey: &Survey) {
    let Survey { cuts, cuts_whole, images, bad } = survey;
    let found = bad.len();
    println!(
        "{what}: {images} at {cuts} cuts from {from} on (every one at {cuts_whole} of them), {found} are bad"
    );
    let mut kinds: Vec<(&Bad, usize)> = Vec::new();
    for bad in bad {
        match kinds.iter_mut().find(|(first, _)| first.what == bad.what) {
            Some((_, count)) => *count += 1,
            None => kinds.push((bad, 1)),
        }
    }
    for (Bad { cut, image, what }, count) in kinds.iter().take(NAMED_MAX) {
        println!("  {count}: {what}; the first is cut {cut}, image {image}");
    }
    if kinds.len() > NAMED_MAX {
        println!("  and {} kinds of findings more", kinds.len() - NAMED_MAX);
    }
}
