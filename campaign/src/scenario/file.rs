//! The form of a scenario file: TOML, one file a scenario, every word checked.

use std::collections::BTreeMap;

use file_server::ServerPlan;
use hal::trace::Layer;
use lab::{FileKind, Knobs, Op, Script, UnitSpec};
use nvme_model::{CachePolicy, FaultPlan};
use serde::Deserialize;
use swap_path::{Activation, PathKind, ReclaimPolicy};

use crate::engine::SWAP_FILE_BLOCK;
use crate::oracle::layer_called;
use crate::unit::{Prediction, Role, Source, Unit};
use crate::verdict::Oracle;

/// A scenario file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScenarioFile {
    pub(super) name: String,
    /// The rows of the plan that it covers: claims of the mail and measured rows.
    pub(super) covers: Vec<String>,
    /// The claim under test, in one sentence.
    pub(super) claim: String,
    /// What the outcome means.
    pub(super) means: String,
    script: String,
    #[serde(default = "default_pages")]
    pages: u64,
    #[serde(default = "default_pages")]
    resident: u64,
    case: Vec<CaseFile>,
    control: Vec<ControlFile>,
}

const fn default_pages() -> u64 {
    40
}

/// What is varied besides the path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseFile {
    /// The kind's name if nothing else is said.
    name: Option<String>,
    kind: Option<String>,
    activation: Option<String>,
    #[serde(default)]
    knobs: Vec<String>,
    script: Option<String>,
    readin: Option<u64>,
    folio: Option<u8>,
    pieces: Option<u64>,
    policy: Option<String>,
    pages: Option<u64>,
    resident: Option<u64>,
    /// Path to commands of each swap-out of a whole folio.
    #[serde(default)]
    commands: BTreeMap<String, u64>,
    #[serde(default)]
    faults: Vec<String>,
    /// What goes wrong instead where the swap file is a server's: rules for the server. (A drive's rules would
    /// never fire there.)
    #[serde(default)]
    server_faults: Vec<String>,
    /// Path to verdict and source, such as `dio = "zeros run"`.
    expect: BTreeMap<String, String>,
    /// Path to transactions of each swap-out.
    #[serde(default)]
    transactions: BTreeMap<String, u64>,
    /// Path to reports of the watcher of lock orders.
    #[serde(default)]
    order_reports: BTreeMap<String, u64>,
    learned_by: Option<String>,
    fault_max_us: Option<u64>,
    /// Path to pages of the swap file that a user sees data in.
    #[serde(default)]
    user_sees: BTreeMap<String, u64>,
    /// Pages that are still lost in the last pass.
    lost_in_the_end: Option<u64>,
    /// Path to what Linux did, where that is something else.
    #[serde(default)]
    linux: BTreeMap<String, String>,
    /// Why it is something else.
    because: Option<String>,
}

/// The unit that must fail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ControlFile {
    path: String,
    /// The case it is like; the first if nothing is said.
    case: Option<String>,
    script: Option<String>,
    kind: Option<String>,
    activation: Option<String>,
    #[serde(default)]
    knobs: Vec<String>,
    faults: Option<Vec<String>>,
    server_faults: Option<Vec<String>>,
    /// What is claimed wrongly.
    expect: String,
    transactions: Option<u64>,
    commands: Option<u64>,
    lost_in_the_end: Option<u64>,
    order_reports: Option<u64>,
    must_fail: String,
}

/// Where this laboratory and Linux differ.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The case.
    pub case: String,
    /// The path.
    pub path: PathKind,
    /// What Linux did.
    pub linux: String,
    /// Why this is otherwise.
    pub because: String,
}

impl ScenarioFile {
    /// Reads a file and checks every word in it.
    ///
    /// # Errors
    /// What is wrong, in words that name what could have been there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// All units, the control last.
    pub(super) fn units(&self) -> Result<Vec<Unit>, String> {
        let mut units = Vec::new();
        for case in &self.case {
            self.check_paths(case)?;
            for path in PathKind::ALL {
                if let Some(cell) = case.expect.get(path.name()) {
                    units.push(self.experiment(case, *path, cell)?);
                }
            }
        }
        for control in &self.control {
            units.push(self.control(control)?);
        }
        Ok(units)
    }

