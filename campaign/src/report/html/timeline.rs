//! The timeline of one unit as a picture: a lane for each layer, a tick for each event, from swapon on.
//!
//! The axis is the order of the events, not time: a time-out of thirty seconds would hide everything
//! else. The virtual times stand at the steps.

use std::fmt::Write;

use file_server::Event as ServerEvent;
use guest_fs::events::Event as FsEvent;
use hal::trace::{Layer, Record};
use iomap::events::Event as IomapEvent;
use lab::events::{Event as LabEvent, Step};
use nvme_model::Event as ModelEvent;
use remote::events::Event as RemoteEvent;
use swap_path::events::Event as SwapEvent;
use tasks::events::Event as TaskEvent;

use super::escaped;
use crate::trace::{Entry, Source};

const LANES: [&str; 8] =
    ["workload", "swap", "iomap", "filesystem", "driver", "device", "fault", "tasks"];
const GUTTER: usize = 62;
const WIDTH: usize = 720;
const LANE: usize = 13;
const TOP: usize = 26;

/// What a tick says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Plain,
    Transaction,
    Error,
    Fault,
}

impl Mark {
    const ALL: [Self; 4] = [Self::Plain, Self::Transaction, Self::Error, Self::Fault];

    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Transaction => "txn",
            Self::Error => "error",
            Self::Fault => "fault",
        }
    }
}

/// The picture of a whole trace.
pub(super) fn timeline(entries: &[Entry]) -> String {
    let is_on = |entry: &Entry| {
        matches!(lab_event(entry), Some(LabEvent::StepBegin { step: Step::SwapOn }))
    };
    let begin = entries.iter().position(is_on).unwrap_or(0);
    let mut ticks: Vec<(usize, usize, Mark)> = Vec::new();
    let mut steps: Vec<(usize, &'static str, u64)> = Vec::new();
    let mut order = 0;
    for entry in entries.get(begin..).unwrap_or_default() {
        if let Some(LabEvent::StepBegin { step }) = lab_event(entry) {
            steps.push((order, step.text(), entry.now_ns));
        }
        if let Some((lane, mark)) = tick(entry) {
            ticks.push((lane, order, mark));
            order += 1;
        }
    }
    draw(&ticks, &steps, order.max(1))
}

fn lab_event(entry: &Entry) -> Option<LabEvent> {
    match &entry.source {
        Source::Guest(record) => LabEvent::decode(record),
        Source::Controller(_) | Source::Server(_) => None,
    }
}

/// The lane of an event and what it says.
fn tick(entry: &Entry) -> Option<(usize, Mark)> {
    match &entry.source {
        Source::Guest(record) => guest_tick(record),
        Source::Controller(ModelEvent::Fault { .. } | ModelEvent::Removed) => {
            Some((6, Mark::Fault))
        }
        Source::Controller(ModelEvent::Fetch { sqid: 1.., .. }) => Some((5, Mark::Plain)),
        Source::Controller(ModelEvent::Complete { sqid: 1.., status, .. }) => {
            Some((5, if status.is_success() { Mark::Plain } else { Mark::Error }))
        }
        Source::Controller(_) => None,
        Source::Server(event) => server_tick(event),
    }
}

/// The file server is a device as the controller is one.
fn server_tick(event: &ServerEvent) -> Option<(usize, Mark)> {
    Some(match event {
        ServerEvent::Fault { .. }
        | ServerEvent::Disconnect { .. }
        | ServerEvent::FilesystemDown => (6, Mark::Fault),
        ServerEvent::Request { .. } | ServerEvent::Reply { errno: 0, .. } => (5, Mark::Plain),
        ServerEvent::Reply { .. } => (5, Mark::Error),
        _ => return None,
    })
}

fn guest_tick(record: &Record) -> Option<(usize, Mark)> {
    let error = |is_error| if is_error { Mark::Error } else { Mark::Plain };
    Some(match record.layer {
        Layer::Workload => (0, error(!matches!(LabEvent::decode(record)?, LabEvent::Pass { .. }))),
        Layer::Swap => {
            let event = SwapEvent::decode(record)?;
            let is_error = event.kernel_log().is_some()
                || matches!(event, SwapEvent::BusError { .. } | SwapEvent::Poison { .. });
            (1, error(is_error))
        }
        Layer::Iomap => {
            let event = IomapEvent::decode(record)?;
            let is_error =
                matches!(event, IomapEvent::MapRefused { .. } | IomapEvent::IoFailed { .. });
            (2, error(is_error))
        }
        Layer::Filesystem => match FsEvent::decode(record)? {
            FsEvent::TxnCommit { .. } | FsEvent::Convert { .. } | FsEvent::Alloc { .. } => {
                (3, Mark::Transaction)
            }
            FsEvent::Shutdown { .. } | FsEvent::SwapMapRefused { .. } => (3, Mark::Error),
            _ => (3, Mark::Plain),
        },
        Layer::Driver => (4, Mark::Plain),
        Layer::Remote => {
            (4, error(matches!(RemoteEvent::decode(record)?, RemoteEvent::Broken { .. })))
        }
        Layer::Task => {
            let is_error = matches!(
                TaskEvent::decode(record)?,
                TaskEvent::Stuck { .. }
                    | TaskEvent::Circle { .. }
                    | TaskEvent::OrderReport { .. }
                    | TaskEvent::ProgramDied { .. }
            );
            (7, error(is_error))
        }
        Layer::Program | Layer::Block | Layer::Platform => return None,
    })
}

fn draw(
    ticks: &[(usize, usize, Mark)],
    steps: &[(usize, &'static str, u64)],
    length: usize,
) -> String {
    let height = TOP + LANES.len() * LANE + 4;
    let x = |order: usize| GUTTER + order * (WIDTH - GUTTER - 4) / length;
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for (lane, name) in LANES.iter().enumerate() {
        let y = TOP + lane * LANE + 9;
        let _ = write!(out, "<text x=\"0\" y=\"{y}\">{name}</text>");
    }
    let mut label_end = 0;
    for (order, text, now_ns) in steps {
        let at = x(*order);
        let ms = *now_ns as f64 / 1e6;
        let _ = write!(
            out,
            "<path class=\"step\" d=\"M{at} 12V{height}\"><title>{} at {ms:.3} ms</title></path>",
            escaped(text)
        );
        if at >= label_end {
            let _ = write!(out, "<text x=\"{}\" y=\"9\">{}</text>", at + 1, escaped(text));
            let _ = write!(out, "<text x=\"{}\" y=\"20\">{ms:.2} ms</text>", at + 2);
            label_end = at + 8 + text.len() * 5;
        }
    }
    for mark in Mark::ALL {
        let mut places: Vec<_> = ticks
            .iter()
            .filter(|(_, _, what)| *what == mark)
            .map(|(lane, order, _)| (*lane, x(*order)))
            .collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            continue;
        }
        let _ = write!(out, "<path class=\"{}\" d=\"", mark.class());
        for (lane, at) in places {
            let _ = write!(out, "M{at} {}v9", TOP + lane * LANE + 1);
        }
        out += "\"/>";
    }
    out + "</svg>\n"
}
