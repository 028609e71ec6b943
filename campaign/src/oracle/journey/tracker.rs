//! The pass over a trace that follows errors upwards.

use std::collections::BTreeMap;
use std::ops::Range;

use guest_fs::events::Event as FsEvent;
use hal::trace::Layer;
use iomap::events::Event as IomapEvent;
use lab::events::{Event as LabEvent, Step};
use nvme_driver::events::Event as DriverEvent;
use nvme_model::Event as ModelEvent;
use nvme_model::fault::{ActionKind, Group, KINDS};
use swap_path::SwapEntry;
use swap_path::events::{BusErrorReason, Cause, Event as SwapEvent};

use super::bios::Bios;
use super::{Fate, Journey, LIE, Station, Stations};
use crate::oracle::layer_name;

/// One error on its way.
#[derive(Clone, Debug)]
struct Open {
    operation: &'static str,
    cause: String,
    learned: Stations,
    blocks: Range<u64>,
    is_swap: bool,
    is_healed: bool,
    /// Swap was told page by page: the pages' errors stand for this one.
    is_told_by_page: bool,
    first_event: usize,
}

/// What has to be remembered from one event to the next.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    event: usize,
    bios: Bios,
    errors: Vec<Open>,
    /// Bios that ended with an error and that nobody above has taken note of.
    unclaimed: Vec<usize>,
    /// Device block of each page of the swap file.
    block_of: BTreeMap<u32, u64>,
    error_of_page: BTreeMap<u64, usize>,
    /// By block: reads that failed, until the block is read again, its slot is free, or the power goes.
    failed_reads: BTreeMap<u64, Vec<usize>>,
    /// A refusal of the mapping that no event of swap has named yet: its number and errno.
    refused: Option<usize>,
}

impl Tracker {
    pub(crate) fn next_event(&mut self) {
        self.event += 1;
    }

    pub(crate) fn controller(&mut self, event: &ModelEvent) {
        match event {
            ModelEvent::Complete { sqid: 1.., cid, status, .. } if !status.is_success() => {
                let cause = || status.code.to_string();
                let serial = self.bios.serial_of(*cid);
                let event = self.event;
                if let Some(bio) = serial.and_then(|serial| self.bios.failed(serial, cause, event))
                {
                    bio.has_device_refused = true;
                }
            }
            ModelEvent::Fault { action, .. } if is_lie(*action) => {
                let mut learned = Stations::default();
                learned.add(Station::Device);
                let cause = word(*action).to_owned();
                self.open(Open { operation: LIE, cause, learned, ..Open::empty() });
            }
            _ => {}
        }
    }

    pub(crate) fn driver(&mut self, event: &DriverEvent) {
        let now = self.event;
        match *event {
            DriverEvent::Submit { .. } => self.bios.sent(event),
            DriverEvent::Complete { status, serial, .. } if status != 0 => {
                let cause = || format!("status {status:#x}");
                self.bios
                    .failed(serial, cause, now)
                    .into_iter()
                    .for_each(|bio| bio.has_driver_learned = true);
            }
            DriverEvent::Timeout { serial, .. } => {
                let cause = || "timeout".to_owned();
                self.bios
                    .failed(serial, cause, now)
                    .into_iter()
                    .for_each(|bio| bio.has_driver_learned = true);
            }
            DriverEvent::Finish { error, serial } => self.finish(error, serial),
            _ => {}
        }
    }

    /// A bio goes back to its owner.
    fn finish(&mut self, error: u8, serial: u64) {
        let Some(bio) = self.bios.finish(serial) else { return };
        let (cause, first_event, is_sent_again) = match &bio.failed {
            Some((cause, sent)) => (cause.clone(), bio.first_event, bio.sent > *sent),
            None if error == 0 => return,
            None => (format!("block error {error}"), self.event, false),
        };
        let is_swap = self.block_of.values().any(|block| bio.blocks.contains(block));
        let mut learned = Stations::default();
        for (is_there, station) in [
            (bio.has_device_refused, Station::Device),
            (bio.has_driver_learned || error != 0, Station::Driver),
            (error != 0, Station::Block),
        ] {
            if is_there {
                learned.add(station);
            }
        }
        let number = self.open(Open {
            operation: bio.operation(is_swap),
            cause,
            learned,
            blocks: bio.blocks,
            is_swap,
            // A time-out whose answer came after all counts as well.
            is_healed: error == 0
                && (is_sent_again || bio.has_driver_learned && !bio.has_device_refused),
            is_told_by_page: false,
            first_event,
        });
        if error != 0 {
            self.unclaimed.push(number);
        }
    }

