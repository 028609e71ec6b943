//! What is known of each task.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use hal::{Instant, Wake};

use crate::order::{LockClass, LockOrder};
use crate::{Resource, Role, Seed, TaskId};

/// A task's name: up to 16 bytes, as Linux's `comm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskName(pub [u8; 16]);

impl TaskName {
    /// The first 16 bytes of `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        f.write_str(core::str::from_utf8(&self.0[..end]).unwrap_or("?"))
    }
}

/// What a task does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ready,
    Running,
    Waiting { resource: Resource, deadline: Instant },
    Ended,
}

/// One task.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) role: Role,
    pub(crate) status: Status,
    /// How its last wait ended.
    pub(crate) wake: Wake,
    /// Reclaims memory just now: may use the reserve and does not reclaim again (Linux `PF_MEMALLOC`).
    pub(crate) reclaims: u32,
    /// Classes of the locks that it holds, in the order in which it took them.
    pub(crate) held: Vec<LockClass>,
}

/// All tasks and what they hold.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tasks: Vec<Task>,
    pub(crate) current: Option<TaskId>,
    pub(crate) seed: Seed,
    pub(crate) order: LockOrder,
    /// Who can end the wait for a resource.
    pub(crate) holders: BTreeMap<Resource, TaskId>,
    /// The device waiter that looked at the device last: it knows best which vector is meant.
    pub(crate) device: Option<TaskId>,
    pub(crate) progress_at: Instant,
    /// Tasks resumed since the last progress, at one moment of time.
    pub(crate) resumes: u32,
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            tasks: Vec::new(),
            current: None,
            seed: Seed::new(seed),
            order: LockOrder::default(),
            holders: BTreeMap::new(),
            device: None,
            progress_at: Instant::BOOT,
            resumes: 0,
        }
    }

    pub(crate) fn task(&mut self, id: TaskId) -> &mut Task {
        &mut self.tasks[usize::from(id.0)]
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        (0_u16..).map(TaskId).zip(&self.tasks)
    }

    /// Makes every waiting task ready of which `pick` says how its wait ended. True if there was one.
    pub(crate) fn wake_where(
        &mut self,
        pick: impl Fn(Resource, Instant) -> Option<Wake>,
        most: usize,
    ) -> bool {
        let mut left = most;
        for task in &mut self.tasks {
            let Status::Waiting { resource, deadline } = task.status else { continue };
            if left == 0 {
                break;
            }
            if let Some(wake) = pick(resource, deadline) {
                (task.status, task.wake) = (Status::Ready, wake);
                left -= 1;
            }
        }
        left < most
    }
}
