//! What one pass over a trace collects.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use guest_fs::events::Event as FsEvent;
use hal::trace::{Layer, Record};
use iomap::{Context, Errno};
use lab::PageContent;
use lab::events::{Event as LabEvent, Step};
use nvme_model::Event as ModelEvent;
use nvme_spec::NvmOpcode;
use swap_path::SwapEntry;
use swap_path::events::Event as SwapEvent;

use crate::trace::{Entry, Source};

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

/// Errors of one kind that swap met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorSeen {
    /// `swap-outs`, `swap-ins` or `swapoff reads`, counted in pages.
    pub operation: &'static str,
    /// What swap was given.
    pub errno: Errno,
    /// The layer that learned of it first.
    pub learned_by: &'static str,
    /// Pages.
    pub count: u64,
}

/// The trace in numbers.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// How each step ended.
    pub steps: BTreeMap<Step, Result<(), Errno>>,
    /// What each step counted.
    pub counts: BTreeMap<Step, u64>,
    /// Pages whose load was answered with a bus error at least once.
    pub pages_lost: BTreeSet<u64>,
    /// Every such answer.
    pub told: Vec<PageTold>,
    /// Pages that held something else than what was stored last, without an error.
    pub wrong: Vec<(u64, PageContent)>,
    /// Errors that swap met, by kind.
    pub errors: Vec<ErrorSeen>,
    /// Pages that were in swap and not in memory when the filesystem shut down.
    pub out_at_shutdown: BTreeSet<u64>,
    /// Pages whose swap-out failed at least once.
    pub swap_out_failed: BTreeSet<u64>,
    /// What the filesystem did inside swap I/O that it must not do there.
    pub broken_promises: Vec<String>,
    /// Blocks of the swap file, header included.
    pub swap_file_blocks: BTreeSet<u64>,
    /// Blocks that were written between the shutdown and the unmount.
    pub written_while_down: BTreeSet<u64>,
}

impl Facts {
    /// Reads a whole trace.
    #[must_use]
    pub fn collect(entries: &[Entry]) -> Self {
        let mut collector = Collector::default();
        for entry in entries {
            match &entry.source {
                Source::Guest(record) => collector.guest(record),
                Source::Controller(event) => collector.controller(event),
            }
        }
        collector.finish()
    }
}

/// What has to be remembered from one event to the next.
#[derive(Debug, Default)]
struct Collector {
    facts: Facts,
    step: Option<Step>,
    is_down: bool,
    page_of_slot: BTreeMap<SwapEntry, u64>,
    out: BTreeSet<u64>,
    errors: BTreeMap<(&'static str, Errno, &'static str), u64>,
}

impl Collector {
    fn guest(&mut self, record: &Record) {
        match record.layer {
            Layer::Program | Layer::Workload => {
                LabEvent::decode(record).into_iter().for_each(|event| self.lab(event));
            }
            Layer::Swap => {
                SwapEvent::decode(record).into_iter().for_each(|event| self.swap(event));
            }
            Layer::Filesystem => {
                FsEvent::decode(record).into_iter().for_each(|event| self.filesystem(&event));
            }
            Layer::Iomap | Layer::Block | Layer::Driver | Layer::Platform => {}
        }
    }

    fn lab(&mut self, event: LabEvent) {
        match event {
            LabEvent::StepBegin { step } => self.step = Some(step),
            LabEvent::StepEnd { step, result, count } => self.step_end(step, result, count),
            LabEvent::SwapFileExtent { pages, start_block, .. } => {
                self.facts.swap_file_blocks.extend(start_block..start_block.saturating_add(pages));
            }
            LabEvent::PageWrong { page, content, .. } => self.facts.wrong.push((page, content)),
            LabEvent::PageTold { page, is_store, .. } => {
                self.facts.told.push(PageTold { step: self.step, page, is_store });
                if !is_store {
                    self.facts.pages_lost.insert(page);
                }
            }
            LabEvent::Pass { .. } => {}
        }
    }

    fn step_end(&mut self, step: Step, result: Result<(), Errno>, count: u64) {
        self.facts.steps.insert(step, result);
        self.facts.counts.insert(step, count);
        match (step, result) {
            (Step::Shutdown, Ok(())) => {
                self.is_down = true;
                self.facts.out_at_shutdown = self.out.clone();
            }
            (Step::Unmount, Ok(())) => self.is_down = false,
            _ => {}
        }
    }

