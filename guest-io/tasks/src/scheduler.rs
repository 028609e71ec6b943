//! The tasks: making them, waiting, waking, and the loop that resumes them.
//!
//! Invariant: nothing of the state is borrowed while another task runs.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::time::Duration;

use hal::{Instant, Tracer, Wake};

use crate::cycle::{self, Edge};
use crate::events::Event;
use crate::order::LockClass;
use crate::state::{State, Status, Task, TaskName};
use crate::{Alone, Idle, Memory, NoStack, Ran, Resource, ResourceKind, Switch, TaskId};

/// Whether the end of [`Tasks::run`] waits for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has a job, and ends.
    Worker,
    /// It serves the others and never ends (Linux: a kernel thread).
    Daemon,
}

/// Why [`Tasks::run`] gave up. The circle of waits, if there is one, is in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Nobody can run, and nothing that could happen would change that.
    Deadlock,
    /// For longer than the bound nobody got on with its job.
    NoProgress,
}

/// Resumes without any progress at one moment of virtual time that count as no progress.
const RESUMES_MAX: u32 = 100_000;

/// The tasks of a guest.
pub struct Tasks {
    state: RefCell<State>,
    switch: Rc<dyn Switch>,
    idle: Rc<dyn Idle>,
    memory: RefCell<Option<Rc<dyn Memory>>>,
    tracer: Tracer,
    /// The bound on progress, in virtual time.
    bound: Duration,
}

impl Tasks {
    /// No task yet. `seed` decides every choice; `bound` is how long nobody may get on with its job.
    #[must_use]
    pub fn new(
        switch: Rc<dyn Switch>,
        idle: Rc<dyn Idle>,
        tracer: Tracer,
        seed: u64,
        bound: Duration,
    ) -> Rc<Self> {
        let (state, memory) = (RefCell::new(State::new(seed)), RefCell::default());
        Rc::new(Self { state, switch, idle, memory, tracer, bound })
    }

    /// Who answers for kernel memory from now on; nobody: it is endless.
    pub fn set_memory(&self, memory: Option<Rc<dyn Memory>>) {
        *self.memory.borrow_mut() = memory;
    }

    pub(crate) fn memory(&self) -> Option<Rc<dyn Memory>> {
        self.memory.borrow().clone()
    }

    /// Makes a task; it runs when it is chosen.
    ///
    /// # Errors
    /// [`NoStack`] if the engine has none left.
    pub fn spawn(
        &self,
        name: &str,
        role: Role,
        body: impl FnOnce() + 'static,
    ) -> Result<TaskId, NoStack> {
        let count = self.state.borrow().tasks.len();
        let id = TaskId(u16::try_from(count).map_err(|_| NoStack)?);
        self.switch.spawn(id, Box::new(body))?;
        self.state.borrow_mut().tasks.push(Task {
            role,
            status: Status::Ready,
            wake: Wake::Interrupt,
            reclaims: 0,
            held: Vec::new(),
        });
        self.tracer.emit(Event::Spawn { task: id, name: TaskName::new(name) });
        Ok(id)
    }

    /// The task that runs; none on the program's own stack.
    #[must_use]
    pub fn current(&self) -> Option<TaskId> {
        self.state.borrow().current
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.idle.now()
    }

    /// Where events go.
    #[must_use]
    pub const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Lets another task run, if one is ready (Linux `cond_resched`).
    pub fn yield_now(&self) {
        if let Some(me) = self.current() {
            self.state.borrow_mut().task(me).status = Status::Ready;
            self.switch.suspend();
        }
    }

    /// Waits until somebody wakes the resource, or until `deadline`. Spurious ends are possible: look again.
    ///
    /// # Errors
    /// [`Alone`] if the caller is no task.
    pub fn wait(&self, resource: Resource, deadline: Instant) -> Result<Wake, Alone> {
        let me = self.current().ok_or(Alone)?;
        let holder = {
            let state = &mut *self.state.borrow_mut();
            state.task(me).status = Status::Waiting { resource, deadline };
            if resource.kind.is_device() {
                state.device = Some(me);
            }
            state.holders.get(&resource).copied()
        };
        self.tracer.emit(Event::Wait { task: me, resource, holder });
        self.switch.suspend();
        Ok(self.state.borrow_mut().task(me).wake)
    }

