//! `swaplab reproduce`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use campaign::engine::{Engine, EngineKind, HostEngine, KvmEngine};
use campaign::run::{UnitResult, run_unit};
use campaign::scenario::{self, Definition};
use campaign::{Verdict, report};

use crate::args::Reproduce;
use crate::exit::Exit;

pub(crate) fn run(args: &Reproduce) -> Exit {
    if args.list {
        list();
        return Exit::Expected;
    }
    let definitions = match select(&args.names) {
        Ok(definitions) => definitions,
        Err(message) => return Exit::Usage.with(&message),
    };
    let engine: Result<Box<dyn Engine>, _> = match args.engine {
        EngineKind::Kvm => KvmEngine::new().map(|engine| Box::new(engine) as _),
        EngineKind::Host => Ok(Box::new(HostEngine::new())),
    };
    let mut engine = match engine {
        Ok(engine) => engine,
        Err(error) => return error.into(),
    };
    match run_all(engine.as_mut(), &definitions, args) {
        Ok(results) => exit_of(&results),
        Err(exit) => exit,
    }
}

fn list() {
    for definition in scenario::ALL {
        println!("{}", definition.name());
        println!("    {}", definition.claim);
        let labels: Vec<_> = (definition.units)().into_iter().map(|unit| unit.label).collect();
        println!("    units: {}", labels.join("; "));
        println!("    predictions from: {}", definition.source);
    }
}

fn select(names: &[String]) -> Result<Vec<&'static Definition>, String> {
    if names.is_empty() {
        return Ok(scenario::ALL.iter().collect());
    }
    let known = || scenario::ALL.iter().map(Definition::name).collect::<Vec<_>>().join(", ");
    names
        .iter()
        .map(|name| {
            scenario::find(name)
                .ok_or_else(|| format!("unknown scenario {name}: known are {}", known()))
        })
        .collect()
}

fn run_all(
    engine: &mut dyn Engine,
    definitions: &[&Definition],
    args: &Reproduce,
) -> Result<Vec<UnitResult>, Exit> {
    let mut trace = match &args.trace {
        Some(path) => Some(create(path)?),
        None => None,
    };
    let units = scenario::units(definitions, &args.path);
    if !args.json {
        print!("{}", report::header(engine.kind(), definitions, &units));
    }
    let mut results = Vec::with_capacity(units.len());
    for unit in &units {
        let result = run_unit(engine, unit).map_err(Exit::from)?;
        if args.json {
            println!("{}", report::json_line(&result));
        } else {
            print!("{}", report::row(&result));
        }
        if let Some((file, path)) = &mut trace {
            write_trace(file, &result)
                .map_err(|e| Exit::Usage.with(&format!("{}: {e}", path.display())))?;
        }
        results.push(result);
    }
    if !args.json {
        print!("{}", report::footer(&results));
    }
    Ok(results)
}

fn create(path: &Path) -> Result<(BufWriter<File>, &Path), Exit> {
    match File::create(path) {
        Ok(file) => Ok((BufWriter::new(file), path)),
        Err(error) => Err(Exit::Usage.with(&format!("{}: {error}", path.display()))),
    }
}

fn write_trace(file: &mut BufWriter<File>, result: &UnitResult) -> std::io::Result<()> {
    writeln!(file, "# {} engine={} {}", result.unit.spec, result.engine.name(), result.trace_hash)?;
    for entry in result.trace.entries() {
        writeln!(file, "{entry}")?;
    }
    file.flush()
}

fn exit_of(results: &[UnitResult]) -> Exit {
    let is_infra =
        |result: &UnitResult| matches!(result.verdict, Verdict::Infra(_) | Verdict::Timeout);
    if results.iter().any(is_infra) {
        Exit::Infrastructure
    } else if results.iter().all(UnitResult::is_expected) {
        Exit::Expected
    } else {
        Exit::Findings
    }
}
