//! Events as trace records. The numbers are part of the trace format: never reuse one.

use hal::trace::{Layer, Record};

use super::Event;
use crate::state::TaskName;
use crate::{Gfp, LockClass, Resource, ResourceKind, Stuck, TaskId};

const SPAWN: u8 = 1;
const RUN: u8 = 2;
const WAIT: u8 = 3;
const EXIT: u8 = 4;
const STUCK: u8 = 5;
const CIRCLE: u8 = 6;
const ALSO_WAITS: u8 = 7;
const ORDER_REPORT: u8 = 8;
const DIRECT_RECLAIM: u8 = 9;
const DIRECT_RECLAIM_END: u8 = 10;
const WAKE_KSWAPD: u8 = 11;
const THREAD_WANTED: u8 = 12;
const PROGRAM_DIED: u8 = 13;

/// No task.
const NOBODY: u16 = u16::MAX;

fn number(task: Option<TaskId>) -> u16 {
    task.map_or(NOBODY, |TaskId(task)| task)
}

fn task(number: u16) -> Option<TaskId> {
    (number != NOBODY).then_some(TaskId(number))
}

fn words(name: TaskName) -> [u64; 3] {
    let half = |from: usize| {
        name.0[from..from + 8].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    [half(0), half(8), 0]
}

fn name([first, second, _]: [u64; 3]) -> TaskName {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first.to_le_bytes());
    bytes[8..].copy_from_slice(&second.to_le_bytes());
    TaskName(bytes)
}

/// A wait: the task in `small`, the resource's kind in `word`, its number and the holder behind.
fn wait(task: TaskId, resource: Resource, holder: Option<TaskId>) -> (u16, u32, [u64; 3]) {
    (task.0, resource.kind as u32, [resource.id, u64::from(number(holder)), 0])
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        let (code, (small, word, args)) = match event {
            Event::Spawn { task, name } => (SPAWN, (task.0, 0, words(name))),
            Event::Run { task, ready } => (RUN, (task.0, ready, [0; 3])),
            Event::Wait { task, resource, holder } => (WAIT, wait(task, resource, holder)),
            Event::Exit { task } => (EXIT, (task.0, 0, [0; 3])),
            Event::Stuck { why, waiting, since_ns } => {
                (STUCK, (u16::from(why == Stuck::Deadlock), waiting, [since_ns, 0, 0]))
            }
            Event::Circle { task, resource, holder } => (CIRCLE, wait(task, resource, holder)),
            Event::AlsoWaits { task, resource, holder } => {
                (ALSO_WAITS, wait(task, resource, holder))
            }
            Event::OrderReport { task, held, wanted } => {
                (ORDER_REPORT, (task.0, 0, [held as u64, wanted as u64, 0]))
            }
            Event::DirectReclaim { task, free, gfp } => {
                (DIRECT_RECLAIM, (number(task), free, [u64::from(gfp.bits()), 0, 0]))
            }
            Event::DirectReclaimEnd { task, freed, written, refused } => {
                let args = [u64::from(written), u64::from(refused), 0];
                (DIRECT_RECLAIM_END, (number(task), freed, args))
            }
            Event::WakeKswapd { free } => (WAKE_KSWAPD, (0, free, [0; 3])),
            Event::ThreadWanted { task, name } => (THREAD_WANTED, (number(task), 0, words(name))),
            Event::ProgramDied { task, page, word } => (PROGRAM_DIED, (task.0, 0, [page, word, 0])),
        };
        Self { layer: Layer::Task, code, small, word, args }
    }
}

impl Event {
    /// The event that `record` encodes, if it is one of this crate.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        let Record { layer: Layer::Task, code, small, word, args } = *record else { return None };
        let me = TaskId(small);
        let waits = || {
            let kind = ResourceKind::from_u8(u8::try_from(word).ok()?)?;
            Some((Resource::new(kind, args[0]), task(u16::try_from(args[1]).ok()?)))
        };
        let class = |arg: u64| LockClass::from_u8(u8::try_from(arg).ok()?);
        let small_of = |arg: u64| u32::try_from(arg).ok();
        Some(match code {
            SPAWN => Self::Spawn { task: me, name: name(args) },
            RUN => Self::Run { task: me, ready: word },
            WAIT => {
                let (resource, holder) = waits()?;
                Self::Wait { task: me, resource, holder }
            }
            EXIT => Self::Exit { task: me },
            STUCK => {
                let why = if small == 1 { Stuck::Deadlock } else { Stuck::NoProgress };
                Self::Stuck { why, waiting: word, since_ns: args[0] }
            }
            CIRCLE => {
                let (resource, holder) = waits()?;
                Self::Circle { task: me, resource, holder }
            }
            ALSO_WAITS => {
                let (resource, holder) = waits()?;
                Self::AlsoWaits { task: me, resource, holder }
            }
            ORDER_REPORT => {
                Self::OrderReport { task: me, held: class(args[0])?, wanted: class(args[1])? }
            }
            DIRECT_RECLAIM => Self::DirectReclaim {
                task: task(small),
                free: word,
                gfp: Gfp::from_bits(u8::try_from(args[0]).ok()?)?,
            },
            DIRECT_RECLAIM_END => Self::DirectReclaimEnd {
                task: task(small),
                freed: word,
                written: small_of(args[0])?,
                refused: small_of(args[1])?,
            },
            WAKE_KSWAPD => Self::WakeKswapd { free: word },
            THREAD_WANTED => Self::ThreadWanted { task: task(small), name: name(args) },
            PROGRAM_DIED => Self::ProgramDied { task: me, page: args[0], word: args[1] },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back() {
        let (me, name) = (TaskId(3), TaskName::new("kworker/dio:0-long-name"));
        let resource = Resource::new(ResourceKind::MapLock, 263);
        for holder in [None, Some(TaskId(0))] {
            for event in [
                Event::Spawn { task: me, name },
                Event::Run { task: me, ready: 2 },
                Event::Wait { task: me, resource, holder },
                Event::Exit { task: me },
                Event::Stuck { why: Stuck::Deadlock, waiting: 4, since_ns: 0 },
                Event::Stuck { why: Stuck::NoProgress, waiting: 4, since_ns: u64::MAX },
                Event::Circle { task: me, resource, holder },
                Event::AlsoWaits { task: me, resource, holder },
                Event::OrderReport {
                    task: me,
                    held: LockClass::IoLock,
                    wanted: LockClass::FsReclaim,
                },
                Event::DirectReclaim { task: holder, free: 7, gfp: Gfp::NOFS | Gfp::NOFAIL },
                Event::DirectReclaimEnd { task: holder, freed: 1, written: 2, refused: 3 },
                Event::WakeKswapd { free: 9 },
                Event::ThreadWanted { task: holder, name },
                Event::ProgramDied { task: me, page: 1, word: u64::MAX },
            ] {
                assert_eq!(Event::decode(&Record::from(event)), Some(event));
            }
        }
    }

    #[test]
    fn a_name_is_cut_to_sixteen_bytes() {
        let record = Record::from(Event::Spawn {
            task: TaskId(0),
            name: TaskName::new("0123456789abcdefg"),
        });
        let Some(Event::Spawn { name, .. }) = Event::decode(&record) else { panic!("{record:?}") };
        assert_eq!(std::format!("{name}"), "0123456789abcdef");
    }
}
