//! What tasks do, and what those who manage memory for them say about it.

mod wire;

use core::fmt;

use crate::state::TaskName;
use crate::{Gfp, LockClass, Resource, Stuck, TaskId};

/// An event of the tasks or of the memory under them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A task was made.
    Spawn {
        /// The task.
        task: TaskId,
        /// Its name.
        name: TaskName,
    },
    /// The seed chose a task.
    Run {
        /// The task.
        task: TaskId,
        /// How many were ready.
        ready: u32,
    },
    /// A task waits.
    Wait {
        /// The task.
        task: TaskId,
        /// What for.
        resource: Resource,
        /// Who can give it, as far as that is known.
        holder: Option<TaskId>,
    },
    /// A task ended.
    Exit {
        /// The task.
        task: TaskId,
    },
    /// Nobody gets on any more.
    Stuck {
        /// How that was noticed.
        why: Stuck,
        /// Tasks that wait for something they need.
        waiting: u32,
        /// Virtual time since somebody got on with its job.
        since_ns: u64,
    },
    /// A member of the circle of waits; the next event names whom it waits for, the last the first.
    Circle {
        /// The task.
        task: TaskId,
        /// What it waits for.
        resource: Resource,
        /// Who could give it.
        holder: Option<TaskId>,
    },
    /// A task outside of the circle that waits too.
    AlsoWaits {
        /// The task.
        task: TaskId,
        /// What it waits for.
        resource: Resource,
        /// Who could give it.
        holder: Option<TaskId>,
    },
    /// Locks are taken in both orders: they could deadlock (Linux: "possible circular locking dependency").
    OrderReport {
        /// The task that closed the circle of orders.
        task: TaskId,
        /// What it holds.
        held: LockClass,
        /// What it is about to take.
        wanted: LockClass,
    },
    /// An allocation found too few free pages and reclaims for itself (Linux `allocstall`).
    DirectReclaim {
        /// The task.
        task: Option<TaskId>,
        /// Free pages.
        free: u32,
        /// What the allocation may do.
        gfp: Gfp,
    },
    /// The end of that.
    DirectReclaimEnd {
        /// The task.
        task: Option<TaskId>,
        /// Pages that were freed.
        freed: u32,
        /// Pages that are on their way to swap.
        written: u32,
        /// Pages that could not go because the allocation may not enter the filesystem.
        refused: u32,
    },
    /// Too few free pages: the background reclaim is woken.
    WakeKswapd {
        /// Free pages.
        free: u32,
    },
    /// A thread was asked for.
    ThreadWanted {
        /// Who asked.
        task: Option<TaskId>,
        /// What it will be called.
        name: TaskName,
    },
    /// The program met an instruction that is none: its text was lost, and it dies.
    ProgramDied {
        /// The task.
        task: TaskId,
        /// The page of its text.
        page: u64,
        /// What was there.
        word: u64,
    },
}

/// A task in a report: its number, or nobody.
struct Who(Option<TaskId>);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(TaskId(task)) => write!(f, "task {task}"),
            None => f.write_str("nobody in particular"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Spawn { task: TaskId(task), name } => write!(f, "task {task} is {name}"),
            Self::Run { task: TaskId(task), ready } => {
                write!(f, "run task {task} of {ready} ready")
            }
            Self::Wait { task: TaskId(task), resource, holder } => {
                write!(f, "task {task} waits for {resource}")?;
                holder.map_or(Ok(()), |TaskId(holder)| write!(f, ", held by task {holder}"))
            }
            Self::Exit { task: TaskId(task) } => write!(f, "task {task} ends"),
            Self::Stuck { why: Stuck::Deadlock, waiting, .. } => {
                write!(f, "DEADLOCK: {waiting} tasks wait and nothing can wake them")
            }
            Self::Stuck { why: Stuck::NoProgress, waiting, since_ns } => {
                let seconds = since_ns / 1_000_000_000;
                write!(f, "NO PROGRESS for {seconds} s, {waiting} tasks wait")
            }
            Self::Circle { task: TaskId(task), resource, holder } => {
                write!(f, "circle: task {task} waits for {resource}, held by {}", Who(holder))
            }
            Self::AlsoWaits { task: TaskId(task), resource, holder } => {
                write!(f, "behind it: task {task} waits for {resource}, held by {}", Who(holder))
            }
            Self::OrderReport { task: TaskId(task), held, wanted } => write!(
                f,
                "lock order: task {task} holds {} and takes {}; the other order was seen too",
                held.name(),
                wanted.name()
            ),
            Self::DirectReclaim { task, free, gfp } => {
                write!(f, "{} reclaims, {free} pages are free, {gfp:?}", Who(task))
            }
            Self::DirectReclaimEnd { task, freed, written, refused } => write!(
                f,
                "{} reclaimed: {freed} freed, {written} on their way, {refused} not without the \
                 filesystem",
                Who(task)
            ),
            Self::WakeKswapd { free } => write!(f, "wake kswapd, {free} pages are free"),
            Self::ThreadWanted { task, name } => write!(f, "{} wants a thread {name}", Who(task)),
            Self::ProgramDied { task: TaskId(task), page, word } => {
                write!(f, "task {task} died: {word:#x} in its text, page {page}, is no instruction")
            }
        }
    }
}
