//! What the engine supplies: stacks, and the way from one to another.

use alloc::boxed::Box;

/// Names a task. Never reused in one life of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u16);

/// There is no stack for a further task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoStack;

/// How a resumed task came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It suspended itself and can be resumed.
    Suspended,
    /// Its body returned; its stack is free.
    Ended,
}

/// Stacks, and the way from one to another. Nobody but [`crate::Tasks`] calls it.
pub trait Switch {
    /// Makes `task`, which runs `body` on a stack of its own from its first resume on.
    ///
    /// # Errors
    /// [`NoStack`]; the body is dropped then.
    fn spawn(&self, task: TaskId, body: Box<dyn FnOnce()>) -> Result<(), NoStack>;

    /// Runs `task` until it suspends itself or ends. The caller is no task.
    fn resume(&self, task: TaskId) -> Ran;

    /// Goes back to whoever resumed the running task. The caller is a task.
    fn suspend(&self);
}
