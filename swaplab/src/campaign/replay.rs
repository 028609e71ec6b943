//! `swaplab campaign replay`: runs one unit again, and compares what must be equal.

use std::path::Path;

use campaign::engine::{Engine, EngineKind, HostEngine, KvmEngine};
use campaign::run::{UnitResult, run_unit};
use campaign::trace::first_difference;
use campaign::{Verdict, build_word, line_to_paste, report, scenario, trace};

use super::find::find;
use super::{args, this_build};
use crate::exit::Exit;

pub(super) fn replay(args: &args::Replay) -> Result<Exit, Exit> {
    let found = find(&args.unit.unit, &args.unit.files)?;
    let build = this_build()?;
    let recorded = args.build.clone().or(found.build);
    let hash = args.hash.clone().or_else(|| found.outcome.map(|outcome| outcome.trace_hash));
    let mut engine = engine(args.engine)?;
    let first = run_unit(engine.as_mut(), &found.unit)?;
    // A run that is not even equal to itself proves nothing.
    let second = run_unit(engine.as_mut(), &found.unit)?;
    write_files(args, &first)?;
    if args.explain {
        let all: Vec<_> = scenario::ALL.iter().collect();
        print!("{}", report::story(&all, &first));
    }
    print_result(&first);
    println!("{}", line_to_paste(&found.unit.text(), &first.trace_hash.to_string(), &build));
    if first.trace_hash != second.trace_hash {
        let apart = first_difference(("first", &first.trace), ("second", &second.trace));
        let alarm = format!("DETERMINISM ALARM: two runs differ: {}", apart.unwrap_or_default());
        return Err(Exit::Infrastructure.with(&alarm));
    }
    let own = build_word(&build);
    compare(hash.as_deref(), recorded.as_deref(), &own, &first)?;
    Ok(exit_of(&first))
}

pub(super) fn engine(kind: EngineKind) -> Result<Box<dyn Engine>, Exit> {
    Ok(match kind {
        EngineKind::Host => Box::new(HostEngine::new()),
        EngineKind::Kvm => Box::new(KvmEngine::new().map_err(Exit::from)?),
    })
}

/// Compares with what was recorded. Another build may run otherwise; this one may not.
fn compare(
    hash: Option<&str>,
    recorded: Option<&str>,
    own: &str,
    result: &UnitResult,
) -> Result<(), Exit> {
    let Some(hash) = hash else {
        println!("no hash to compare with: --hash, or --in with results");
        return Ok(());
    };
    let now = result.trace_hash.to_string();
    if !hash.is_empty() && now.starts_with(hash) {
        println!("the trace is the recorded one, byte for byte");
        return Ok(());
    }
    let differs = format!("the trace is {}, recorded was {hash}", result.trace_hash.short());
    match recorded {
        Some(recorded) if recorded != own => Err(Exit::Usage.with(&format!(
            "{differs}, by another build ({recorded}; this is {own}): replay it with that build"
        ))),
        Some(_) => Err(Exit::Infrastructure.with(&format!("DETERMINISM ALARM: {differs}, by this build"))),
        None => Err(Exit::Infrastructure.with(&format!(
            "{differs}; --build says which build recorded it: if it was this one, this is a determinism alarm"
        ))),
    }
}

fn write_files(args: &args::Replay, result: &UnitResult) -> Result<(), Exit> {
    if let Some(path) = &args.trace {
        let lines = result.trace.entries().iter().map(|entry| format!("{entry}\n"));
        write(path, &lines.collect::<String>())?;
    }
    if let Some(path) = &args.perfetto {
        let title = format!("{} {}", result.unit.scenario, result.unit.label);
        write(path, &trace::perfetto(&title, result.trace.entries()))?;
    }
    Ok(())
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Exit> {
    std::fs::write(path, text)
        .map_err(|error| Exit::Usage.with(&format!("{}: {error}", path.display())))
}

pub(super) fn print_result(result: &UnitResult) {
    println!(
        "{} {}: {} (expected {}), came to {}; {} events, {:.3} ms of virtual time, trace {}",
        result.unit.scenario,
        result.unit.label,
        result.verdict.label(),
        result.unit.expected(),
        result.outcome(),
        result.events,
        result.virtual_ns as f64 / 1e6,
        result.trace_hash.short()
    );
    result.verdict.detail().iter().for_each(|detail| println!("  {detail}"));
    for journey in &result.facts.journeys {
        println!("  {journey}");
    }
}

pub(super) fn exit_of(result: &UnitResult) -> Exit {
    match result.verdict {
        Verdict::Infra(_) => Exit::Infrastructure,
        _ if result.is_expected() => Exit::Expected,
        _ => Exit::Findings,
    }
}