    fn open(&mut self, open: Open) -> usize {
        let first_event = if open.first_event == 0 { self.event } else { open.first_event };
        let number = self.errors.len();
        if open.operation == "swap-in" {
            for block in open.blocks.clone() {
                self.failed_reads.entry(block).or_default().push(number);
            }
        }
        self.errors.push(Open { first_event, ..open });
        number
    }

    /// Everybody who waits is told in the filesystem.
    fn learn(&mut self, station: Station, is_concerned: impl Fn(&Open) -> bool) {
        for number in &self.unclaimed {
            if let Some(error) = self.errors.get_mut(*number).filter(|error| is_concerned(error)) {
                error.learned.add(station);
            }
        }
    }

    pub(crate) fn iomap(&mut self, event: &IomapEvent) {
        match event {
            IomapEvent::IoFailed { learned_by: Layer::Filesystem, errno, .. } => {
                let mut learned = Stations::default();
                learned.add(Station::Filesystem);
                let (operation, cause) = ("mapping", errno.name().to_owned());
                let error = Open { operation, cause, learned, ..Open::empty() };
                self.refused = Some(self.open(error));
            }
            IomapEvent::IoFailed { .. } => self.learn(Station::Filesystem, |_| true),
            IomapEvent::MapRefused { .. } => {
                self.learn(Station::Filesystem, |error| !error.is_swap);
            }
            IomapEvent::IoBegin { .. } => self.refused = None,
            _ => {}
        }
    }

    pub(crate) fn filesystem(&mut self, event: &FsEvent) {
        let is_about_an_error = matches!(
            event,
            FsEvent::Shutdown { .. }
                | FsEvent::LogForceDone { errno: Some(_), .. }
                | FsEvent::Unmount { errno: Some(_) }
                | FsEvent::SuperblockCopyUsed { .. }
        );
        if is_about_an_error {
            self.learn(Station::Filesystem, |error| !error.is_swap);
        }
    }

    pub(crate) fn swap(&mut self, event: &SwapEvent) {
        match event {
            SwapEvent::WriteError { page, entry, cause } => {
                self.swap_error("swap-out", *page, *entry, cause);
            }
            SwapEvent::ReadError { page, entry, cause }
            | SwapEvent::Poison { page, entry, cause } => {
                self.swap_error("swap-in", *page, *entry, cause);
            }
            // A failed read may be tried again page by page; what comes out right was healed.
            SwapEvent::SwapInEnd { entry, pages, error: None } => {
                for slot in entry.slot..entry.slot.saturating_add(*pages) {
                    self.read_again(slot, true);
                }
            }
            SwapEvent::SlotFree { entry, .. } => self.read_again(entry.slot, false),
            SwapEvent::BusError { page, reason, .. } if is_about_swap(*reason) => {
                self.page_learns(*page, Station::FaultHandler);
            }
            _ => {}
        }
    }

    /// What failed to read the slot is over: healed, or nobody will try again.
    fn read_again(&mut self, slot: u32, is_healed: bool) {
        let Some(block) = self.block_of.get(&slot) else { return };
        for number in self.failed_reads.remove(block).into_iter().flatten() {
            if let Some(error) = self.errors.get_mut(number) {
                error.is_healed |= is_healed;
            }
        }
    }

    /// Swap is told page by page: each page's error becomes one of its own.
    fn swap_error(&mut self, operation: &'static str, page: u64, entry: SwapEntry, cause: &Cause) {
        let block = self.block_of.get(&entry.slot).copied();
        let of_device = block.and_then(|block| {
            let is_it =
                |error: &Open| error.operation == operation && error.blocks.contains(&block);
            self.errors.iter().rposition(|error| error.learned.has(Station::Block) && is_it(error))
        });
        let is_refusal = cause.learned_by == Layer::Filesystem;
        let from = if is_refusal { self.refused } else { of_device };
        let mut error = from.and_then(|from| self.errors.get(from)).cloned().unwrap_or_else(|| {
            let mut learned = Stations::default();
            learned.add(station_of(cause.learned_by));
            let cause = format!("{} ({})", cause.errno, layer_name(cause.learned_by));
            Open { cause, learned, ..Open::empty() }
        });
        error.learned.add(Station::Swap);
        error.is_told_by_page = false;
        (error.operation, error.is_swap) = (operation, true);
        error.blocks = block.map_or(0..0, |block| block..block + 1);
        // What many pages share is told once, by the pages.
        if let Some(shared) = from {
            if let Some(shared) = self.errors.get_mut(shared) {
                shared.is_told_by_page = true;
            }
            self.unclaimed.retain(|number| *number != shared);
        }
        let number = self.open(error);
        self.error_of_page.insert(page, number);
    }

