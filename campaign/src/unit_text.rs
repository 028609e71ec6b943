//! A unit as one line of text: everything that decides the run and its verdict.
//!
//! ```text
//! scenario=shutdown case=written role=experiment expect=ok script=fs,... path=swap ... seed=1
//!     faults=0 read nth=3 => status=media/unrecovered-read ; flush nth=1 => drop
//! ```
//!
//! The text is canonical: reading it and writing it again gives the same bytes, so its hash names the
//! unit ([`results::UnitId`]). It needs no file: scenario and case are names for people only.
//!
//! What is not in it: where a prediction comes from, which decides nothing.

use std::fmt::Write as _;

use file_server::ServerPlan;
use hal::trace::Layer;
use lab::UnitSpec;
use nvme_model::{CachePolicy, FaultPlan};

use crate::oracle::{layer_called, layer_name};
use crate::unit::{Role, Source, Unit};
use crate::verdict::Oracle;

/// Between the rules of a plan; no word of a rule can be it.
const BETWEEN_RULES: &str = " ; ";
/// What a blank in a name becomes: words end at blanks.
const BLANK: char = '_';
/// The word that begins the drive's rules, behind all others ...
const FAULTS: &str = " faults=";
/// ... but the one that begins the file server's.
const SERVER_FAULTS: &str = " server-faults=";
/// A stage is a part of a run and not of a unit.
const STAGE: &str = " stage=live";

/// The words that are the unit's own; the others are the guest's.
const OWN: &str = "scenario, case, role, expect, transactions, learned-by, fault-max-ns, user-sees, \
                   lost-in-the-end, order-reports, commands, cache-policy, faults, server-faults";

impl Unit {
    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> String {
        // No field can be forgotten here: what decides a run must be in its name.
        let Self {
            scenario,
            case,
            spec,
            label: _,
            faults,
            server_faults,
            cache_policy,
            prediction,
            source: _,
            transactions,
            learned_by,
            fault_max_ns,
            user_sees,
            lost_in_the_end,
            order_reports,
            commands,
            role,
        } = self;
        let mut text = format!("scenario={} case={}", word(scenario), word(case));
        match role {
            Role::Experiment => text.push_str(" role=experiment"),
            Role::Control { must_fail } => push(&mut text, "role", &format!("control:{must_fail}")),
        }
        push(&mut text, "expect", prediction);
        let numbers = [
            ("transactions", transactions),
            ("fault-max-ns", fault_max_ns),
            ("user-sees", user_sees),
            ("lost-in-the-end", lost_in_the_end),
            ("order-reports", order_reports),
            ("commands", commands),
        ];
        for (key, number) in numbers {
            number.iter().for_each(|number| push(&mut text, key, number));
        }
        learned_by.iter().for_each(|layer| {
            push(&mut text, "learned-by", &word(layer_name(*layer)));
        });
        if *cache_policy != CachePolicy::default() {
            push(&mut text, "cache-policy", cache_policy);
        }
        let _ = write!(text, " {}", spec.to_string().replace(STAGE, ""));
        if !faults.rules.is_empty() {
            let rules: Vec<_> = faults.rules.iter().map(ToString::to_string).collect();
            let _ = write!(text, "{FAULTS}{} {}", faults.seed, rules.join(BETWEEN_RULES));
        }
        if !server_faults.rules.is_empty() {
            let rules: Vec<_> = server_faults.rules.iter().map(ToString::to_string).collect();
            let rules = rules.join(BETWEEN_RULES);
            let _ = write!(text, "{SERVER_FAULTS}{} {rules}", server_faults.seed);
        }
        text
    }

    /// Reads a unit.
    ///
    /// # Errors
    /// What is wrong, in words that name what could have been there.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let (text, server_faults) = match text.split_once(SERVER_FAULTS) {
            Some((text, faults)) => (text, server_plan(faults)?),
            None => (text, ServerPlan::default()),
        };
        let (words, faults) = match text.split_once(FAULTS) {
            Some((words, faults)) => (words, plan(faults)?),
            None => (text, FaultPlan::none()),
        };
        let mut found = Found::default();
        let mut spec = String::new();
        for pair in words.split_ascii_whitespace() {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("{pair}: not of the form key=value"))?;
            if !found.take(key, value)? {
                let _ = write!(spec, "{pair} ");
            }
        }
        let spec: UnitSpec =
            spec.parse().map_err(|error| format!("{error}; a unit also has {OWN}"))?;
        Ok(Self { server_faults, ..found.unit(spec, faults)? })
    }
}

/// The words so far.
#[derive(Debug, Default)]
struct Found {
    scenario: Option<String>,
    case: Option<String>,
    role: Option<Role>,
    expect: Option<crate::Prediction>,
    transactions: Option<u64>,
    fault_max_ns: Option<u64>,
    user_sees: Option<u64>,
    lost_in_the_end: Option<u64>,
    order_reports: Option<u64>,
    commands: Option<u64>,
    learned_by: Option<Layer>,
    cache_policy: CachePolicy,
}

