//! A trace for Perfetto and chrome://tracing: the JSON trace-event format, one track a layer, virtual times.
//!
//! What takes time is a slice (steps, swap I/O, commands), all else is an instant. A flow leads from each swap I/O
//! over its commands to their completions. A second life follows the first on the time axis.

use std::collections::BTreeMap;

use hal::trace::{Layer, Record};
use lab::events::{Event as LabEvent, Step};
use nvme_driver::events::Event as DriverEvent;
use nvme_model::Event as ModelEvent;
use serde_json::{Value, json};
use swap_path::events::Event as SwapEvent;

use super::{Entry, Source, describe};

const TRACKS: [&str; 7] =
    ["program", "workload", "swap", "iomap", "filesystem", "driver", "device"];
const CONTROLLER: usize = 7;

/// The whole trace as one JSON document.
#[must_use]
pub fn perfetto(title: &str, entries: &[Entry]) -> String {
    let mut writer = Writer::default();
    for (index, name) in TRACKS.iter().enumerate() {
        writer.name_track(index + 1, name);
    }
    entries.iter().for_each(|entry| writer.entry(entry));
    let process = json!({"name": "process_name", "ph": "M", "pid": 1, "args": {"name": title}});
    writer.events.push(process);
    json!({"displayTimeUnit": "ns", "traceEvents": writer.events}).to_string()
}

/// A command between its fetch and its completion.
#[derive(Debug)]
struct Command {
    name: String,
    serial: u64,
}

#[derive(Debug, Default)]
struct Writer {
    events: Vec<Value>,
    /// Where this life begins, and the last time seen in it.
    life_ns: u64,
    last_ns: u64,
    /// The swap I/O under way, and the flows of commands by their number.
    flow: Option<u64>,
    flows: u64,
    flow_of: BTreeMap<u16, u64>,
    commands: BTreeMap<(u16, u16), Command>,
    serial: u64,
}

impl Writer {
    fn name_track(&mut self, track: usize, name: &str) {
        let args = json!({"name": name});
        self.events
            .push(json!({"name": "thread_name", "ph": "M", "pid": 1, "tid": track, "args": args}));
        let args = json!({"sort_index": track});
        self.events.push(
            json!({"name": "thread_sort_index", "ph": "M", "pid": 1, "tid": track, "args": args}),
        );
    }

    fn entry(&mut self, entry: &Entry) {
        if entry.now_ns < self.last_ns {
            self.life_ns += self.last_ns;
        }
        self.last_ns = entry.now_ns;
        match &entry.source {
            Source::Guest(record) => self.guest(record),
            Source::Controller(event) => self.controller(event),
            Source::Server(event) => {
                let text = event.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
                self.instant(CONTROLLER, &text);
            }
        }
    }

    /// Microseconds, the unit of the format.
    fn now(&self) -> f64 {
        (self.life_ns + self.last_ns) as f64 / 1e3
    }

    fn push(&mut self, phase: &str, track: usize, name: &str, more: Value) {
        let mut event =
            json!({"name": name, "ph": phase, "ts": self.now(), "pid": 1, "tid": track});
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        self.events.push(event);
    }

    fn instant(&mut self, track: usize, text: &str) {
        self.push("i", track, text, json!({"s": "t"}));
    }

    fn flow(&mut self, phase: &str, track: usize, id: u64) {
        self.push(phase, track, "swap I/O", json!({"cat": "swap", "id": id, "bp": "e"}));
    }

    fn guest(&mut self, record: &Record) {
        let track = match record.layer {
            Layer::Program | Layer::Task => 1,
            Layer::Workload => 2,
            Layer::Swap => 3,
            Layer::Iomap => 4,
            Layer::Filesystem => 5,
            Layer::Driver | Layer::Block | Layer::Platform | Layer::Remote => 6,
        };
        let text = describe(record).split_whitespace().collect::<Vec<_>>().join(" ");
        match record.layer {
            Layer::Program => self.program(record, track, &text),
            Layer::Swap => self.swap(record, track, &text),
            Layer::Driver => {
                if let Some(DriverEvent::Submit { cid, .. }) = DriverEvent::decode(record) {
                    self.flow_of.remove(&cid);
                    self.flow.iter().for_each(|flow| {
                        self.flow_of.insert(cid, *flow);
                    });
                }
                self.instant(track, &text);
            }
            _ => self.instant(track, &text),
        }
    }

