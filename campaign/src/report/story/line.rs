//! One event of a trace as a line of a story.

use std::collections::BTreeMap;
use std::fmt;

use hal::trace::{Layer, Record};
use lab::events::Event as LabEvent;
use nvme_model::Event as ModelEvent;
use swap_path::events::Event as SwapEvent;
use tasks::TaskId;
use tasks::events::Event as TaskEvent;

use crate::trace::{Entry, Source, describe};

/// A line that is worth telling.
#[derive(Clone, Debug)]
pub(super) struct Line {
    now_ns: u64,
    layer: String,
    text: String,
    record: Option<Record>,
}

impl Line {
    /// The line of an event; `None` for those that only keep the machine going.
    pub(super) fn of(entry: &Entry, tasks: &BTreeMap<TaskId, String>) -> Option<Self> {
        let now_ns = entry.now_ns;
        match &entry.source {
            Source::Guest(record) => {
                let mut text = words(&describe(record));
                if record.layer == Layer::Task {
                    if is_bookkeeping(record) {
                        return None;
                    }
                    text = named(&text, tasks);
                }
                let layer = format!("{:?}", record.layer).to_lowercase();
                Some(Self { now_ns, layer, text, record: Some(*record) })
            }
            Source::Controller(event) if is_told(event) => {
                let layer = "controller".to_owned();
                Some(Self { now_ns, layer, text: words(&event.to_string()), record: None })
            }
            Source::Controller(_) => None,
            Source::Server(event) => {
                let layer = "server".to_owned();
                Some(Self { now_ns, layer, text: words(&event.to_string()), record: None })
            }
        }
    }

    pub(super) fn lab_event(&self) -> Option<LabEvent> {
        LabEvent::decode(self.record.as_ref()?)
    }

    fn swap_event(&self) -> Option<SwapEvent> {
        SwapEvent::decode(self.record.as_ref().filter(|record| record.layer == Layer::Swap)?)
    }

    /// One round of reclaim of many that are alike: the first of each shape is worth telling.
    pub(super) fn is_reclaim_round(&self) -> bool {
        let event = self.record.as_ref().and_then(TaskEvent::decode);
        matches!(event, Some(TaskEvent::DirectReclaim { .. } | TaskEvent::DirectReclaimEnd { .. }))
    }

    /// A block begins here.
    pub(super) fn is_begin(&self) -> bool {
        matches!(
            self.swap_event(),
            Some(
                SwapEvent::Fault { .. }
                    | SwapEvent::SwapOutBegin { .. }
                    | SwapEvent::SwapInBegin { .. }
            )
        )
    }

    /// What Linux would say in its log.
    pub(super) fn kernel_log(&self) -> Option<Self> {
        let log = self.swap_event()?.kernel_log()?;
        let (layer, text) = ("kernel log".to_owned(), log.to_string());
        Some(Self { now_ns: self.now_ns, layer, text, record: None })
    }

    /// The line without its numbers: lines of equal shape tell the same.
    pub(super) fn shape(&self) -> String {
        let mut shape = self.layer.clone();
        for word in self.text.split(' ') {
            // A value may be a hexadecimal number.
            let word = word.split_once('=').map_or(word, |(key, _)| key);
            shape.push(' ');
            shape.extend(word.chars().filter(|c| !c.is_ascii_digit()));
        }
        shape
    }
}

/// Choices and waits, of which there are thousands; who is stuck at the end is told.
fn is_bookkeeping(record: &Record) -> bool {
    matches!(
        TaskEvent::decode(record),
        Some(TaskEvent::Run { .. } | TaskEvent::Wait { .. } | TaskEvent::Exit { .. })
    )
}

/// Tasks by their names.
fn named(text: &str, tasks: &BTreeMap<TaskId, String>) -> String {
    // From the last on: `task 1` is the beginning of `task 10`.
    let named = |text: String, (TaskId(task), name): (&TaskId, &String)| {
        text.replace(&format!("task {task}"), name)
    };
    tasks.iter().rev().fold(text.to_owned(), named)
}

/// Without the columns of a trace.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Commands, completions and mishaps; no registers, doorbells, interrupts.
const fn is_told(event: &ModelEvent) -> bool {
    matches!(
        event,
        ModelEvent::Fetch { sqid: 1.., .. }
            | ModelEvent::Complete { sqid: 1.., .. }
            | ModelEvent::Fatal { .. }
            | ModelEvent::Fault { .. }
            | ModelEvent::Reset { .. }
            | ModelEvent::PowerCut { .. }
            | ModelEvent::Removed
    )
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (us, ns) = (self.now_ns / 1000, self.now_ns % 1000);
        write!(f, "{us:>8}.{ns:03}  {:<10} {}", self.layer, self.text)
    }
}
