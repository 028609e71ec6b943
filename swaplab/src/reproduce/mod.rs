//! `swaplab reproduce`.

mod progress;
mod select;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use campaign::engine::{Engine, EngineKind, HostEngine, KvmEngine};
use campaign::run::{UnitResult, run_unit};
use campaign::scenario::{self, Definition, Filter};
use campaign::{Role, Verdict, report};

use crate::args::Reproduce;
use crate::exit::Exit;
use progress::Progress;

pub(crate) fn run(args: &Reproduce) -> Exit {
    if args.list {
        select::list();
        return Exit::Expected;
    }
    let definitions = match select::definitions(args) {
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
    let definitions: Vec<_> = definitions.iter().collect();
    match run_all(engine.as_mut(), &definitions, args) {
        Ok(exit) | Err(exit) => exit,
    }
}

/// Runs the units one after the other and prints what is asked for.
fn run_all(
    engine: &mut dyn Engine,
    definitions: &[&Definition],
    args: &Reproduce,
) -> Result<Exit, Exit> {
    let mut trace = match &args.trace {
        Some(path) => Some(create(path)?),
        None => None,
    };
    let filter = Filter { paths: args.path.clone(), kinds: args.kind.clone() };
    let mut units = scenario::units(definitions, &filter);
    if args.explain {
        units.retain(|unit| unit.role == Role::Experiment);
    }
    if units.is_empty() {
        return Err(Exit::Usage.with(&"no unit of the named scenarios is of that path and kind"));
    }
    let form = Form::of(args, definitions);
    if form == Form::Table {
        print!("{}", report::header(engine.kind(), definitions, &units));
    }
    let mut page = report::Page::default();
    let progress = Progress::new(units.len(), form == Form::Matrix);
    let mut results = Vec::with_capacity(units.len());
    for unit in &units {
        progress.begin(unit);
        let mut result = run_unit(engine, unit).map_err(Exit::from)?;
        match form {
            Form::Json => println!("{}", report::json_line(&result)),
            Form::Table => print!("{}", report::row(&result)),
            Form::Story => print!("{}", report::story(definitions, &result)),
            Form::Matrix => {}
        }
        if let Some((file, path)) = &mut trace {
            write_trace(file, &result)
                .map_err(|e| Exit::Usage.with(&format!("{}: {e}", path.display())))?;
        }
        page.add(definitions, &result);
        result.forget_trace();
        results.push(result);
    }
    progress.end();
    match form {
        Form::Table => print!("{}", report::footer(&results)),
        Form::Matrix => print!("{}", report::matrix(engine.kind(), &results)),
        Form::Json | Form::Story => {}
    }
    let default = (form == Form::Matrix).then(|| PathBuf::from(REPORT));
    if let Some(path) = args.report.clone().or(default) {
        let page = page.finish(engine.kind(), definitions, &results);
        std::fs::write(&path, page)
            .map_err(|error| Exit::Usage.with(&format!("{}: {error}", path.display())))?;
        if form == Form::Matrix {
            println!("the report is in {}", path.display());
        }
    }
    Ok(exit_of(&results))
}

/// Where the report goes if nothing is said.
const REPORT: &str = "report.html";

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One JSON object a line.
    Json,
    /// What happened, layer by layer.
    Story,
    /// One scenario, a row a unit.
    Table,
    /// Many scenarios, a cell a unit.
    Matrix,
}

impl Form {
    fn of(args: &Reproduce, definitions: &[&Definition]) -> Self {
        match definitions {
            _ if args.json => Self::Json,
            _ if args.explain => Self::Story,
            [_] => Self::Table,
            _ => Self::Matrix,
        }
    }
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