    /// Everybody who waits for `resource` looks again.
    pub fn wake_all(&self, resource: Resource) {
        self.wake(resource, usize::MAX);
    }

    /// The first task that waits for `resource` looks again.
    pub fn wake_one(&self, resource: Resource) {
        self.wake(resource, 1);
    }

    fn wake(&self, resource: Resource, most: usize) {
        let is_meant = |waited: Resource, _| (waited == resource).then_some(Wake::Interrupt);
        self.state.borrow_mut().wake_where(is_meant, most);
    }

    /// Who can end the waits for `resource`, as far as the search for a circle is concerned.
    pub fn set_holder(&self, resource: Resource, holder: Option<TaskId>) {
        let holders = &mut self.state.borrow_mut().holders;
        match holder {
            Some(task) => holders.insert(resource, task),
            None => holders.remove(&resource),
        };
    }

    /// Somebody got on with its job: the bound counts from here.
    pub fn progress(&self) {
        let now = self.now();
        let state = &mut *self.state.borrow_mut();
        (state.progress_at, state.resumes) = (now, 0);
    }

    /// The caller reclaims memory from now on: it uses the reserve, and does not reclaim again.
    pub fn begin_reclaim(&self) {
        if let Some(me) = self.current() {
            self.state.borrow_mut().task(me).reclaims += 1;
        }
    }

    /// The end of [`Tasks::begin_reclaim`].
    pub fn end_reclaim(&self) {
        if let Some(me) = self.current() {
            self.state.borrow_mut().task(me).reclaims -= 1;
        }
    }

    /// Does the caller reclaim memory (Linux `PF_MEMALLOC`)?
    #[must_use]
    pub fn reclaims(&self) -> bool {
        self.current().is_some_and(|me| self.state.borrow_mut().task(me).reclaims > 0)
    }

    /// The caller is about to take a lock of that class, or something that counts as one.
    pub fn wants(&self, class: LockClass) {
        let Some(me) = self.current() else { return };
        let reports: Vec<_> = {
            let state = &mut *self.state.borrow_mut();
            let held = state.task(me).held.clone();
            held.into_iter().filter(|held| state.order.note(*held, class)).collect()
        };
        for held in reports {
            self.tracer.emit(Event::OrderReport { task: me, held, wanted: class });
        }
    }

    /// The caller holds a lock of that class, or is inside of something that counts as one.
    pub fn enter(&self, class: LockClass) {
        if let Some(me) = self.current() {
            self.state.borrow_mut().task(me).held.push(class);
        }
    }

    /// The end of [`Tasks::enter`].
    pub fn leave(&self, class: LockClass) {
        if let Some(me) = self.current() {
            let state = &mut *self.state.borrow_mut();
            let held = &mut state.task(me).held;
            if let Some(at) = held.iter().rposition(|held| *held == class) {
                held.remove(at);
            }
        }
    }

    pub(crate) fn took(&self, resource: Resource, class: LockClass) {
        self.enter(class);
        if let Some(me) = self.current() {
            self.set_holder(resource, Some(me));
        }
    }

    pub(crate) fn gave(&self, resource: Resource, class: LockClass) {
        self.leave(class);
        self.set_holder(resource, None);
        self.wake_one(resource);
    }

    /// Runs the tasks until every worker has ended and every daemon has nothing to do.
    ///
    /// # Errors
    /// [`Stuck`]. The tasks stay where they are for ever then; the trace says who waits for whom.
    ///
    /// # Panics
    /// If a task calls it.
    pub fn run(&self) -> Result<(), Stuck> {
        assert!(self.current().is_none(), "a task runs the tasks");
        self.progress();
        loop {
            if let Some(next) = self.choose() {
                self.resume(next);
                if self.state.borrow().resumes > RESUMES_MAX {
                    return Err(self.stuck(Stuck::NoProgress));
                }
                continue;
            }
            if self.is_done() {
                return Ok(());
            }
            self.let_time_pass()?;
        }
    }

