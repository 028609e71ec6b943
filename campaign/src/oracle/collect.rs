//! The pass over a trace: what has to be remembered from one event to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use file_server::Event as ServerEvent;
use guest_fs::events::Event as FsEvent;
use hal::trace::{Layer, Record};
use iomap::events::Event as IomapEvent;
use iomap::{Context, Errno};
use lab::events::{Event as LabEvent, Step};
use nvme_driver::events::Event as DriverEvent;
use nvme_model::Event as ModelEvent;
use remote::events::Event as RemoteEvent;
use swap_path::SwapEntry;
use swap_path::events::Event as SwapEvent;
use tasks::events::Event as TaskEvent;

use super::deeds::{blocks_of_write, context_of_deed};
use super::facts::{ErrorSeen, Facts, PageTold, PageWrong, StepSeen, SwapOutCost};
use super::journey::Tracker;
use super::shape::ShapeFinder;
use crate::trace::{Entry, Source};

/// What has to be remembered from one event to the next.
#[derive(Debug, Default)]
pub(super) struct Collector {
    facts: Facts,
    /// The steps that are under way, the innermost last, with "was down".
    steps: Vec<(Step, bool)>,
    is_down: bool,
    /// Blocks of the write in whose middle it went down.
    under_way: Range<u64>,
    is_after: bool,
    swap_ino: Option<u64>,
    /// Fork shares slots.
    pages_of_slot: BTreeMap<SwapEntry, Vec<u64>>,
    out: BTreeSet<u64>,
    errors: BTreeMap<(&'static str, Errno, Layer), u64>,
    is_swapping_out: bool,
    /// Write commands of the swap-out under way.
    commands: u64,
    /// Log forces and checkpoints under way: what they write is not swap's.
    is_logging: bool,
    is_server_down: bool,
    fault_began_ns: Option<u64>,
    shapes: ShapeFinder,
    journeys: Tracker,
}

impl Collector {
    pub(super) fn entry(&mut self, entry: &Entry) {
        self.journeys.next_event();
        match &entry.source {
            Source::Guest(record) => self.record(entry.now_ns, record),
            Source::Controller(event) => {
                self.journeys.controller(event);
                self.controller(event);
            }
            Source::Server(event) => self.server(event),
        }
    }

    pub(super) fn finish(mut self) -> Facts {
        let errors = self.errors.into_iter();
        self.facts.errors = errors
            .map(|((operation, errno, learned_by), count)| ErrorSeen {
                operation,
                errno,
                learned_by,
                count,
            })
            .collect();
        self.facts.journeys = self.journeys.journeys();
        (self.facts.user_write_shape, self.facts.swap_out_shape) = self.shapes.finish();
        self.facts
    }

    /// Each record is read once, and everybody told who wants to know of its layer.
    fn record(&mut self, now_ns: u64, record: &Record) {
        match record.layer {
            Layer::Program | Layer::Workload => {
                let Some(event) = LabEvent::decode(record) else { return };
                self.journeys.program(&event);
                self.lab(event);
            }
            Layer::Swap => {
                let Some(event) = SwapEvent::decode(record) else { return };
                self.journeys.swap(&event);
                self.fault_time(now_ns, &event);
                self.swap(event);
            }
            Layer::Iomap => {
                let Some(event) = IomapEvent::decode(record) else { return };
                self.shapes.iomap(&event);
                self.journeys.iomap(&event);
                if let IomapEvent::MapAsk { context, .. } = event {
                    self.facts.map_asks += u64::from(context.is_swap_io());
                }
            }
            Layer::Filesystem => {
                let Some(event) = FsEvent::decode(record) else { return };
                self.shapes.filesystem(&event);
                self.journeys.filesystem(&event);
                self.filesystem(&event);
            }
            Layer::Driver => {
                let Some(event) = DriverEvent::decode(record) else { return };
                self.shapes.driver(&event);
                self.journeys.driver(&event);
            }
            // What a server does wrong is told by swap, page by page.
            Layer::Remote => RemoteEvent::decode(record).into_iter().for_each(|e| self.remote(&e)),
            Layer::Task => TaskEvent::decode(record).into_iter().for_each(|e| self.task(e)),
            Layer::Block | Layer::Platform => {}
        }
    }

    /// The server sees what its client asks; there as here one question an I/O at the least.
    fn remote(&mut self, event: &RemoteEvent) {
        match event {
            RemoteEvent::Sent { context, .. } => {
                self.facts.map_asks += u64::from(context.is_swap_io());
            }
            RemoteEvent::GaveUp { .. } => self.facts.map_asks += 1,
            _ => {}
        }
    }

