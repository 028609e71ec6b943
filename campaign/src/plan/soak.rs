//! Soak: fresh units from a seed, each with its own choice of faults.
//!
//! Swarm testing: every unit first draws which faults may happen in it at all, so that some units see
//! only a few of them, often. A unit depends on the soak's seed and on its own number alone: more units
//! are added behind the ones there are.
//!
//! The first fault is at a command of the run without faults, so it fires; the others come after it, where the run
//! without faults has commands left. One after which the controller sees no more in a life is put only where the
//! scenario's own faults have fired. What is left out could not have fired, so the sample stays fair: every unit that
//! can be exercised is as likely as any other of its kind.
//!
//! The run with the first fault is another one, and is not known: a unit in which one of the others finds no command
//! is NOT_EXERCISED.

use std::collections::BTreeMap;

use lab::Op;
use serde::Deserialize;

use super::census::{CLASSES, Census, Point};
use super::faults::{self, FaultsFile};
use super::file::{CampaignError, Source, Text, UnitsFile};
use super::obligations::{FaultRow, Owes};
use super::select;
use crate::Unit;

/// A soak, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SoakFile {
    /// How many units at the most.
    pub(super) units: u64,
    /// Where everything is drawn from.
    pub(super) seed: u64,
    /// Names of scenarios, or `all`.
    pub(super) scenarios: Vec<Text>,
    /// Swap paths; all if nothing is said.
    pub(super) paths: Option<Vec<Text>>,
    /// Which faults, as in `[units.faults]`.
    pub(super) kinds: Vec<Text>,
    /// The most faults in a unit; 3 if nothing is said.
    #[serde(default = "three")]
    pub(super) faults_max: u64,
}

const fn three() -> u64 {
    3
}

/// Where later faults are: a class, and the last of its commands that is likely to come.
const LATER: &[(&str, usize)] = &[("read", 4), ("write", 4), ("flush", 1)];

/// Every unit of the soak, and the controls of its scenarios.
pub(super) fn units(
    source: &Source<'_>,
    file: &SoakFile,
) -> Result<(Vec<Unit>, Vec<Unit>), CampaignError> {
    let block = UnitsFile {
        scenarios: file.scenarios.clone(),
        cases: None,
        paths: file.paths.clone(),
        seeds: None,
        cache_policies: None,
        controls: true,
        faults: None,
    };
    let definitions = select::definitions(source, &block)?;
    let experiments = select::experiments(source, &block, &definitions)?;
    let place = || file.scenarios.first().map_or(0..0, serde_spanned::Spanned::span);
    if experiments.is_empty() {
        return Err(source.error(&place(), "no unit of these scenarios is of these paths"));
    }
    let rows = faults::rows(source, &FaultsFile::of_kinds(file.kinds.clone()))?;
    let mut census = Census::default();
    let mut points_of: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
    let mut units = Vec::new();
    for number in 0..file.units {
        let mut draw = Draw::new(file.seed, number);
        let choice = draw.below(experiments.len());
        let base = &experiments[choice];
        let points = match points_of.entry(choice) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let points = census.points(base);
                entry.insert(points.map_err(|error| source.error(&place(), error))?)
            }
        };
        units.push(unit(base, points, &rows, file.faults_max, &mut draw));
    }
    Ok((units, select::controls(&block, &definitions)))
}

fn unit(base: &Unit, points: &[Point], rows: &[FaultRow], most: u64, draw: &mut Draw) -> Unit {
    let mut unit = base.clone();
    unit.spec.seed = draw.next() >> 32;
    unit.faults.seed = draw.next() >> 32;
    // The swarm: what may happen in this unit at all.
    let swarm: Vec<&FaultRow> = rows.iter().filter(|_| draw.below(4) == 0).collect();
    let Some((point, first)) = first_fault(points, &swarm, draw) else {
        if unit.spec.script.has(Op::PressureOn) {
            // Another seed gives tasks other turns: what they come to was predicted of the scenario's.
            faults::predict(&mut unit, Owes::Survive);
        }
        return unit;
    };
    let mut owes = faults::owes_at(first, point);
    let mut rules = vec![format!("{} nth={} name=first => {}", point.class, point.nth, first.does)];
    rules.extend(first.with.iter().map(|rule| (*rule).to_owned()));
    let later = later(points, point, first);
    for _ in 1..=draw.below(usize::try_from(most).unwrap_or(1).max(1)) {
        let (Some((class, last)), Some(row)) = (draw.of(&later), draw.of(&swarm)) else { continue };
        if row.on.contains(class) {
            let nth = draw.below(*last) + 1;
            rules.push(format!("{class} nth={nth} after=first => {}", row.does));
            // Faults that are survived one by one may be too many together.
            owes = owes.max(row.owes).max(Owes::Report);
        }
    }
    faults::predict(&mut unit, owes);
    for rule in rules {
        unit.faults.rules.push(rule.parse().expect("a test reads every row at every class"));
    }
    unit
}

