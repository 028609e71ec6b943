//! Who learned of each I/O error: how far up the news came, and what became of it.
//!
//! ```text
//! device -> driver -> block -> filesystem -> swap -> fault handler -> workload
//! ```
//!
//! An error begins where somebody first refuses: the device with a status, the driver with a time-out, the
//! filesystem with an errno. Whoever has an event about it learned of it. One that ends without being
//! healed, kept from harm or told to its owner is *silent*; silent and wrong data is the worst there is.
//!
//! Errors are followed by command, by bio, by the block of a slot, and by page, never by time: other I/O may
//! run in between. What this does not do: it judges nothing, and errors of admin commands are the driver's own.

mod bios;
mod tracker;

pub(super) use tracker::Tracker;

use std::fmt;

/// A layer that may learn of an error, from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Station {
    /// The controller and its media.
    Device,
    /// The driver.
    Driver,
    /// The block layer: a bio ended with an error.
    Block,
    /// The filesystem or its mapping library.
    Filesystem,
    /// The swap path.
    Swap,
    /// The handler of page faults.
    FaultHandler,
    /// Whoever owns the page, or made the call.
    Workload,
}

impl Station {
    /// All of them, from the bottom up.
    pub const ALL: [Self; 7] = [
        Self::Device,
        Self::Driver,
        Self::Block,
        Self::Filesystem,
        Self::Swap,
        Self::FaultHandler,
        Self::Workload,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Driver => "driver",
            Self::Block => "block layer",
            Self::Filesystem => "filesystem",
            Self::Swap => "swap path",
            Self::FaultHandler => "fault handler",
            Self::Workload => "workload",
        }
    }
}

/// What became of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It was tried again, and went well.
    Healed,
    /// A write failed, and what was to be written is still in memory.
    Kept,
    /// A layer above the device handled it, and nobody above that layer had to know.
    Handled,
    /// The owner was told.
    Told,
    /// Nobody who should know does.
    Silent,
}

impl Fate {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healed => "healed",
            Self::Kept => "kept",
            Self::Handled => "handled",
            Self::Told => "told",
            Self::Silent => "silent",
        }
    }
}

/// The layers that learned of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stations(u8);

impl Stations {
    /// With one more.
    pub(super) fn add(&mut self, station: Station) {
        self.0 |= 1 << station as u8;
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn has(self, station: Station) -> bool {
        self.0 >> station as u8 & 1 != 0
    }

    /// From the bottom up.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Station> {
        Station::ALL.into_iter().filter(move |station| self.has(*station))
    }

    /// The last that learned of it.
    #[must_use]
    pub fn last(self) -> Option<Station> {
        self.iter().next_back()
    }
}

impl fmt::Display for Stations {
    /// The first, an arrow, and so on to the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, station) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " > " })?;
            f.write_str(station.name())?;
        }
        Ok(())
    }
}

/// The operation of a device that does something else than it says.
pub(super) const LIE: &str = "lie";

/// Errors that went the same way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Journey {
    /// What was tried: `swap-out`, `swap-in`, `write`, `read`, `flush`, `mapping`; `lie` if the device did
    /// something else than it said.
    pub operation: &'static str,
    /// What was wrong, in the words of whoever refused first: a status, `timeout`, an errno, a lie.
    pub cause: String,
    /// Who learned of it.
    pub learned: Stations,
    /// What became of it.
    pub fate: Fate,
    /// How many I/Os, or pages where swap is told page by page.
    pub count: u64,
    /// The number of the first event about it in the trace, from 1.
    pub first_event: usize,
}

impl fmt::Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, cause, learned, fate, count, first_event } = self;
        write!(f, "{count} {operation} {cause}: {learned}: {} (event {first_event})", fate.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::HostEngine;
    use crate::run::run_unit;
    use crate::scenario;

    fn journeys(scenario: &str, label: &str, rules: &[&str]) -> Vec<Journey> {
        let definition = scenario::find(scenario).expect("a shipped scenario");
        let unit = definition.units().iter().find(|unit| unit.label == label);
        let mut unit = unit.expect("a unit of it").clone();
        for rule in rules {
            unit.faults.rules.push(rule.parse().expect("a rule"));
        }
        let mut engine = HostEngine::new();
        run_unit(&mut engine, &unit).expect("the host engine runs").facts.journeys
    }

    fn ways(journeys: &[Journey]) -> Vec<(String, Fate)> {
        journeys.iter().map(|j| (format!("{} {}", j.operation, j.learned), j.fate)).collect()
    }

    #[test]
    fn a_read_error_is_followed_from_the_device_to_the_owner() {
        let seen = journeys(
            "shutdown",
            "swap",
            &["read lba=270 => status=media/unrecovered-read dnr count=1"],
        );
        let way = "swap-in device > driver > block layer > filesystem > swap path > fault handler > workload";
        assert_eq!(ways(&seen), [(way.to_owned(), Fate::Told)]);
        assert_eq!((seen[0].count, &*seen[0].cause), (1, "media/unrecovered-read"));
    }

    #[test]
    fn an_error_that_the_driver_tries_again_is_healed_and_goes_no_higher() {
        let seen = journeys(
            "healthy",
            "swap",
            &["write lba=265..300 nth=3 => status=generic/internal-error"],
        );
        assert_eq!(ways(&seen), [("swap-out device > driver".to_owned(), Fate::Healed)]);
    }

    #[test]
    fn a_write_that_fails_is_kept_by_swap_and_extents_never_ask_the_filesystem() {
        let seen = journeys(
            "healthy",
            "extents",
            &["write lba=265..300 nth=3 => status=media/write-fault dnr"],
        );
        let way = "swap-out device > driver > block layer > swap path";
        assert!(ways(&seen).iter().all(|seen| *seen == (way.to_owned(), Fate::Kept)), "{seen:?}");
        assert!(!seen.is_empty());
    }

    #[test]
    fn a_refusal_of_the_filesystem_begins_there_and_a_lie_of_the_device_is_silent() {
        let seen = journeys("shutdown", "dio", &[]);
        assert!(seen.iter().all(|journey| !journey.learned.has(Station::Device)), "{seen:?}");
        assert!(seen.iter().any(|journey| journey.fate == Fate::Told));
        let seen = journeys("healthy", "swap", &["write lba=273..281 nth=2 => lost-write"]);
        assert_eq!(ways(&seen), [("lie device".to_owned(), Fate::Silent)]);
    }

    #[test]
    fn a_swap_path_that_drops_an_error_leaves_it_silent_and_the_data_wrong() {
        let definition = scenario::find("write-error").expect("a shipped scenario");
        let unit = definition.units().iter().find(|unit| unit.label.contains("control"));
        let result = run_unit(&mut HostEngine::new(), unit.expect("its control")).expect("it runs");
        assert!(result.facts.is_silent_and_wrong(), "{:?}", result.facts.journeys);
    }
}