    fn task(&mut self, event: TaskEvent) {
        match event {
            TaskEvent::Spawn { task, name } => {
                self.facts.tasks.insert(task, name.to_string());
            }
            TaskEvent::Stuck { why, .. } => self.facts.stuck = Some(why),
            TaskEvent::Circle { task, resource, holder } => {
                self.facts.circle.push((task, resource, holder));
            }
            TaskEvent::OrderReport { held, wanted, .. } => {
                self.facts.order_reports.push(format!("{} -> {}", held.name(), wanted.name()));
            }
            TaskEvent::ProgramDied { word, .. } => self.facts.program_died = Some(word),
            _ => {}
        }
    }

    fn step(&self) -> Option<Step> {
        self.steps.last().map(|(step, _)| *step)
    }

    fn lab(&mut self, event: LabEvent) {
        match event {
            LabEvent::StepBegin { step } => self.step_begin(step),
            LabEvent::StepEnd { step, result, count } => self.step_end(step, result, count),
            LabEvent::SwapFileExtent { pages, start_block, .. } => {
                self.facts.swap_file_blocks.extend(start_block..start_block.saturating_add(pages));
            }
            LabEvent::WriteUnderWay { block, blocks } => {
                self.under_way = block..block.saturating_add(blocks);
            }
            LabEvent::PageWrong { page, content, .. } => {
                self.facts.wrong.push(PageWrong { step: self.step(), page, content });
            }
            LabEvent::PageTold { page, is_store, .. } => {
                self.facts.told.push(PageTold { step: self.step(), page, is_store });
                if !is_store {
                    self.facts.pages_lost.insert(page);
                }
            }
            LabEvent::Pass { .. } => {}
        }
    }

    fn step_begin(&mut self, step: Step) {
        // The driver is probed at the beginning of each life.
        if step == Step::Probe && self.facts.steps.contains_key(&Step::Probe) {
            self.is_after = true;
            // Whatever the power cut interrupted is over.
            (self.is_swapping_out, self.is_logging, self.is_down) = (false, false, false);
            self.under_way = 0..0;
            self.fault_began_ns = None;
            self.steps.clear();
            self.out.clear();
            self.pages_of_slot.clear();
        }
        self.steps.push((step, self.is_down));
        self.facts.out_at_step.insert(step, self.out.clone());
        if !self.facts.swap_out_cost.iter().any(|(known, _)| *known == step) {
            self.facts.swap_out_cost.push((step, SwapOutCost::default()));
        }
    }

    fn step_end(&mut self, step: Step, result: Result<(), Errno>, count: u64) {
        let was_down = self.steps.pop().is_some_and(|(_, was_down)| was_down);
        let is_after = self.is_after;
        self.facts.played.push(StepSeen { step, result, count, was_down, is_after });
        self.facts.steps.insert(step, result);
        self.facts.counts.insert(step, count);
        match (step, result) {
            (Step::Shutdown, Ok(())) => {
                self.is_down = true;
                self.facts.out_at_shutdown = self.out.clone();
            }
            (Step::Unmount | Step::Recover, Ok(())) => self.is_down = false,
            _ => {}
        }
    }

    fn cost(&mut self) -> Option<&mut SwapOutCost> {
        let step = self.step()?;
        let costs = &mut self.facts.swap_out_cost;
        costs.iter_mut().find(|(known, _)| *known == step).map(|(_, cost)| cost)
    }

    fn swap(&mut self, event: SwapEvent) {
        match event {
            SwapEvent::SlotAlloc { page, entry } => {
                let pages = self.pages_of_slot.entry(entry).or_default();
                pages.clear();
                pages.push(page);
            }
            SwapEvent::SlotShare { page, entry } => {
                let pages = self.pages_of_slot.entry(entry).or_default();
                if !pages.contains(&page) {
                    pages.push(page);
                }
                self.out.insert(page);
                self.facts.slots_shared += 1;
            }
            SwapEvent::SlotFree { page, entry } => {
                // A page that is poisoned leaves its slot too, and is in memory no more than before.
                let pages = self.pages_of_slot.get_mut(&entry);
                pages.into_iter().for_each(|pages| pages.retain(|other| *other != page));
            }
            SwapEvent::FolioSplit { .. } => self.facts.folio_splits += 1,
            SwapEvent::Unshare { page, .. } => {
                self.out.remove(&page);
            }
            SwapEvent::ZeroOut { entry, pages } | SwapEvent::CacheDrop { entry, pages } => {
                let is_zero = matches!(event, SwapEvent::ZeroOut { .. });
                self.facts.zeros_out += u64::from(pages) * u64::from(is_zero);
                self.goes_out(entry, pages);
            }
            SwapEvent::ZeroIn { page, .. } => {
                self.out.remove(&page);
            }
            SwapEvent::SwapOutBegin { .. } => {
                (self.is_swapping_out, self.commands) = (true, 0);
                self.facts.swap_ios += 1;
                self.cost().into_iter().for_each(|cost| cost.swap_outs += 1);
            }
            SwapEvent::SwapOutEnd { entry, pages, error } => {
                self.is_swapping_out = false;
                let (ios, commands) = self.facts.swap_outs_of.entry(pages).or_default();
                (*ios, *commands) = (*ios + 1, *commands + self.commands);
                self.facts.failed_swap_outs += u64::from(error.is_some());
                if error.is_none() {
                    self.goes_out(entry, pages);
                }
            }
            SwapEvent::CleanDrop { page, entry: Some(_) } => {
                self.out.insert(page);
            }
            SwapEvent::SwapInEnd { entry, pages, error: None } => {
                for page in pages_of(&self.pages_of_slot, entry, pages) {
                    self.out.remove(&page);
                }
            }
            SwapEvent::SwapInBegin { .. } => self.facts.swap_ios += 1,
            SwapEvent::WriteError { page, cause, .. } => {
                self.facts.swap_out_failed.insert(page);
                self.error("swap-outs", &cause);
            }
            SwapEvent::ReadError { cause, .. } => self.error("swap-ins", &cause),
            SwapEvent::Poison { cause, .. } => self.error("swapoff reads", &cause),
            SwapEvent::OutOfMemory { .. } => self.facts.out_of_memory += 1,
            _ => {}
        }
    }