impl Found {
    /// Takes a word of the unit's own; `false` if it is the guest's.
    fn take(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match key {
            "scenario" => self.scenario = Some(name(value)),
            "case" => self.case = Some(name(value)),
            "role" => self.role = Some(role(value)?),
            "expect" => self.expect = Some(value.parse()?),
            "transactions" => self.transactions = Some(number(key, value)?),
            "fault-max-ns" => self.fault_max_ns = Some(number(key, value)?),
            "user-sees" => self.user_sees = Some(number(key, value)?),
            "lost-in-the-end" => self.lost_in_the_end = Some(number(key, value)?),
            "order-reports" => self.order_reports = Some(number(key, value)?),
            "commands" => self.commands = Some(number(key, value)?),
            "cache-policy" => self.cache_policy = value.parse()?,
            "learned-by" => self.learned_by = Some(layer_called(&name(value))?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unit(self, spec: UnitSpec, faults: FaultPlan) -> Result<Unit, String> {
        let missing = |key| format!("{key}= is missing");
        let scenario = self.scenario.ok_or_else(|| missing("scenario"))?;
        let case = self.case.unwrap_or_else(|| spec.kind.name().to_owned());
        let role = self.role.unwrap_or(Role::Experiment);
        let label = match role {
            Role::Experiment => format!("{} {case}", spec.path),
            Role::Control { .. } => format!("{} {case} (control)", spec.path),
        };
        Ok(Unit {
            scenario,
            case,
            spec,
            label,
            faults,
            server_faults: ServerPlan::default(),
            cache_policy: self.cache_policy,
            prediction: self.expect.ok_or_else(|| missing("expect"))?,
            source: Source::Design,
            transactions: self.transactions,
            learned_by: self.learned_by,
            fault_max_ns: self.fault_max_ns,
            user_sees: self.user_sees,
            lost_in_the_end: self.lost_in_the_end,
            order_reports: self.order_reports,
            commands: self.commands,
            role,
        })
    }
}

fn push(text: &mut String, key: &str, value: &dyn std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, " {key}={value}");
}

fn word(name: &str) -> String {
    name.replace(' ', &BLANK.to_string())
}

fn name(word: &str) -> String {
    word.replace(BLANK, " ")
}

fn role(value: &str) -> Result<Role, String> {
    match value.split_once(':') {
        None if value == "experiment" => Ok(Role::Experiment),
        Some(("control", oracle)) => Ok(Role::Control { must_fail: Oracle::named(oracle)? }),
        _ => Err(format!("role={value}: known are experiment, control:ORACLE")),
    }
}

fn number(key: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{key}={value}: not a number"))
}

/// `SEED RULE ; RULE`.
fn plan(text: &str) -> Result<FaultPlan, String> {
    let (seed, rules) = seed_and_rules("faults", text)?;
    let rules: Result<Vec<_>, _> = rules.split(BETWEEN_RULES).map(str::parse).collect();
    Ok(FaultPlan { seed, rules: rules.map_err(|error| format!("{error}"))? })
}

/// The same for the file server.
fn server_plan(text: &str) -> Result<ServerPlan, String> {
    let (seed, rules) = seed_and_rules("server-faults", text)?;
    let rules: Result<_, String> = rules.split(BETWEEN_RULES).map(str::parse).collect();
    Ok(ServerPlan { seed, rules: rules? })
}

fn seed_and_rules<'a>(key: &str, text: &'a str) -> Result<(u64, &'a str), String> {
    let parts = text.split_once(' ');
    let (seed, rules) = parts.ok_or_else(|| format!("{key}= wants a seed and rules"))?;
    Ok((number(key, seed)?, rules))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn every_unit_of_every_scenario_reads_back_and_its_text_does_not_change() {
        for unit in scenario::ALL.iter().flat_map(|definition| definition.units()) {
            let text = unit.text();
            let read = Unit::from_text(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.text(), text);
            assert_eq!(read.faults, unit.faults);
            assert_eq!(read.spec, unit.spec);
            assert_eq!((read.prediction, read.role), (unit.prediction, unit.role));
        }
    }

    #[test]
    fn units_that_differ_have_texts_that_differ() {
        let units = scenario::ALL.iter().flat_map(|definition| definition.units());
        let mut texts: Vec<_> = units.map(Unit::text).collect();
        let all = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), all);
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_could_be_there() {
        for (text, needle) in [
            ("scenario=a", "expect= is missing"),
            ("expect=ok", "scenario= is missing"),
            ("scenario=a expect=fine", "known are ok"),
            ("scenario=a expect=ok role=judge", "control:ORACLE"),
            ("scenario=a expect=ok role=control:x", "known are page-content"),
            ("scenario=a expect=ok colour=red", "known are script"),
            ("scenario=a expect=ok path=bio", "extents"),
            ("scenario=a expect=ok faults=0 read nth=1 => explode", "explode"),
            ("scenario=a expect=ok transactions=many", "not a number"),
            ("scenario=a expect=ok learned-by=me", "known are program"),
            ("scenario=a expect=ok shutdown", "key=value"),
        ] {
            let error = Unit::from_text(text).expect_err(text);
            assert!(error.contains(needle), "{text}: {error}");
        }
    }
}
