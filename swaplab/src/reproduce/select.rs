//! Which scenarios: by name, from a file, or all.

use campaign::scenario::{self, Definition};

use crate::args::Reproduce;

/// Prints every scenario with its claim.
pub(super) fn list() {
    for definition in scenario::ALL.iter() {
        println!("{}", definition.name());
        println!("    {}", definition.claim());
        let labels: Vec<_> = definition.units().iter().map(|unit| &*unit.label).collect();
        println!("    units: {}", labels.join("; "));
        println!("    covers: {}", definition.covers().join(", "));
    }
}

/// The scenarios that are asked for.
///
/// # Errors
/// What to print: the names there are, or what is wrong in a file.
pub(super) fn definitions(args: &Reproduce) -> Result<Vec<Definition>, String> {
    let mut definitions = Vec::new();
    for path in &args.file {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
        definitions.push(Definition::parse(&text).map_err(|error| told(&error))?);
    }
    if args.names.is_empty() && args.file.is_empty() {
        if args.explain {
            return Err(format!("--explain wants a scenario: known are {}", known()));
        }
        return Ok(scenario::ALL.clone());
    }
    for name in &args.names {
        let found = scenario::find(name).cloned();
        let found =
            found.ok_or_else(|| format!("unknown scenario {name}: known are {}", known()))?;
        definitions.push(found);
    }
    Ok(definitions)
}

fn known() -> String {
    scenario::ALL.iter().map(Definition::name).collect::<Vec<_>>().join(", ")
}
