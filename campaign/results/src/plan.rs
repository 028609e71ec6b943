//! A plan: every unit of a campaign, sorted by name, and how large a space they cover.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lines::{FileError, Lines, encode};
use crate::{Build, Role, Shard, UnitId, VerdictLabel};

const SCHEMA: &str = "swaplab-plan/1";

/// One axis of the space that a plan covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceLine {
    /// The axis, such as `path`.
    pub axis: String,
    /// How many values it has.
    pub size: u64,
    /// What they are, for people.
    pub values: String,
}

/// The first line of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanHeader {
    schema: String,
    /// The campaign's name.
    pub campaign: String,
    /// The hash over all units: what results refer to.
    pub plan: String,
    /// How many units follow.
    pub units: u64,
    /// The build that made the plan.
    pub build: Build,
    /// What the units cover.
    pub space: Vec<SpaceLine>,
}

/// A unit that is to be run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedUnit {
    /// Its name, the hash of its text.
    pub id: UnitId,
    /// Its canonical text.
    pub unit: String,
    /// Why it is run.
    pub role: Role,
    /// The verdict that is no surprise.
    pub expected: VerdictLabel,
}

impl PlannedUnit {
    /// Plans the unit with this canonical text.
    #[must_use]
    pub fn new(unit: String, role: Role, expected: VerdictLabel) -> Self {
        Self { id: UnitId::of(&unit), unit, role, expected }
    }
}

/// Every unit of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    header: PlanHeader,
    units: Vec<PlannedUnit>,
}

impl Plan {
    /// Sorts the units by name; a unit that is named twice is planned once.
    #[must_use]
    pub fn new(
        campaign: &str,
        build: Build,
        space: Vec<SpaceLine>,
        mut units: Vec<PlannedUnit>,
    ) -> Self {
        units.sort();
        units.dedup();
        let header = PlanHeader {
            schema: SCHEMA.to_owned(),
            campaign: campaign.to_owned(),
            plan: hash(&units),
            units: units.len() as u64,
            build,
            space,
        };
        Self { header, units }
    }

    /// What the plan says of itself.
    #[must_use]
    pub const fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// The units, sorted by name.
    #[must_use]
    pub fn units(&self) -> &[PlannedUnit] {
        &self.units
    }

    /// The units of a shard, sorted by name.
    pub fn shard(&self, shard: Shard) -> impl Iterator<Item = &PlannedUnit> {
        let mine = move |(place, unit): &(usize, &PlannedUnit)| shard.contains(unit.id, *place);
        self.units.iter().enumerate().filter(mine).map(|(_, unit)| unit)
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let io = |error| FileError::io(path, error);
        let mut file = BufWriter::new(File::create(path).map_err(io)?);
        file.write_all(&encode(&self.header)).map_err(io)?;
        for unit in &self.units {
            file.write_all(&encode(unit)).map_err(io)?;
        }
        file.flush().map_err(io)
    }

    /// Reads a plan and checks that it is whole and says the truth about itself.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let mut lines = Lines::open(path)?;
        let header: PlanHeader = lines.header()?;
        if header.schema != SCHEMA {
            let message = format!("schema is {:?}, need {SCHEMA:?}", header.schema);
            return Err(FileError::bad_line(path, 1, message));
        }
        let mut units: Vec<PlannedUnit> = Vec::new();
        while let Some(line) = lines.next()? {
            let unit: PlannedUnit = line.parse(path)?;
            if unit.id != UnitId::of(&unit.unit) {
                let message = format!("{} is not the name of this unit", unit.id);
                return Err(FileError::bad_line(path, line.number, message));
            }
            if units.last().is_some_and(|last| *last >= unit) {
                return Err(FileError::bad_line(path, line.number, "units are not sorted"));
            }
            units.push(unit);
        }
        let found = units.len() as u64;
        if found != header.units || hash(&units) != header.plan {
            let message = format!("{found} units follow, not the {} of the header", header.units);
            return Err(FileError::bad_line(path, 1, message));
        }
        Ok(Self { header, units })
    }
}

/// The first 128 bits of the hash over the units, in hexadecimal digits.
fn hash(units: &[PlannedUnit]) -> String {
    let mut hash = Sha256::new();
    for unit in units {
        hash.update(encode(unit));
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VerdictWord;

    fn build() -> Build {
        Build { version: "1".into(), program: "p".into(), guest: "g".into() }
    }

    fn plan(numbers: impl IntoIterator<Item = u32>) -> Plan {
        let pass = VerdictLabel::plain(VerdictWord::Pass);
        let unit = |n| PlannedUnit::new(format!("seed={n}"), Role::Experiment, pass.clone());
        Plan::new("test", build(), Vec::new(), numbers.into_iter().map(unit).collect())
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_in_which_units_were_named() {
        assert_eq!(plan([1, 2, 3]), plan([3, 1, 2, 1]));
        assert_ne!(plan([1, 2]).header().plan, plan([1, 3]).header().plan);
    }

    #[test]
    fn shards_are_disjoint_and_together_the_plan() {
        let plan = plan(0..100);
        let mut all: Vec<&PlannedUnit> = (1..=7)
            .filter_map(|index| Shard::new(index, 7, crate::Assignment::Slice))
            .flat_map(|shard| plan.shard(shard))
            .collect();
        all.sort();
        assert!(all.into_iter().eq(plan.units()));
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_any_cut_or_change_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.jsonl");
        let plan = plan(0..5);
        plan.write(&path).expect("written");
        assert_eq!(Plan::read(&path).expect("read"), plan);

        let text = std::fs::read_to_string(&path).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let damaged = [
            String::new(),
            lines[..5].join("\n"),
            text.replacen("seed=3", "seed=9", 1),
            text.replacen("swaplab-plan/1", "swaplab-plan/2", 1),
            text.replacen("\"role\":", "\"rank\":", 1),
            [lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]].join("\n"),
        ];
        for text in damaged {
            std::fs::write(&path, &text).expect("written");
            let error = Plan::read(&path).expect_err("damaged").to_string();
            assert!(error.contains("plan.jsonl:"), "{error}");
        }
    }
}
