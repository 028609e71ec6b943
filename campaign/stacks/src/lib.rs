//! Stacks for the guest's tasks in a process: the host engine's [`tasks::Switch`].
//!
//! What it does not do: it schedules nothing; [`tasks::Tasks`] decides who runs.
// UNSAFETY: the way back out of a task lies on its own stack and is used by calls deeper on it.
#![expect(unsafe_code, reason = "a task finds its way back through a pointer")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr::NonNull;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use tasks::{NoStack, Ran, Switch, TaskId};

/// Bytes of a stack: debug builds of the filesystem are generous with theirs.
const STACK_BYTES: usize = 1 << 20;

/// What leads out of a task; set when it starts.
type WayBack = Rc<Cell<Option<NonNull<Yielder<(), ()>>>>>;

/// One task on its stack.
struct Task {
    /// `None` while it runs and after its end.
    coroutine: Option<Coroutine<(), (), ()>>,
    way_back: WayBack,
}

/// The stacks of one life of the guest.
#[derive(Default)]
pub struct HostStacks {
    tasks: RefCell<Vec<Task>>,
    running: RefCell<Option<WayBack>>,
}

impl HostStacks {
    /// No stack yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every task where it waits: what is on its stack is dropped. For the end of a life, when nobody
    /// listens to what that says.
    pub fn unwind(&self) {
        loop {
            // Not borrowed while a destructor runs.
            let last = self.tasks.borrow_mut().pop();
            match last {
                Some(task) => drop(task),
                None => break,
            }
        }
    }
}

impl Switch for HostStacks {
    fn spawn(&self, task: TaskId, body: Box<dyn FnOnce()>) -> Result<(), NoStack> {
        let stack = DefaultStack::new(STACK_BYTES).map_err(|_| NoStack)?;
        let way_back = WayBack::default();
        let own = Rc::clone(&way_back);
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            own.set(Some(NonNull::from(yielder)));
            body();
        });
        let tasks = &mut *self.tasks.borrow_mut();
        assert_eq!(tasks.len(), usize::from(task.0), "tasks are numbered in order");
        tasks.push(Task { coroutine: Some(coroutine), way_back });
        Ok(())
    }

    fn resume(&self, task: TaskId) -> Ran {
        let index = usize::from(task.0);
        let (coroutine, way_back) = {
            let known = &mut self.tasks.borrow_mut()[index];
            (known.coroutine.take(), Rc::clone(&known.way_back))
        };
        let mut coroutine = coroutine.expect("a task that is resumed is suspended");
        let before = self.running.replace(Some(way_back));
        let result = coroutine.resume(());
        self.running.replace(before);
        match result {
            CoroutineResult::Yield(()) => {
                self.tasks.borrow_mut()[index].coroutine = Some(coroutine);
                Ran::Suspended
            }
            CoroutineResult::Return(()) => Ran::Ended,
        }
    }

    fn suspend(&self) {
        let way_back = self.running.borrow().as_ref().and_then(|way_back| way_back.get());
        let way_back = way_back.expect("a task suspends itself, nobody else");
        // SAFETY: set by the task that runs now from the reference that its body got; the body, and so the
        // yielder, lives until the task ends, and this call is inside of the body.
        let yielder = unsafe { way_back.as_ref() };
        yielder.suspend(());
    }
}

impl fmt::Debug for HostStacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostStacks").finish_non_exhaustive()
    }
}
