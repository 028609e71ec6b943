//! What each fault may cost: the table of `docs/fault-model.md`, as data that campaigns are made of.
//!
//! A row is a fault at one command, what else has to be armed for it to matter, the commands at which
//! it can happen, and what the layers owe. A test sees to it that every kind of the controller is in
//! the table or in the list of those that are no fault of a single command.

/// What the layers above the controller owe when the fault fires once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owes {
    /// Survive: whatever the scenario predicts without the fault comes out with it.
    Survive,
    /// Report: pages may be lost and steps may fail, but every owner is told and nobody hangs.
    Report,
    /// Nothing above the controller can notice it. What is left to hold: nobody hangs or panics, and
    /// the promises about swap I/O are kept.
    Undetectable,
}

impl Owes {
    /// Every obligation.
    pub const ALL: &'static [Self] = &[Self::Survive, Self::Report, Self::Undetectable];

    /// The word in campaign files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Survive => "survive",
            Self::Report => "report",
            Self::Undetectable => "undetectable",
        }
    }
}

/// A fault that campaigns can put at a command.
#[derive(Clone, Copy, Debug)]
pub struct FaultRow {
    /// What happens, as it stands behind `=>`.
    pub does: &'static str,
    /// Rules that are armed besides. The fault itself is the rule `first`.
    pub with: &'static [&'static str],
    /// The classes of commands at which it can happen.
    pub on: &'static [&'static str],
    /// What the layers owe.
    pub owes: Owes,
    /// No command comes to the controller after it in this life.
    pub ends_life: bool,
}

const READS: &[&str] = &["read"];
const WRITES: &[&str] = &["write"];
const DATA: &[&str] = &["read", "write"];
const ALL: &[&str] = &["read", "write", "flush"];

const fn row(does: &'static str, on: &'static [&'static str], owes: Owes) -> FaultRow {
    FaultRow { does, with: &[], on, owes, ends_life: false }
}

const fn with(
    does: &'static str,
    with: &'static [&'static str],
    on: &'static [&'static str],
    owes: Owes,
) -> FaultRow {
    FaultRow { does, with, on, owes, ends_life: false }
}

/// The same as the last that the controller sees in a life.
const fn last(row: FaultRow) -> FaultRow {
    FaultRow { ends_life: true, ..row }
}

use Owes::{Report, Survive, Undetectable};