    /// One of the ready tasks, as the seed says.
    fn choose(&self) -> Option<TaskId> {
        let (task, ready) = {
            let state = &mut *self.state.borrow_mut();
            let is_ready = |(_, task): &(TaskId, &Task)| task.status == Status::Ready;
            let ready: Vec<_> = state.ids().filter(is_ready).map(|(id, _)| id).collect();
            let task = *ready.get(state.seed.below(ready.len()))?;
            state.resumes += 1;
            (task, ready.len() as u32)
        };
        self.tracer.emit(Event::Run { task, ready });
        Some(task)
    }

    fn resume(&self, task: TaskId) {
        {
            let state = &mut *self.state.borrow_mut();
            state.task(task).status = Status::Running;
            state.current = Some(task);
        }
        let ran = self.switch.resume(task);
        let state = &mut *self.state.borrow_mut();
        state.current = None;
        if ran == Ran::Ended {
            state.task(task).status = Status::Ended;
            self.tracer.emit(Event::Exit { task });
        }
    }

    fn is_done(&self) -> bool {
        self.state.borrow().tasks.iter().all(|task| match task.status {
            Status::Ended => true,
            Status::Waiting { resource, .. } => {
                task.role == Role::Daemon && resource.kind.is_idle()
            }
            Status::Ready | Status::Running => false,
        })
    }

    /// Waits for the next interrupt or deadline and wakes whom it may concern.
    fn let_time_pass(&self) -> Result<(), Stuck> {
        let (device, deadline) = self.next_event();
        if device.is_none() && deadline == Instant::NEVER {
            return Err(self.stuck(Stuck::Deadlock));
        }
        let anything = Resource::only(ResourceKind::Device);
        let wake = self.idle.wait(device.unwrap_or(anything), deadline);
        let now = self.now();
        let progress_at = self.state.borrow().progress_at;
        if now - progress_at > self.bound {
            // Before anybody is woken: so all of them are seen where they wait.
            return Err(self.stuck(Stuck::NoProgress));
        }
        {
            let state = &mut *self.state.borrow_mut();
            // A completion may be anybody's, and whoever drives the device changes what the others
            // wait for: all of them look again.
            let end = |resource: Resource, deadline| match resource.kind {
                _ if deadline <= now => Some(Wake::Deadline),
                kind if kind.is_device() && wake == Wake::Interrupt => Some(Wake::Interrupt),
                _ => None,
            };
            let is_ended = state.wake_where(end, usize::MAX);
            if is_ended && wake == Wake::Deadline {
                let look = |r: Resource, _| r.kind.is_device().then_some(Wake::Interrupt);
                state.wake_where(look, usize::MAX);
            }
        }
        Ok(())
    }

    /// The device and vector to wait for, if anybody waits for one, and the first deadline.
    fn next_event(&self) -> (Option<Resource>, Instant) {
        let state = self.state.borrow();
        let waits = |task: &Task| match task.status {
            Status::Waiting { resource, deadline } => Some((resource, deadline)),
            _ => None,
        };
        let deadline = state.tasks.iter().filter_map(waits).map(|(_, deadline)| deadline).min();
        let device_of = |task: &Task| waits(task).map(|(r, _)| r).filter(|r| r.kind.is_device());
        let latest = state.device.and_then(|id| state.tasks.get(usize::from(id.0)));
        let any = || state.tasks.iter().find_map(device_of);
        let device = latest.and_then(device_of).or_else(any);
        (device, deadline.unwrap_or(Instant::NEVER))
    }

    /// Tells the trace who waits for whom.
    fn stuck(&self, why: Stuck) -> Stuck {
        let now = self.now();
        let (edges, since) = {
            let state = self.state.borrow();
            (cycle::waiting(&state), now - state.progress_at)
        };
        let since_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.tracer.emit(Event::Stuck { why, waiting: edges.len() as u32, since_ns });
        let circle = cycle::find(&edges);
        let (inside, outside): (Vec<Edge>, Vec<Edge>) =
            (circle.clone(), { edges.into_iter().filter(|edge| !circle.contains(edge)).collect() });
        for Edge { task, resource, holder } in inside {
            self.tracer.emit(Event::Circle { task, resource, holder });
        }
        for Edge { task, resource, holder } in outside {
            self.tracer.emit(Event::AlsoWaits { task, resource, holder });
        }
        why
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("bound", &self.bound).finish_non_exhaustive()
    }
}