    fn swap(&mut self, event: SwapEvent) {
        match event {
            SwapEvent::SlotAlloc { page, entry } => {
                self.page_of_slot.insert(entry, page);
            }
            SwapEvent::SwapOutEnd { entry, pages, error: None } => {
                let pages: Vec<_> = self.pages_of(entry, pages).collect();
                self.out.extend(pages);
            }
            SwapEvent::CleanDrop { page, entry: Some(_) } => {
                self.out.insert(page);
            }
            SwapEvent::SwapInEnd { entry, pages, error: None } => {
                let pages: Vec<_> = self.pages_of(entry, pages).collect();
                pages.iter().for_each(|page| {
                    self.out.remove(page);
                });
            }
            SwapEvent::WriteError { page, cause, .. } => {
                self.facts.swap_out_failed.insert(page);
                self.error("swap-outs", &cause);
            }
            SwapEvent::ReadError { cause, .. } => self.error("swap-ins", &cause),
            SwapEvent::Poison { cause, .. } => self.error("swapoff reads", &cause),
            _ => {}
        }
    }

    /// Which pages the slots from `entry` on belong to.
    fn pages_of(&self, entry: SwapEntry, pages: u32) -> impl Iterator<Item = u64> {
        (0..pages).filter_map(move |index| {
            let slot = entry.slot.checked_add(index)?;
            self.page_of_slot.get(&SwapEntry { slot, ..entry }).copied()
        })
    }

    fn error(&mut self, operation: &'static str, cause: &swap_path::events::Cause) {
        let learned_by = layer_name(cause.learned_by);
        *self.errors.entry((operation, cause.errno, learned_by)).or_default() += 1;
    }

    fn filesystem(&mut self, event: &FsEvent) {
        if context_of_deed(event).is_some_and(Context::is_swap_io) {
            self.facts.broken_promises.push(event.to_string());
        }
    }

    fn controller(&mut self, event: &ModelEvent) {
        if !self.is_down {
            return;
        }
        if let Some(blocks) = blocks_of_write(event) {
            self.facts.written_while_down.extend(blocks);
        }
    }

    fn finish(mut self) -> Facts {
        let errors = self.errors.into_iter();
        self.facts.errors = errors
            .map(|((operation, errno, learned_by), count)| ErrorSeen {
                operation,
                errno,
                learned_by,
                count,
            })
            .collect();
        self.facts
    }
}

/// In whose context the filesystem does something that swap I/O must never need: a transaction, a
/// change of the map, a lock, a log write.
const fn context_of_deed(event: &FsEvent) -> Option<Context> {
    match event {
        FsEvent::TxnBegin { context, .. }
        | FsEvent::TxnCommit { context, .. }
        | FsEvent::TxnCancel { context }
        | FsEvent::LogForce { context, .. }
        | FsEvent::Checkpoint { context, .. }
        | FsEvent::InodeLock { context, .. }
        | FsEvent::InodeLockBusy { context, .. }
        | FsEvent::Alloc { context, .. }
        | FsEvent::Free { context, .. }
        | FsEvent::Convert { context, .. }
        | FsEvent::Resize { context, .. } => Some(*context),
        _ => None,
    }
}

/// The blocks that a command is about to change, as the controller took it off the queue: nothing that
/// happens behind the cache can hide it.
fn blocks_of_write(event: &ModelEvent) -> Option<Range<u64>> {
    match event {
        ModelEvent::Fetch { sqid: 1.., opcode, slba, blocks, .. }
            if [NvmOpcode::WRITE, NvmOpcode::WRITE_ZEROES].contains(&NvmOpcode(*opcode)) =>
        {
            Some(*slba..slba.saturating_add(u64::from(*blocks)))
        }
        _ => None,
    }
}

/// The layer's name in reports.
const fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Program => "program",
        Layer::Workload => "workload",
        Layer::Swap => "swap",
        Layer::Iomap => "iomap",
        Layer::Filesystem => "filesystem",
        Layer::Block => "block layer",
        Layer::Driver => "driver",
        Layer::Platform => "platform",
    }
}
