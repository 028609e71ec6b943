//! What one pass over a trace collects.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use guest_fs::events::Event as FsEvent;
use hal::trace::Layer;
use iomap::Errno;
use lab::PageContent;
use lab::events::Step;
use tasks::{Resource, Stuck, TaskId};

use super::collect::Collector;
use super::journey::{Fate, Journey};
use crate::trace::Entry;

/// An access that was answered with a bus error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageTold {
    /// In which step.
    pub step: Option<Step>,
    /// The page.
    pub page: u64,
    /// True for a store.
    pub is_store: bool,
}

/// A page that did not hold what it should, without any error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageWrong {
    /// In which step.
    pub step: Option<Step>,
    /// The page.
    pub page: u64,
    /// What it held.
    pub content: PageContent,
}

/// Errors of one kind that swap met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorSeen {
    /// `swap-outs`, `swap-ins` or `swapoff reads`, counted in pages.
    pub operation: &'static str,
    /// What swap was given.
    pub errno: Errno,
    /// The layer that learned of it first.
    pub learned_by: Layer,
    /// Pages.
    pub count: u64,
}

/// A step that was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepSeen {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub result: Result<(), Errno>,
    /// What it counted.
    pub count: u64,
    /// The filesystem was shut down when it began.
    pub was_down: bool,
    /// It belongs to the life after a power cycle.
    pub is_after: bool,
}

/// Swap-outs and what the filesystem did inside of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwapOutCost {
    /// Swap-out I/Os that were started.
    pub swap_outs: u64,
    /// Transactions that were committed for them.
    pub transactions: u64,
}

/// The trace in numbers.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every step, in order.
    pub played: Vec<StepSeen>,
    /// How each step ended the last time.
    pub steps: BTreeMap<Step, Result<(), Errno>>,
    /// What each step counted the last time.
    pub counts: BTreeMap<Step, u64>,
    /// Pages whose load was answered with a bus error at least once.
    pub pages_lost: BTreeSet<u64>,
    /// Every such answer.
    pub told: Vec<PageTold>,
    /// Pages that held something else than what was stored last, without an error.
    pub wrong: Vec<PageWrong>,
    /// Errors that swap met, by kind.
    pub errors: Vec<ErrorSeen>,
    /// Who learned of each error, and what became of it.
    pub journeys: Vec<Journey>,
    /// Pages that were in swap and not in memory when the filesystem shut down.
    pub out_at_shutdown: BTreeSet<u64>,
    /// Pages that were in swap and not in memory when a step began the last time.
    pub out_at_step: BTreeMap<Step, BTreeSet<u64>>,
    /// Pages whose swap-out failed at least once.
    pub swap_out_failed: BTreeSet<u64>,
    /// Swap-outs by the step that caused them, in the order of the steps' first play.
    pub swap_out_cost: Vec<(Step, SwapOutCost)>,
    /// Swap I/Os of either direction.
    pub swap_ios: u64,
    /// Swap-outs that the path did not do.
    pub failed_swap_outs: u64,
    /// Mapping callbacks that were asked for swap I/O.
    pub map_asks: u64,
    /// Faults that found no memory.
    pub out_of_memory: u64,
    /// What the filesystem did inside swap I/O that it must not do there.
    pub broken_promises: Vec<FsEvent>,
    /// Swap-outs by their size in pages, and the commands that they took.
    pub swap_outs_of: BTreeMap<u32, (u64, u64)>,
    /// Folios that were taken apart.
    pub folio_splits: u64,
    /// Pages of zeros that went out without I/O.
    pub zeros_out: u64,
    /// Pages that came into a slot where another one was.
    pub slots_shared: u64,
    /// Blocks of the swap file, header included.
    pub swap_file_blocks: BTreeSet<u64>,
    /// Blocks that were written between the shutdown and the unmount.
    pub written_while_down: BTreeSet<u64>,
    /// Blocks that were written inside swap-outs, without the filesystem's log and checkpoint.
    pub written_by_swap: BTreeSet<u64>,
    /// The swap file as its server names it, if it is a server's; 0 otherwise.
    pub remote_file: u64,
    /// What swap-outs changed at the server: which file, which bytes.
    pub remote_written_by_swap: Vec<(u64, Range<u64>)>,
    /// Times that a file changed at a server whose filesystem was down.
    pub remote_written_while_down: u64,
    /// Faults of the drive that fired in the life after a power cycle.
    pub drive_faults_after: u64,
    /// How long each fault took that was answered, in virtual nanoseconds.
    pub fault_ns: Vec<u64>,
    /// The tasks' names.
    pub tasks: BTreeMap<TaskId, String>,
    /// How it was noticed that nobody got on any more, if that is so.
    pub stuck: Option<Stuck>,
    /// Who waited for whom in a circle then.
    pub circle: Vec<(TaskId, Resource, Option<TaskId>)>,
    /// Orders of locks that were seen in both directions.
    pub order_reports: Vec<String>,
    /// What a program found instead of its text, if it died of that.
    pub program_died: Option<u64>,
    /// The layers' events of the first overwriting direct write of a user.
    pub user_write_shape: Vec<String>,
    /// The layers' events of a swap-out of as many pages.
    pub swap_out_shape: Vec<String>,
}

impl Facts {
    /// Reads a whole trace.
    #[must_use]
    pub fn collect(entries: &[Entry]) -> Self {
        let mut collector = Collector::default();
        for entry in entries {
            collector.entry(entry);
        }
        collector.finish()
    }

    /// Which of these blocks are none of the swap file's.
    #[must_use]
    pub fn foreign(&self, blocks: &BTreeSet<u64>) -> BTreeSet<u64> {
        blocks.difference(&self.swap_file_blocks).copied().collect()
    }

    /// The filesystem moves a piece of the swap file. What was written to its old place was its own.
    pub(super) fn swap_file_moved(&mut self, from: Range<u64>, to: Range<u64>) {
        let own = &self.swap_file_blocks;
        self.written_by_swap.retain(|block| !own.contains(block));
        self.swap_file_blocks.retain(|block| !from.contains(block));
        self.swap_file_blocks.extend(to);
    }

    /// The circle of waits in words, one line a task; empty if there is none.
    #[must_use]
    pub fn circle_lines(&self) -> Vec<String> {
        let name = |task: &TaskId| self.tasks.get(task).map_or("?", |name| name);
        let line = |(task, resource, holder): &(TaskId, Resource, Option<TaskId>)| {
            let holder = holder.as_ref().map_or("nobody", name);
            format!("{} waits for {resource}: {holder}", name(task))
        };
        self.circle.iter().map(line).collect()
    }

    /// Errors that nobody who should know knows of.
    pub fn silent(&self) -> impl Iterator<Item = &Journey> {
        self.journeys.iter().filter(|journey| journey.fate == Fate::Silent)
    }

    /// The worst there is: wrong data, and the error behind it was never told.
    #[must_use]
    pub fn is_silent_and_wrong(&self) -> bool {
        !self.wrong.is_empty() && self.silent().next().is_some()
    }

    /// Swap-outs of the first pass that had any.
    #[must_use]
    pub fn first_cost(&self) -> Option<SwapOutCost> {
        self.swap_out_cost.iter().map(|(_, cost)| *cost).find(|cost| cost.swap_outs > 0)
    }
}