    /// A fault of a page that was in swap lasts from the access to the end of the read.
    fn fault_time(&mut self, now_ns: u64, event: &SwapEvent) {
        match event {
            SwapEvent::Fault { .. } => self.fault_began_ns = Some(now_ns),
            SwapEvent::SwapInEnd { error: None, .. } => {
                let began = self.fault_began_ns.take();
                self.facts.fault_ns.extend(began.map(|began| now_ns.saturating_sub(began)));
            }
            _ => {}
        }
    }

    /// The pages of these slots are in swap and not in memory from now on.
    fn goes_out(&mut self, entry: SwapEntry, pages: u32) {
        self.out.extend(pages_of(&self.pages_of_slot, entry, pages));
    }

    fn error(&mut self, operation: &'static str, cause: &swap_path::events::Cause) {
        *self.errors.entry((operation, cause.errno, cause.learned_by)).or_default() += 1;
    }

    fn filesystem(&mut self, event: &FsEvent) {
        match event {
            FsEvent::SwapClaim { ino } => self.swap_ino = Some(*ino),
            FsEvent::Alloc { ino, block, blocks, .. } if self.swap_ino == Some(*ino) => {
                let end = block.saturating_add(u64::from(*blocks));
                self.facts.swap_file_blocks.extend(*block..end);
            }
            FsEvent::Moved { ino, from, to, blocks } if self.swap_ino == Some(*ino) => {
                let run = |start: u64| start..start.saturating_add(u64::from(*blocks));
                self.facts.swap_file_moved(run(*from), run(*to));
            }
            FsEvent::LogForce { .. } | FsEvent::Checkpoint { .. } => self.is_logging = true,
            FsEvent::LogForceDone { .. } => self.is_logging = false,
            FsEvent::TxnCommit { context: Context::SwapOut, .. } => {
                self.cost().into_iter().for_each(|cost| cost.transactions += 1);
            }
            _ => {}
        }
        if context_of_deed(event).is_some_and(Context::is_swap_io) {
            self.facts.broken_promises.push(*event);
        }
    }

    fn server(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::FilesystemDown => self.is_server_down = true,
            ServerEvent::FilesystemUp => self.is_server_down = false,
            ServerEvent::Written { file, offset, bytes } => {
                let range = *offset..offset.saturating_add(u64::from(*bytes));
                if self.step() == Some(Step::MakeSwapFile) {
                    self.facts.remote_file = *file;
                } else if self.is_swapping_out {
                    self.facts.remote_written_by_swap.push((*file, range));
                }
                self.facts.remote_written_while_down += u64::from(self.is_server_down);
            }
            _ => {}
        }
    }

    fn controller(&mut self, event: &ModelEvent) {
        if matches!(event, ModelEvent::Fault { .. }) {
            self.facts.drive_faults_after += u64::from(self.is_after);
        }
        let Some(blocks) = blocks_of_write(event) else { return };
        if self.is_down {
            let is_new = |block: &u64| !self.under_way.contains(block);
            self.facts.written_while_down.extend(blocks.clone().filter(is_new));
        }
        if self.is_swapping_out && !self.is_logging {
            self.commands += 1;
            self.facts.written_by_swap.extend(blocks);
        }
    }
}

/// Which pages the slots from `entry` on belong to.
fn pages_of(
    pages_of_slot: &BTreeMap<SwapEntry, Vec<u64>>,
    entry: SwapEntry,
    pages: u32,
) -> impl Iterator<Item = u64> {
    (0..pages).flat_map(move |index| {
        let slot = entry.slot.saturating_add(index);
        pages_of_slot.get(&SwapEntry { slot, ..entry }).into_iter().flatten().copied()
    })
}