    fn page_learns(&mut self, page: u64, station: Station) {
        let error = self.error_of_page.get(&page).and_then(|number| self.errors.get_mut(*number));
        error.into_iter().for_each(|error| error.learned.add(station));
    }

    pub(crate) fn program(&mut self, event: &LabEvent) {
        match *event {
            LabEvent::StepBegin { step: Step::Probe } => {
                self.bios.clear();
                self.error_of_page.clear();
                self.failed_reads.clear();
                self.unclaimed.clear();
            }
            LabEvent::SwapFileExtent { start_page, pages, start_block } => {
                let slots = (start_page..start_page.saturating_add(pages)).zip(start_block..);
                self.block_of.extend(
                    slots.filter_map(|(page, block)| Some((u32::try_from(page).ok()?, block))),
                );
            }
            LabEvent::PageTold { page, .. } => self.page_learns(page, Station::Workload),
            LabEvent::StepEnd { result: Err(_), .. } => {
                self.learn(Station::Workload, |error| !error.is_swap);
                self.unclaimed.clear();
            }
            LabEvent::StepEnd { .. } => self.unclaimed.clear(),
            _ => {}
        }
    }

    /// What became of each, the same ones counted.
    pub(crate) fn journeys(self) -> Vec<Journey> {
        let mut groups: BTreeMap<(&'static str, String, Stations, Fate), (u64, usize)> =
            BTreeMap::new();
        for error in self.errors.into_iter().filter(|error| !error.is_told_by_page) {
            let fate = error.fate();
            let key = (error.operation, error.cause, error.learned, fate);
            let group = groups.entry(key).or_insert((0, error.first_event));
            group.0 += 1;
        }
        let journey = |((operation, cause, learned, fate), (count, first_event))| Journey {
            operation,
            cause,
            learned,
            fate,
            count,
            first_event,
        };
        groups.into_iter().map(journey).collect()
    }
}

impl Open {
    const fn empty() -> Self {
        Self {
            operation: "",
            cause: String::new(),
            learned: Stations(0),
            blocks: 0..0,
            is_swap: false,
            is_healed: false,
            is_told_by_page: false,
            first_event: 0,
        }
    }

    fn fate(&self) -> Fate {
        let has = |station| self.learned.has(station);
        match self.operation {
            _ if has(Station::Workload) => Fate::Told,
            _ if self.is_healed => Fate::Healed,
            "swap-out" if has(Station::Swap) => Fate::Kept,
            "swap-in" if has(Station::Swap) => Fate::Handled,
            _ if !self.is_swap && has(Station::Filesystem) => Fate::Handled,
            _ => Fate::Silent,
        }
    }
}

/// The device does something else than it says.
fn is_lie(action: ActionKind) -> bool {
    let kind = KINDS.iter().find(|kind| kind.kind == action);
    kind.is_some_and(|kind| kind.group == Group::Data) || action == ActionKind::PartialDma
}

fn word(action: ActionKind) -> &'static str {
    KINDS.iter().find(|kind| kind.kind == action).map_or("", |kind| kind.word)
}

const fn is_about_swap(reason: BusErrorReason) -> bool {
    matches!(
        reason,
        BusErrorReason::SwapIn | BusErrorReason::Poisoned | BusErrorReason::ReadFailedBefore
    )
}

const fn station_of(layer: Layer) -> Station {
    match layer {
        Layer::Program | Layer::Workload | Layer::Task => Station::Workload,
        Layer::Swap => Station::Swap,
        Layer::Iomap | Layer::Filesystem => Station::Filesystem,
        Layer::Block => Station::Block,
        Layer::Driver | Layer::Platform | Layer::Remote => Station::Driver,
    }
}
