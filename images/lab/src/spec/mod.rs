//! The unit as the guest gets it: words on the command line, the same text on every engine.

mod kind;
mod knobs;
mod script;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use swap_path::{Activation, FOLIO_ORDER_MAX, PathKind, ReclaimPolicy};

pub use kind::FileKind;
pub use knobs::{Knob, Knobs};
pub use script::{Down, Op, Script, Trip, TripPhase};

/// A script is played in stages with a power cycle between them; the guest remembers nothing.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSpec {
    /// What is played.
    pub script: Script,
    /// Which part of it.
    pub stage: Stage,
    /// The swap I/O path under test.
    pub path: PathKind,
    /// What the swap file is like.
    pub kind: FileKind,
    /// What swapon does about its blocks.
    pub activation: Activation,
    /// Design decisions that are taken back.
    pub knobs: Knobs,
    /// Pages that a fault reads with one I/O.
    pub read_cluster_pages: u64,
    /// The order of the folios that the workload's memory comes in.
    pub folio_order: u8,
    /// Pages of each extent of the swap file; 0 leaves it to the filesystem, which finds one.
    pub piece_pages: u64,
    /// How reclaim chooses its victims.
    pub policy: ReclaimPolicy,
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

impl SpecError {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SpecError {}

impl UnitSpec {
    /// A first stage with the sizes that the shutdown scenario uses.
    #[must_use]
    pub fn new(script: Script, path: PathKind) -> Self {
        Self {
            script,
            stage: Stage::Live,
            path,
            kind: FileKind::default(),
            activation: Activation::default(),
            knobs: Knobs::default(),
            read_cluster_pages: 1,
            folio_order: 0,
            piece_pages: 0,
            policy: ReclaimPolicy::default(),
            resident_pages: 32,
            pages: 128,
            seed: 1,
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), SpecError> {
        match key {
            // Words of the kernel, not of the program.
            "program" | "ecam" | "trace" | "window" => {}
            "script" => self.script = value.parse()?,
            "stage" => self.stage = named(&[Stage::Live, Stage::After], Stage::name, key, value)?,
            "path" => {
                self.path = PathKind::from_str(value).map_err(|e| SpecError(e.to_string()))?;
            }
            "kind" => self.kind = named(FileKind::ALL, FileKind::name, key, value)?,
            "activation" => {
                self.activation = named(Activation::ALL, Activation::name, key, value)?;
            }
            "knobs" => {
                for name in value.split(',').filter(|name| !name.is_empty()) {
                    self.knobs = self.knobs.with_named(name)?;
                }
            }
            "folio" => {
                let order = number(key, value)?;
                let known = u8::try_from(order).ok().filter(|order| *order != 1);
                let known = known.filter(|order| *order <= FOLIO_ORDER_MAX);
                self.folio_order = known.ok_or_else(|| {
                    SpecError(alloc::format!(
                        "folio={value}: known are 0 and 2 to {FOLIO_ORDER_MAX}"
                    ))
                })?;
            }
            "pieces" => self.piece_pages = number(key, value)?,
            "policy" => {
                self.policy = named(ReclaimPolicy::ALL, ReclaimPolicy::name, key, value)?;
            }
            "readin" => self.read_cluster_pages = number(key, value)?,
            "resident" => self.resident_pages = number(key, value)?,
            "pages" => self.pages = number(key, value)?,
            "seed" => self.seed = number(key, value)?,
            _ => {
                return Err(SpecError(alloc::format!(
                    "unknown word {key}: known are script, stage, path, kind, activation, knobs, \
                     readin, folio, pieces, policy, resident, pages, seed"
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for UnitSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "script={} stage={} path={} kind={} activation={} knobs={} readin={} resident={} \
             pages={} seed={}",
            self.script,
            self.stage.name(),
            self.path.name(),
            self.kind.name(),
            self.activation.name(),
            self.knobs,
            self.read_cluster_pages,
            self.resident_pages,
            self.pages,
            self.seed,
        )?;
        // What is as always is not said: command lines are short.
        if self.folio_order > 0 {
            write!(f, " folio={}", self.folio_order)?;
        }
        if self.piece_pages > 0 {
            write!(f, " pieces={}", self.piece_pages)?;
        }
        if self.policy != ReclaimPolicy::default() {
            write!(f, " policy={}", self.policy.name())?;
        }
        Ok(())
    }
}

impl FromStr for UnitSpec {
    type Err = SpecError;

    fn from_str(line: &str) -> Result<Self, SpecError> {
        let mut spec = Self::new(Script::EMPTY, PathKind::Swap);
        let mut has_script = false;
        for word in line.split_ascii_whitespace() {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| SpecError(alloc::format!("{word}: not of the form key=value")))?;
            spec.set(key, value)?;
            has_script |= key == "script";
        }
        if !has_script {
            spec.script = Script::SHUTDOWN.parse()?;
        }
        Ok(spec)
    }
}

/// The item of `known` with that name.
///
/// # Errors
/// [`SpecError`] that lists the names there are.
pub(crate) fn named<T: Copy>(
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
        let mut spec: UnitSpec = "".parse().unwrap();
        spec.seed = u64::MAX;
        (spec.folio_order, spec.piece_pages, spec.policy) = (9, 7, ReclaimPolicy::TwoLists);
        spec.script = "fs,trip-in-flight:3:shutdown,power-cycle,recover".parse().unwrap();
        for path in PathKind::ALL {
            for stage in [Stage::Live, Stage::After] {
                for kind in FileKind::ALL {
                    for knob in Knob::ALL {
                        let knobs = Knobs::default().with(*knob).with(Knob::DropErrors);
                        let spec =
                            UnitSpec { path: *path, stage, kind: *kind, knobs, ..spec.clone() };
                        assert_eq!(spec.to_string().parse(), Ok(spec));
                    }
                }
            }
        }
    }

    #[test]
    fn every_word_of_a_script_reads_back() {
        for op in Op::PLAIN {
            assert_eq!(op.to_string().parse(), Ok(*op));
        }
    }

    #[test]
    fn an_unknown_knob_is_an_error_that_lists_the_known_ones() {
        let error = "knobs=swap-map-honors-shutdown".parse::<UnitSpec>().unwrap_err();
        assert!(error.to_string().contains("known are swap-map-honours-shutdown"), "{error}");
    }

    #[test]
    fn an_unknown_word_is_an_error() {
        for line in [
            "colour=red",
            "script",
            "script=fs,fil",
            "script=trip-before:x:shutdown",
            "script=trip-after:1:shutdown",
            "script=trip-before:1:fill",
            "seed=many",
            "stage=never",
            "path=bio",
            "kind=sparse",
            "activation=maybe",
            "folio=1",
            "folio=10",
            "policy=lru",
        ] {
            let error = line.parse::<UnitSpec>().unwrap_err();
            assert!(!error.to_string().is_empty(), "{line}");
        }
    }
}