/// Every fault of a single command.
#[rustfmt::skip]
pub const ROWS: &[FaultRow] = &[
    row("status=generic/internal-error", ALL, Survive),
    row("status=generic/command-interrupted crd=1", ALL, Survive),
    row("status=generic/internal-error dnr", ALL, Report),
    row("status=media/unrecovered-read dnr", READS, Report),
    row("status=media/write-fault dnr", WRITES, Report),
    row("delay=5ms", ALL, Survive),
    row("delay=lognormal(80us,0.8)", ALL, Survive),
    row("delay=40s", ALL, Survive),
    row("stall=10ms", ALL, Survive),
    row("drop", ALL, Survive),
    row("hang", ALL, Survive),
    row("hold=never", ALL, Survive),
    with("hang", &["abort => ignore-abort"], ALL, Survive),
    last(with("hang", &["abort => ignore-abort", "disable => ignore-reset"], ALL, Report)),
    row("corrupt=100^0x01", DATA, Undetectable),
    row("forge=0:00", DATA, Undetectable),
    row("lost-write", WRITES, Undetectable),
    row("torn=700B", WRITES, Undetectable),
    row("misdirect=0x1f00", WRITES, Undetectable),
    row("stale-read", READS, Undetectable),
    row("read-only", WRITES, Report),
    last(row("power-cut-at=700B", WRITES, Report)),
    row("dma-error=data", DATA, Survive),
    row("dma-error=sqe", ALL, Survive),
    row("dma-error=cqe", ALL, Survive),
    row("partial-dma=512", DATA, Undetectable),
    row("early-completion=1ms", DATA, Undetectable),
    row("duplicate", ALL, Survive),
    row("wrong-cid=0xffff", ALL, Survive),
    row("wrong-sqhd=0x7fff", ALL, Survive),
    row("wrong-sqid=7", ALL, Survive),
    row("wrong-phase=inverted", ALL, Survive),
    row("wrong-phase=frozen", ALL, Survive),
    row("wrong-cq=0", ALL, Survive),
    row("cq-overflow=20", ALL, Survive),
    row("lost-interrupt", ALL, Survive),
    row("late-interrupt=50us", ALL, Survive),
    row("spurious-interrupt", ALL, Survive),
    row("wrong-vector=0", ALL, Survive),
    row("interrupt-storm=100", ALL, Survive),
    // Messages are what the laboratory's driver uses: of a pin it sees nothing.
    row("stuck-pin", ALL, Survive),
    row("cfs", ALL, Survive),
    last(row("cfs-sticky", ALL, Report)),
    last(row("remove", ALL, Report)),
    // It comes back without its volatile cache, and a driver that resets it cannot know.
    row("remove-for=50ms", ALL, Undetectable),
    last(row("power-cut", ALL, Report)),
    last(with("cfs", &["enable nth=1 after=first => rdy-never"], ALL, Report)),
    with("cfs", &["enable nth=1 after=first => rdy-delay=5s"], ALL, Survive),
    // The queues cannot be created again: the driver gives the controller up, as Linux does.
    last(with("cfs", &["disable nth=1 after=first => keep-queues"], ALL, Report)),
    row("lose-queues", ALL, Survive),
    row("aen=notice/namespace-changed", ALL, Survive),
    row("aen-storm=100", ALL, Survive),
    row("smart-warning=0x08", ALL, Survive),
    row("temperature=360", ALL, Survive),
    row("expect", ALL, Survive),
    // The doorbell is no command: which one it rings for does not matter.
    row("ignore-write", &["doorbell"], Survive),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nvme_model::fault::{KINDS, Rule};

    use super::*;

    /// Kinds that are not a fault of one I/O command, and why.
    const ELSEWHERE: &[(&str, &str)] = &[
        ("ignore-delete-queue", "the driver deletes no queue while it works"),
        ("late-dma", "needs a command that is aborted: with `hang` in campaigns/driver.toml"),
        ("sanitize-fails", "nothing here sanitizes a drive"),
        ("ignore-shutdown", "the programs end without a controller shutdown"),
        ("lie", "of registers, before there is a command"),
        ("forbid", "no fault: a claim"),
    ];

    #[test]
    fn every_row_is_a_rule_at_every_class_it_names() {
        for row in ROWS {
            for on in row.on {
                let rule = format!("{on} nth=1 => {}", row.does);
                rule.parse::<Rule>().unwrap_or_else(|error| panic!("{rule}: {error}"));
            }
            for rule in row.with {
                rule.parse::<Rule>().unwrap_or_else(|error| panic!("{rule}: {error}"));
            }
        }
    }

    #[test]
    fn every_kind_of_fault_is_in_the_table_or_said_not_to_be() {
        let word = |rule: &Rule| rule.action.kind().name();
        let mut known: BTreeSet<&str> = ELSEWHERE.iter().map(|(word, _)| *word).collect();
        for row in ROWS {
            let rule = format!("{} nth=1 => {}", row.on[0], row.does);
            let with = row.with.iter().map(|rule| (*rule).to_owned());
            for rule in with.chain([rule]) {
                known.insert(word(&rule.parse().expect("a rule")));
            }
        }
        let missing: Vec<_> = KINDS.iter().filter(|kind| !known.contains(kind.word)).collect();
        assert!(
            missing.is_empty(),
            "what do the layers owe when {:?} fires? Add rows to ROWS and to docs/fault-model.md",
            missing.iter().map(|kind| kind.word).collect::<Vec<_>>()
        );
    }
}