/// Where later faults can be: what of [`LATER`] the run without faults still has behind the first.
fn later(points: &[Point], point: &Point, first: &FaultRow) -> Vec<(&'static str, usize)> {
    let from = points.iter().position(|one| one == point).map_or(points.len(), |at| at + 1);
    let rest = points.get(from..).unwrap_or_default();
    let comes = |one: &&Point| !first.ends_life || one.life > point.life;
    let left = |class| rest.iter().filter(comes).filter(|one| one.class == class).count();
    LATER
        .iter()
        .map(|(class, most)| (*class, left(*class).min(*most)))
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// Draws a point, and a row of the swarm that can be put at it: each such pair is as likely as any other. There are
/// too many of them to write them down for every unit.
fn first_fault<'a>(
    points: &'a [Point],
    swarm: &[&'a FaultRow],
    draw: &mut Draw,
) -> Option<(&'a Point, &'a FaultRow)> {
    let fits = |class: &str, is_after_own: bool| {
        let fits = |row: &&&FaultRow| row.on.contains(&class) && (is_after_own || !row.ends_life);
        swarm.iter().filter(fits).copied().collect()
    };
    let rows_of: Vec<(&str, [Vec<&FaultRow>; 2])> =
        CLASSES.iter().map(|class| (*class, [false, true].map(|is| fits(class, is)))).collect();
    let rows_at = |point: &Point| {
        let rows = rows_of.iter().find(|(class, _)| *class == point.class);
        rows.map_or(&[][..], |(_, rows)| &rows[usize::from(point.is_after_own)])
    };
    let pairs = points.iter().map(|point| rows_at(point).len()).sum::<usize>();
    let mut choice = (pairs > 0).then(|| draw.below(pairs))?;
    for point in points {
        match rows_at(point).get(choice) {
            Some(row) => return Some((point, row)),
            None => choice -= rows_at(point).len(),
        }
    }
    None
}

/// Numbers that depend on a seed and a place (SplitMix64).
#[derive(Clone, Copy, Debug)]
struct Draw(u64);

impl Draw {
    const fn new(seed: u64, number: u64) -> Self {
        Self(seed.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not 0. The bias is below 2^-50 for the small numbers here.
    const fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.below(list.len())) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::obligations::ROWS;
    use super::*;

    #[test]
    fn later_faults_are_put_where_commands_are_left() {
        let point = |class, nth, life| Point {
            class,
            nth,
            phase: "-",
            nth_of_phase: nth,
            life,
            is_after_own: true,
        };
        let first = point("write", 1, 1);
        let points =
            [first.clone(), point("write", 2, 1), point("read", 1, 1), point("write", 3, 2)];
        let row = |ends_life| ROWS.iter().find(|row| row.ends_life == ends_life).expect("a row");
        assert_eq!(later(&points, &first, row(false)), [("read", 1), ("write", 2)]);
        assert_eq!(later(&points, &first, row(true)), [("write", 1)]);
        assert_eq!(later(&points, &points[3], row(false)), []);
    }

    #[test]
    fn the_first_fault_is_the_one_that_a_list_of_all_pairs_would_give() {
        let points: Vec<Point> = (0..50)
            .map(|nth| {
                let class = CLASSES[nth as usize * 7 % CLASSES.len()];
                let is_after_own = nth > 20;
                Point { class, nth, phase: "-", nth_of_phase: nth, life: 1, is_after_own }
            })
            .collect();
        for number in 0..200 {
            let mut draw = Draw::new(1, number);
            let swarm: Vec<&FaultRow> = ROWS.iter().filter(|_| draw.below(4) == 0).collect();
            let pairs: Vec<(&Point, &FaultRow)> = points
                .iter()
                .flat_map(|point| swarm.iter().map(move |row| (point, *row)))
                .filter(|(point, row)| row.on.contains(&point.class))
                .filter(|(point, row)| point.is_after_own || !row.ends_life)
                .collect();
            let mut same = draw;
            let expected = same.of(&pairs).map(|(point, row)| (point.nth, row.does));
            let found = first_fault(&points, &swarm, &mut draw);
            assert_eq!(found.map(|(point, row)| (point.nth, row.does)), expected);
            assert_eq!(draw.next(), same.next(), "as many numbers were drawn");
        }
    }
}