    /// Where Linux did something else.
    pub(super) fn differences(&self) -> Result<Vec<Difference>, String> {
        let mut differences = Vec::new();
        for case in &self.case {
            for (path, linux) in &case.linux {
                let because = case.because.clone().ok_or("`linux` without `because`")?;
                let path =
                    path.parse().map_err(|error: swap_path::UnknownPath| error.to_string())?;
                let linux = linux.clone();
                differences.push(Difference { case: case.name(), path, linux, because });
            }
        }
        Ok(differences)
    }

    fn check_paths(&self, case: &CaseFile) -> Result<(), String> {
        let names = case.expect.keys().chain(case.transactions.keys()).chain(case.linux.keys());
        let names = names.chain(case.order_reports.keys());
        let names = names.chain(case.commands.keys());
        for name in names {
            name.parse::<PathKind>().map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    fn experiment(&self, case: &CaseFile, path: PathKind, cell: &str) -> Result<Unit, String> {
        let (prediction, source) = cell_of(cell)?;
        let learned_by = case.learned_by.as_deref().map(layer_called).transpose()?;
        let name = case.name();
        let label = match self.case.len() {
            1 => path.name().to_owned(),
            _ => format!("{path} {name}"),
        };
        Ok(Unit {
            scenario: self.name.clone(),
            case: name,
            spec: self.spec(case, path)?,
            label,
            faults: if path == PathKind::Net { FaultPlan::none() } else { faults(&case.faults)? },
            server_faults: if path == PathKind::Net {
                server_faults(&case.server_faults)?
            } else {
                ServerPlan::default()
            },
            cache_policy: CachePolicy::default(),
            prediction,
            source,
            transactions: case.transactions.get(path.name()).copied(),
            // Whoever it is on the drive's side, here it is the client.
            learned_by: match path {
                PathKind::Net => learned_by.map(|_| Layer::Remote),
                _ => learned_by,
            },
            order_reports: case.order_reports.get(path.name()).copied(),
            user_sees: case.user_sees.get(path.name()).copied(),
            lost_in_the_end: case.lost_in_the_end,
            commands: case.commands.get(path.name()).copied(),
            fault_max_ns: case.fault_max_us.map(|us| us * 1000),
            role: Role::Experiment,
        })
    }

    fn control(&self, control: &ControlFile) -> Result<Unit, String> {
        let path: PathKind = control.path.parse().map_err(|error| format!("control: {error}"))?;
        let wanted =
            |case: &&CaseFile| control.case.as_ref().is_none_or(|name| case.name() == *name);
        let mut case = self.case.iter().find(wanted).ok_or("control: no such case")?.clone();
        case.script = control.script.clone().or(case.script);
        case.kind = control.kind.clone().or(case.kind);
        case.activation = control.activation.clone().or(case.activation);
        case.knobs.extend(control.knobs.iter().cloned());
        case.faults = control.faults.clone().unwrap_or(case.faults);
        case.server_faults = control.server_faults.clone().unwrap_or(case.server_faults);
        let must_fail = Oracle::named(&control.must_fail)?;
        let unit = self.experiment(&case, path, &format!("{} design", control.expect))?;
        Ok(Unit {
            label: match &self.control[..] {
                [_] => format!("{path} (control)"),
                _ => format!("{path} ({})", control.knobs.join(" ")),
            },
            transactions: control.transactions,
            commands: control.commands,
            lost_in_the_end: control.lost_in_the_end,
            user_sees: None,
            order_reports: control.order_reports,
            learned_by: None,
            role: Role::Control { must_fail },
            ..unit
        })
    }

    fn spec(&self, case: &CaseFile, path: PathKind) -> Result<UnitSpec, String> {
        let script = case.script.as_ref().unwrap_or(&self.script);
        let script: Script = script.parse().map_err(|error| format!("{error}"))?;
        check_words(&script, path, case)?;
        let mut spec = UnitSpec::new(script, path);
        spec.pages = case.pages.unwrap_or(self.pages);
        spec.resident_pages = case.resident.unwrap_or(self.resident);
        spec.read_cluster_pages = case.readin.unwrap_or(1);
        spec.folio_order = case.folio.unwrap_or(0);
        spec.piece_pages = case.pieces.unwrap_or(0);
        if let Some(policy) = &case.policy {
            spec.policy = named(ReclaimPolicy::ALL, ReclaimPolicy::name, "policy", policy)?;
        }
        if let Some(kind) = &case.kind {
            spec.kind = named(FileKind::ALL, FileKind::name, "kind", kind)?;
        }
        if let Some(activation) = &case.activation {
            spec.activation = named(Activation::ALL, Activation::name, "activation", activation)?;
        }
        let mut knobs = Knobs::default();
        for knob in &case.knobs {
            knobs = knobs.with_named(knob).map_err(|error| error.to_string())?;
        }
        spec.knobs = knobs;
        Ok(spec)
    }
}

/// Whether the path can play every word.
fn check_words(script: &Script, path: PathKind, case: &CaseFile) -> Result<(), String> {
    let is_refused = |op: &&Op| path == PathKind::Net && op.needs_the_drives_filesystem();
    match script.words().iter().find(is_refused) {
        None => Ok(()),
        Some(op) => Err(format!(
            "case {}: {op} is about the drive's filesystem; leave `net` out of what is expected",
            case.name()
        )),
    }
}

impl CaseFile {
    fn name(&self) -> String {
        let kind = || self.kind.clone().unwrap_or_else(|| FileKind::default().name().to_owned());
        self.name.clone().unwrap_or_else(kind)
    }
}

/// `zeros run`: a verdict and where it comes from.
fn cell_of(cell: &str) -> Result<(Prediction, Source), String> {
    let (verdict, source) = cell.split_once(' ').ok_or(format!("{cell}: no source"))?;
    let source = match source {
        "run" => Source::Run,
        "read" => Source::Read,
        "mail" => Source::Mail,
        "design" => Source::Design,
        _ => return Err(format!("unknown source {source}: known are run, read, mail, design")),
    };
    Ok((verdict.parse()?, source))
}

fn faults(lines: &[String]) -> Result<FaultPlan, String> {
    let mut plan = FaultPlan::none();
    for line in lines {
        let rule = with_blocks(line)?.parse();
        plan.rules.push(rule.map_err(|error| format!("{line}: {error}"))?);
    }
    plan.check().map_err(|error| error.to_string())?;
    Ok(plan)
}

fn server_faults(lines: &[String]) -> Result<ServerPlan, String> {
    let rule = |line: &String| line.parse().map_err(|error| format!("{line}: {error}"));
    Ok(ServerPlan { seed: 0, rules: lines.iter().map(rule).collect::<Result<_, String>>()? })
}

/// `slot=N` and `slot=N..M` as the blocks of these slots.
fn with_blocks(line: &str) -> Result<String, String> {
    let block = |slot: &str| {
        let slot: u64 = slot.parse().map_err(|_| format!("{line}: slot={slot} is no number"))?;
        Ok::<_, String>(SWAP_FILE_BLOCK + slot)
    };
    let word = |word: &str| match word.strip_prefix("slot=").map(|range| range.split_once("..")) {
        None => Ok(word.to_owned()),
        Some(None) => Ok(format!("lba={}", block(&word["slot=".len()..])?)),
        Some(Some((first, end))) => Ok(format!("lba={}..{}", block(first)?, block(end)?)),
    };
    let words: Result<Vec<_>, String> = line.split(' ').map(word).collect();
    Ok(words?.join(" "))
}

/// The item of `known` with that name.
pub(crate) fn named<T: Copy>(
    known: &[T],
    name: fn(T) -> &'static str,
    what: &str,
    word: &str,
) -> Result<T, String> {
    known.iter().copied().find(|item| name(*item) == word).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|item| name(*item)).collect();
        format!("unknown {what} {word}: known are {}", names.join(", "))
    })
}
