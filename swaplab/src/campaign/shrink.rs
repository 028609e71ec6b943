//! `swaplab campaign shrink`: the smallest unit that fails in the same way.

use std::time::Instant;

use campaign::line_to_paste;
use campaign::shrink::{self, Limits, PointOfNoReturn, ShrinkError};

use super::find::find;
use super::replay::{engine, print_result, write};
use super::{args, this_build};
use crate::exit::Exit;

pub(super) fn shrink(args: &args::Shrink) -> Result<Exit, Exit> {
    let found = find(&args.unit.unit, &args.unit.files)?;
    let mut engine = engine(args.engine)?;
    let deadline = args.budget.and_then(|budget| Instant::now().checked_add(budget));
    let limits = Limits { runs_max: args.runs, deadline };
    let shrunk = shrink::shrink(engine.as_mut(), &found.unit, &limits).map_err(exit)?;
    println!(
        "{} runs; {}",
        shrunk.runs,
        match shrunk.is_minimal {
            true => "no single fault, word or part of the pages can be left out",
            false => "cut off: the smallest so far (more with --runs and --budget)",
        }
    );
    println!("the failure: {}", shrunk.signature);
    print_result(&shrunk.result);
    let point = shrink::point_of_no_return(engine.as_mut(), &shrunk.unit).map_err(exit)?;
    print_point(&point);
    let rules: Vec<_> = shrunk.unit.faults.rules.iter().map(ToString::to_string).collect();
    if !rules.is_empty() {
        println!("\nthe schedule, for any guest of swaplab boot or serve (--fault RULE):");
        rules.iter().for_each(|rule| println!("  {rule}"));
    }
    if let Some(path) = &args.export {
        let lines: String = rules.iter().map(|rule| format!("{rule}\n")).collect();
        write(path, &lines)?;
    }
    println!("\nto run it again:");
    let hash = shrunk.result.trace_hash.to_string();
    println!("{}", line_to_paste(&shrunk.unit.text(), &hash, &this_build()?));
    Ok(Exit::Findings)
}

fn print_point(point: &PointOfNoReturn) {
    match point.sealed() {
        Some(fork) if fork.event == 0 => {
            println!("it fails whatever is withdrawn: the workload itself fails");
        }
        Some(fork) => {
            println!("point of no return: event {} of {}: {}", fork.event, point.events, fork.what);
        }
        None => println!("no single event seals it"),
    }
}

fn exit(error: ShrinkError) -> Exit {
    match error {
        ShrinkError::NoFailure(_) => Exit::Usage.with(&error),
        ShrinkError::Engine(error) => error.into(),
    }
}
