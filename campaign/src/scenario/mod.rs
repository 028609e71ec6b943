//! The scenarios: named experiments with a claim, a prediction per path, and a control.
//!
//! A scenario is a file in `campaign/scenarios`, and a line in `index`. Everything about it is data:
//! the script that the guest plays, the faults, what comes out on which path and how that is known.

mod file;
mod index;

use std::sync::LazyLock;

use lab::FileKind;
use swap_path::PathKind;

use crate::unit::Unit;
pub use file::Difference;
use file::ScenarioFile;
pub(crate) use file::named;

/// A scenario as it is listed and explained to people.
#[derive(Clone, Debug)]
pub struct Definition {
    file: ScenarioFile,
    units: Vec<Unit>,
    differences: Vec<Difference>,
}

impl Definition {
    /// The name on the command line.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// The claim under test, in one sentence.
    #[must_use]
    pub fn claim(&self) -> &str {
        &self.file.claim
    }

    /// What the outcome means.
    #[must_use]
    pub fn means(&self) -> &str {
        &self.file.means
    }

    /// Which claims and measured rows it covers, such as `claim 7` or `MB1`.
    #[must_use]
    pub fn covers(&self) -> &[String] {
        &self.file.covers
    }

    /// The units, in report order, the control last.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Where Linux did something else.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// What is wrong in it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file = ScenarioFile::parse(text)?;
        let (units, differences) = (file.units()?, file.differences()?);
        Ok(Self { file, units, differences })
    }
}

/// Every scenario, in report order.
pub static ALL: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let parsed = index::FILES.iter().map(|(name, text)| {
        Definition::parse(text).unwrap_or_else(|error| panic!("scenarios/{name}.toml: {error}"))
    });
    parsed.collect()
});

/// The scenario with that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name() == name)
}

/// Which of the units are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these paths, unless it is empty.
    pub paths: Vec<PathKind>,
    /// Only files of these kinds, unless it is empty.
    pub kinds: Vec<FileKind>,
}

impl Filter {
    fn takes(&self, unit: &Unit) -> bool {
        (self.paths.is_empty() || self.paths.contains(&unit.spec.path))
            && (self.kinds.is_empty() || self.kinds.contains(&unit.spec.kind))
    }
}

/// The units of `definitions` that the filter takes.
#[must_use]
pub fn units(definitions: &[&Definition], filter: &Filter) -> Vec<Unit> {
    let all = definitions.iter().flat_map(|definition| definition.units());
    all.filter(|unit| filter.takes(unit)).cloned().collect()
}

/// The kind of swap file with that name.
///
/// # Errors
/// The names there are.
pub fn kind_named(name: &str) -> Result<FileKind, String> {
    named(FileKind::ALL, FileKind::name, "kind", name)
}

#[cfg(test)]
mod tests;
