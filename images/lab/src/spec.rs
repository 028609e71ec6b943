//! The unit as the guest gets it: words on the command line, the same text on every engine.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use guest_fs::FsKnobs;
use swap_path::PathKind;

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// The filesystem shuts down under an active swap file.
    Shutdown,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: &'static [Self] = &[Self::Shutdown];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
        }
    }
}

/// A scenario is played in stages with a power cycle between them; the guest remembers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The first life: everything until the machine is switched off.
    Live,
    /// After the power cycle: mount, check.
    After,
}

impl Stage {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::After => "after",
        }
    }
}

/// Everything that decides what the guest does. Same spec, same trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitSpec {
    /// What is played.
    pub scenario: Scenario,
    /// Which part of it.
    pub stage: Stage,
    /// The swap I/O path under test.
    pub path: PathKind,
    /// Design decisions of the filesystem that are switched for a control.
    pub knobs: FsKnobs,
    /// Pages the workload may keep in memory.
    pub resident_pages: u64,
    /// Pages of the workload's address space.
    pub pages: u64,
    /// Decides every random choice, and marks every page.
    pub seed: u64,
}

/// Why a command line is not a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError(String);

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SpecError {}

impl UnitSpec {
    /// A first stage with the sizes that the shipped scenarios use.
    #[must_use]
    pub fn new(scenario: Scenario, path: PathKind) -> Self {
        Self {
            scenario,
            stage: Stage::Live,
            path,
            knobs: FsKnobs::default(),
            resident_pages: 32,
            pages: 128,
            seed: 1,
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), SpecError> {
        match key {
            // Words of the kernel, not of the program.
            "program" | "ecam" | "trace" | "window" => {}
            "scenario" => {
                self.scenario = named(Scenario::ALL, Scenario::name, key, value)?;
            }
            "stage" => self.stage = named(&[Stage::Live, Stage::After], Stage::name, key, value)?,
            "path" => {
                self.path = PathKind::from_str(value).map_err(|e| SpecError(e.to_string()))?;
            }
            "knobs" => {
                for name in value.split(',').filter(|name| !name.is_empty()) {
                    self.set_knob(name)?;
                }
            }
            "resident" => self.resident_pages = number(key, value)?,
            "pages" => self.pages = number(key, value)?,
            "seed" => self.seed = number(key, value)?,
            _ => {
                return Err(SpecError(alloc::format!(
                    "unknown word {key}: known are scenario, stage, path, knobs, resident, pages, seed"
                )));
            }
        }
        Ok(())
    }

    fn set_knob(&mut self, name: &str) -> Result<(), SpecError> {
        match name {
            "swap-map-honours-shutdown" => self.knobs.swap_map_honours_shutdown = true,
            _ => {
                return Err(SpecError(alloc::format!(
                    "unknown knob {name}: known is swap-map-honours-shutdown"
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for UnitSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let knobs =
            if self.knobs.swap_map_honours_shutdown { "swap-map-honours-shutdown" } else { "" };
        write!(
            f,
            "scenario={} stage={} path={} knobs={knobs} resident={} pages={} seed={}",
            self.scenario.name(),
            self.stage.name(),
            self.path.name(),
            self.resident_pages,
            self.pages,
            self.seed,
        )
    }
}

impl FromStr for UnitSpec {
    type Err = SpecError;

    fn from_str(line: &str) -> Result<Self, SpecError> {
        let mut spec = Self::new(Scenario::Shutdown, PathKind::Swap);
        for word in line.split_ascii_whitespace() {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| SpecError(alloc::format!("{word}: not of the form key=value")))?;
            spec.set(key, value)?;
        }
        Ok(spec)
    }
}

fn named<T: Copy>(
    known: &[T],
    name: fn(T) -> &'static str,
    key: &str,
    value: &str,
) -> Result<T, SpecError> {
    known.iter().copied().find(|item| name(*item) == value).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|item| name(*item)).collect();
        SpecError(alloc::format!("{key}={value}: known are {}", names.join(", ")))
    })
}

fn number(key: &str, value: &str) -> Result<u64, SpecError> {
    value.parse().map_err(|_| SpecError(alloc::format!("{key}={value}: not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_reads_back_what_it_prints() {
        for path in PathKind::ALL {
            for stage in [Stage::Live, Stage::After] {
                for honours in [false, true] {
                    let mut spec = UnitSpec::new(Scenario::Shutdown, *path);
                    spec.stage = stage;
                    spec.seed = u64::MAX;
                    spec.knobs.swap_map_honours_shutdown = honours;
                    assert_eq!(spec.to_string().parse(), Ok(spec));
                }
            }
        }
    }

    #[test]
    fn an_unknown_knob_is_an_error_that_lists_the_known_ones() {
        let error = "knobs=swap-map-honors-shutdown".parse::<UnitSpec>().unwrap_err();
        assert!(error.to_string().contains("known is swap-map-honours-shutdown"), "{error}");
    }

    #[test]
    fn an_unknown_word_is_an_error() {
        for line in ["colour=red", "scenario", "seed=many", "stage=never", "path=bio"] {
            let error = line.parse::<UnitSpec>().unwrap_err();
            assert!(!error.to_string().is_empty(), "{line}");
        }
    }
}