    fn program(&mut self, record: &Record, track: usize, text: &str) {
        match LabEvent::decode(record) {
            Some(LabEvent::StepBegin { step }) => {
                if step == Step::Probe {
                    self.flow = None;
                }
                self.push("B", track, step.text(), json!({}));
            }
            Some(LabEvent::StepEnd { step, .. }) => {
                self.push("E", track, step.text(), json!({"args": {"end": text}}));
            }
            _ => self.instant(track, text),
        }
    }

    fn swap(&mut self, record: &Record, track: usize, text: &str) {
        match SwapEvent::decode(record) {
            Some(SwapEvent::SwapOutBegin { .. } | SwapEvent::SwapInBegin { .. }) => {
                self.flows += 1;
                self.flow = Some(self.flows);
                self.push("B", track, text, json!({}));
                self.flow("s", track, self.flows);
            }
            Some(SwapEvent::SwapOutEnd { .. } | SwapEvent::SwapInEnd { .. }) => {
                self.flow = None;
                self.push("E", track, text, json!({"args": {"end": text}}));
            }
            _ => self.instant(track, text),
        }
    }

    /// Commands overlap, so they are asynchronous slices.
    fn controller(&mut self, event: &ModelEvent) {
        let text = event.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        match *event {
            ModelEvent::Fetch { sqid, cid, .. } => {
                self.serial += 1;
                let serial = self.serial;
                self.push("b", CONTROLLER, &text, json!({"cat": "command", "id": serial}));
                self.commands.insert((sqid, cid), Command { name: text, serial });
                let flow = self.flow_of.get(&cid).copied().filter(|_| sqid > 0);
                flow.iter().for_each(|id| self.flow("t", CONTROLLER, *id));
            }
            ModelEvent::Complete { sqid, cid, .. } => {
                if let Some(Command { name, serial }) = self.commands.remove(&(sqid, cid)) {
                    let args = json!({"cat": "command", "id": serial, "args": {"end": text}});
                    self.push("e", CONTROLLER, &name, args);
                }
                let flow = self.flow_of.remove(&cid).filter(|_| sqid > 0);
                flow.iter().for_each(|id| self.flow("f", CONTROLLER, *id));
            }
            _ => self.instant(CONTROLLER, &text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::HostEngine;
    use crate::run::run_unit;
    use crate::scenario;

    #[test]
    fn a_trace_is_json_whose_times_never_run_back_and_whose_flows_begin_before_they_end() {
        let definition = scenario::find("reboot").expect("a shipped scenario");
        let unit = definition.units().first().expect("it has units");
        let result = run_unit(&mut HostEngine::new(), unit).expect("it runs");
        let text = perfetto("reboot", result.trace.entries());
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let events = document["traceEvents"].as_array().expect("a list");
        let times: Vec<_> = events.iter().filter_map(|event| event["ts"].as_f64()).collect();
        assert!(times.is_sorted() && times.len() > 1000, "{} events", times.len());
        let of = |phase: &str| -> Vec<_> {
            events.iter().filter(|e| e["ph"] == phase).map(|e| e["id"].as_u64()).collect()
        };
        assert!(!of("s").is_empty() && of("f").iter().all(|id| of("s").contains(id)));
        assert_eq!(of("b").len(), of("e").len() + events_without_end(&result.trace));
    }

    /// Commands that the power cut or the end of a life left without an answer, such as event requests.
    fn events_without_end(trace: &crate::trace::TraceLog) -> usize {
        let mut open = std::collections::BTreeSet::new();
        let mut lost = 0;
        for entry in trace.entries() {
            match entry.source {
                Source::Controller(ModelEvent::Fetch { sqid, cid, .. }) => {
                    lost += usize::from(!open.insert((sqid, cid)));
                }
                Source::Controller(ModelEvent::Complete { sqid, cid, .. }) => {
                    open.remove(&(sqid, cid));
                }
                _ => {}
            }
        }
        lost + open.len()
    }
}
